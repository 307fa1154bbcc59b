import { allocate, type DType, dtypeOf, type FloatArray, rowMajorStrides } from "@solvegrad/linalg";
import ndarray, { type NdArray } from "ndarray";
import ops from "ndarray-ops";
import { ShapeError } from "./errors.ts";
import { describeShape, type Shape, sizeOf } from "./shape.ts";

/** What a Tensor holds: a strided window on a typed array. */
export type Values = NdArray<FloatArray>;

/** A window on `data` with these strides; row-major by default. */
export function window(
  data: FloatArray,
  shape: Shape,
  stride: readonly number[] = rowMajorStrides(shape),
  offset = 0,
): Values {
  return ndarray(data, shape as number[], stride as number[], offset);
}

/** A new contiguous array of zeros. */
export function zeroValues(dtype: DType, shape: Shape): Values {
  return window(allocate(dtype, sizeOf(shape)), shape);
}

/** The element type of the entries. */
export function dtypeOfValues(values: Values): DType {
  return dtypeOf(values.data);
}

/** Whether the entries lie one after another in row-major order (an axis of extent 1 may have any stride). */
export function isContiguous(values: Values): boolean {
  let step = 1;
  for (let axis = values.shape.length - 1; axis >= 0; axis--) {
    if (values.shape[axis] !== 1 && values.stride[axis] !== step) return values.size === 0;
    step *= values.shape[axis];
  }
  return true;
}

/** The same entries, contiguous: a copy only where they are not yet. */
export function contiguous(values: Values): Values {
  return isContiguous(values) ? values : copyOf(values);
}

/** A contiguous copy. ndarray-ops walks the axes in the order of their strides, by blocks, so a transposed source is no trap. */
export function copyOf(values: Values): Values {
  const copy = zeroValues(dtypeOfValues(values), values.shape);
  if (isContiguous(values)) copy.data.set(contiguousData(values));
  else ops.assign(copy, values);
  return copy;
}

/** The entries in row-major order as a flat array; shares memory with `values` where these are contiguous. */
export function contiguousData(values: Values): FloatArray {
  const { data, offset, size } = contiguous(values);
  return offset === 0 && size === data.length ? data : data.subarray(offset, offset + size);
}

/** The view of this shape that repeats entries along new axes and axes of extent 1, by stride 0. */
export function broadcastValues(op: string, values: Values, shape: Shape): Values {
  const lead = shape.length - values.shape.length;
  const stride = new Array<number>(shape.length).fill(0);
  for (let axis = 0; axis < values.shape.length; axis++) {
    if (values.shape[axis] === shape[lead + axis]) stride[lead + axis] = values.stride[axis];
    else if (values.shape[axis] !== 1)
      throw new ShapeError(op, [values.shape], `a shape that broadcasts to ${describeShape(shape)}`);
  }
  if (lead < 0) throw new ShapeError(op, [values.shape], `a shape that broadcasts to ${describeShape(shape)}`);
  return window(values.data, shape, stride, values.offset);
}

/**
 * The entries under another shape of the same size: a view wherever strides can express it, otherwise a copy.
 * Axes of the old shape are grouped with axes of the new one at equal partial products; a group of old axes that
 * runs through memory with one stride can be cut up at will.
 */
export function reshapeValues(values: Values, shape: Shape): Values {
  const stride = values.size === 0 ? rowMajorStrides(shape) : strideAfterReshape(values, shape);
  if (stride) return window(values.data, shape, stride, values.offset);
  return window(copyOf(values).data, shape);
}

function strideAfterReshape(values: Values, shape: Shape): number[] | null {
  if (isContiguous(values)) return rowMajorStrides(shape);
  const axes = values.shape.map((_, axis) => axis).filter((axis) => values.shape[axis] !== 1);
  const from = axes.map((axis) => values.shape[axis]);
  const step = axes.map((axis) => values.stride[axis]);
  const stride = new Array<number>(shape.length).fill(0);
  let i = from.length - 1;
  let remaining = i >= 0 ? from[i] : 1;
  let next = i >= 0 ? step[i] : 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    let extent = shape[axis];
    stride[axis] = next;
    if (extent === 1) continue;
    while (remaining < extent) {
      if (extent % remaining !== 0 || i === 0 || step[i - 1] !== step[i] * from[i]) return null;
      extent /= remaining;
      remaining = from[--i];
    }
    if (remaining % extent !== 0) return null;
    remaining /= extent;
    next *= shape[axis];
    if (remaining === 1 && i > 0) {
      remaining = from[--i];
      next = step[i];
    }
  }
  return stride;
}
