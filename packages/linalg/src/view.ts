/** The two element types of the library. */
export type DType = "float32" | "float64";
/** The array of either element type. */
export type FloatArray = Float32Array | Float64Array;

/**
 * A strided window on a typed array; every `ndarray` is one. Entry (i, j, ...) is
 * `data[offset + i * stride[0] + j * stride[1] + ...]`. A transpose swaps two strides, a broadcast has stride 0: neither copies.
 */
export interface View<T extends FloatArray = FloatArray> {
  readonly data: T;
  readonly shape: readonly number[];
  readonly stride: readonly number[];
  readonly offset: number;
}

/** The contiguous row-major view of `data` with this shape. */
export function view<T extends FloatArray>(data: T, shape: readonly number[], offset = 0): View<T> {
  return { data, shape, stride: rowMajorStrides(shape), offset };
}

/** Number of entries of an array of this shape; 1 for a shape without axes. */
export function sizeOf(shape: readonly number[]): number {
  let size = 1;
  for (const extent of shape) size *= extent;
  return size;
}

/** Strides of a contiguous row-major array: the last index runs fastest. */
export function rowMajorStrides(shape: readonly number[]): number[] {
  const stride = new Array<number>(shape.length);
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    stride[axis] = step;
    step *= shape[axis];
  }
  return stride;
}

/** The same data with its last two axes swapped. */
export function transposed<T extends FloatArray>(a: View<T>): View<T> {
  return { data: a.data, shape: swapLastTwo(a.shape), stride: swapLastTwo(a.stride), offset: a.offset };
}

function swapLastTwo(values: readonly number[]): number[] {
  const r = values.length;
  return [...values.slice(0, r - 2), values[r - 1], values[r - 2]];
}

/** The element type of an array. */
export function dtypeOf(data: FloatArray): DType {
  return data instanceof Float32Array ? "float32" : "float64";
}

/** An array of `length` zeros. */
export function allocate(dtype: DType, length: number): FloatArray {
  return dtype === "float32" ? new Float32Array(length) : new Float64Array(length);
}
