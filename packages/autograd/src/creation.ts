import { allocate, type DType, type FloatArray } from "@solvegrad/linalg";
import { ArgumentRangeError, ShapeError } from "./errors.ts";
import { type Shape, sizeOf } from "./shape.ts";
import { type Nested, Tensor } from "./tensor.ts";
import { contiguousData, type Values, window, zeroValues } from "./values.ts";

export interface TensorOptions {
  /** float64 by default; a typed array keeps its own. */
  readonly dtype?: DType;
  readonly requiresGrad?: boolean;
}

/**
 * A tensor of the given numbers: one number, nested arrays, a typed array (with `shape`; a vector otherwise), or an
 * ndarray. A typed array or an ndarray of the wanted dtype is used in place, not copied. Throws a TypeError for
 * anything else and for ragged arrays, a ShapeError where `shape` does not fit.
 */
export function tensor(
  data: Nested | FloatArray | Values,
  options: TensorOptions & { readonly shape?: Shape } = {},
): Tensor {
  const values = valuesOf(data, options.dtype);
  const shaped = options.shape ? withShape(values, options.shape) : values;
  return new Tensor(shaped, options.requiresGrad ?? false);
}

/** A tensor of zeros. Throws an ArgumentRangeError for an extent that is not an integer of at least 0, as do `ones` and `full`. */
export function zeros(shape: Shape, options: TensorOptions = {}): Tensor {
  return full(shape, 0, options);
}

/** A tensor of ones. */
export function ones(shape: Shape, options: TensorOptions = {}): Tensor {
  return full(shape, 1, options);
}

/** A tensor with one number everywhere. */
export function full(shape: Shape, value: number, options: TensorOptions = {}): Tensor {
  const bad = shape.find((extent) => !Number.isInteger(extent) || extent < 0);
  if (bad !== undefined)
    throw new ArgumentRangeError("full", "an extent of the shape", String(bad), "an integer of at least 0");
  const values = zeroValues(options.dtype ?? "float64", shape);
  if (value !== 0) values.data.fill(value);
  return new Tensor(values, options.requiresGrad ?? false);
}

/** The identity matrix. */
export function eye(n: number, options: TensorOptions = {}): Tensor {
  const identity = full([n, n], 0, options);
  for (let i = 0; i < n; i++) identity.value.data[i * n + i] = 1;
  return identity;
}

function valuesOf(data: Nested | FloatArray | Values, dtype: DType | undefined): Values {
  if (isFloatArray(data)) return inDType(window(data, [data.length]), dtype);
  if (typeof data === "number" || Array.isArray(data)) return fromNested(data as Nested, dtype ?? "float64");
  if (isValues(data)) return inDType(data, dtype);
  throw new TypeError(
    "tensor: data is of an unknown kind, expected a number, nested arrays, a Float32Array, a Float64Array or an ndarray of one",
  );
}

function isFloatArray(data: unknown): data is FloatArray {
  return data instanceof Float64Array || data instanceof Float32Array;
}

function isValues(data: unknown): data is Values {
  return typeof data === "object" && data !== null && "data" in data && "stride" in data && isFloatArray(data.data);
}

function inDType(values: Values, dtype: DType | undefined): Values {
  if (dtype === undefined || values.dtype === dtype) return values;
  const converted = zeroValues(dtype, values.shape);
  converted.data.set(contiguousData(values));
  return converted;
}

function withShape(values: Values, shape: Shape): Values {
  if (sizeOf(shape) !== values.size)
    throw new ShapeError("tensor", [shape], `a shape for the ${values.size} numbers given`);
  return window(contiguousData(values), shape);
}

function fromNested(data: Nested, dtype: DType): Values {
  const shape: number[] = [];
  for (let level: Nested = data; typeof level !== "number"; level = level[0]) {
    shape.push(level.length);
    if (level.length === 0) break;
  }
  const flat = allocate(dtype, sizeOf(shape));
  fill(data, shape, 0, flat, { next: 0 });
  return window(flat, shape);
}

function fill(level: Nested, shape: Shape, axis: number, flat: FloatArray, at: { next: number }): void {
  if (axis === shape.length) {
    if (typeof level !== "number") throw new TypeError("tensor: the nested arrays are not all of one depth");
    flat[at.next++] = level;
    return;
  }
  if (!Array.isArray(level) || level.length !== shape[axis]) {
    throw new TypeError(
      `tensor: the nested arrays are ragged, expected ${shape[axis]} entries in each array along axis ${axis}`,
    );
  }
  for (const entry of level) fill(entry, shape, axis + 1, flat, at);
}
