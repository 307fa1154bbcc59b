import { type DType, dtypeOf, type FloatArray, sizeOf, type View } from "@solvegrad/linalg";
import { DatumTypeError } from "../errors.ts";

export type NestedNumbers = readonly number[] | readonly NestedNumbers[];

/** What a datum may come as: nested numbers, a typed array (a vector), an ndarray, or a Tensor (which holds one). */
export type DatumInput = NestedNumbers | FloatArray | View | { readonly value: View };

/** A datum read into contiguous row-major float64. `dtype` is null for nested numbers: they have the precision of the rest. */
export interface ReadDatum {
  readonly values: Float64Array;
  readonly shape: readonly number[];
  readonly dtype: DType | null;
}

/** Copies a datum out of whatever holds it. Throws a `DatumTypeError` that names the argument when it does not hold numbers. */
export function readDatum(argument: string, input: DatumInput): ReadDatum {
  if (Array.isArray(input)) return readNested(argument, input);
  if (input instanceof Float64Array || input instanceof Float32Array) {
    return { values: Float64Array.from(input), shape: [input.length], dtype: dtypeOf(input) };
  }
  const window = isView(input) ? input : (input as { value?: unknown } | null)?.value;
  if (isView(window)) return readView(window);
  throw notNumbers(argument, `is ${describe(input)}`);
}

function readNested(argument: string, input: readonly unknown[]): ReadDatum {
  const shape: number[] = [];
  for (let level: unknown = input; Array.isArray(level); level = level[0]) shape.push(level.length);
  const values = new Float64Array(sizeOf(shape));
  let next = 0;
  const copy = (level: unknown, axis: number, path: string): void => {
    if (!Array.isArray(level)) throw notNumbers(path, `is ${describe(level)} where an array was expected`);
    if (level.length !== shape[axis]) {
      throw notNumbers(path, `has ${level.length} entries where its first neighbour has ${shape[axis]}`);
    }
    for (let i = 0; i < level.length; i++) {
      if (axis < shape.length - 1) copy(level[i], axis + 1, `${path}[${i}]`);
      else if (typeof level[i] === "number") values[next++] = level[i];
      else throw notNumbers(`${path}[${i}]`, `is ${describe(level[i])}`);
    }
  };
  copy(input, 0, argument);
  return { values, shape, dtype: null };
}

function readView({ data, shape, stride, offset }: View): ReadDatum {
  const values = new Float64Array(sizeOf(shape));
  let next = 0;
  const copy = (axis: number, at: number): void => {
    if (axis === shape.length) {
      values[next++] = data[at];
      return;
    }
    if (axis === shape.length - 1) {
      for (let i = 0; i < shape[axis]; i++) values[next++] = data[at + i * stride[axis]];
      return;
    }
    for (let i = 0; i < shape[axis]; i++) copy(axis + 1, at + i * stride[axis]);
  };
  copy(0, offset);
  return { values, shape: [...shape], dtype: dtypeOf(data) };
}

function isView(input: unknown): input is View {
  const { data, shape, stride } = (input ?? {}) as Partial<View>;
  const typed = data instanceof Float64Array || data instanceof Float32Array;
  return typed && Array.isArray(shape) && Array.isArray(stride);
}

function notNumbers(path: string, problem: string): DatumTypeError {
  const expected = "numbers in nested arrays, a Float64Array or Float32Array, an ndarray of floats, or a Tensor";
  const argument = path.split("[")[0];
  return new DatumTypeError(`${path} ${problem}; expected ${expected}`, {
    argument,
    shape: null,
    item: null,
    expected,
  });
}

function describe(value: unknown): string {
  if (value === null || value === undefined || typeof value === "number") return String(value);
  return typeof value === "string"
    ? `the string ${JSON.stringify(value)}`
    : `of type ${value.constructor?.name ?? typeof value}`;
}
