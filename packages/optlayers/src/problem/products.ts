import { activeKernels, sizeOf, transposed, type View, view } from "@solvegrad/linalg";
import type { Datum } from "./quadratic-program.ts";

/** 0, 1, ..., count - 1: every item of a batch, in order. */
export function allItems(count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, i) => i);
}

/**
 * Y <- alpha D X + beta Y, item by item, for a matrix datum D (r x c).
 *
 * Row k of X (c numbers) and of Y (r numbers) belongs to the item `items[k]`. A shared D takes one matrix product for
 * the whole batch.
 */
export function applyDatum(
  alpha: number,
  D: Datum,
  X: Float64Array,
  beta: number,
  Y: Float64Array,
  items: Int32Array,
): void {
  applyMatrix(alpha, D, D.shape[0], D.shape[1], false, X, beta, Y, items);
}

/** Y <- alpha D' X + beta Y, item by item; rows of X have r numbers, rows of Y have c. */
export function applyTransposedDatum(
  alpha: number,
  D: Datum,
  X: Float64Array,
  beta: number,
  Y: Float64Array,
  items: Int32Array,
): void {
  applyMatrix(alpha, D, D.shape[1], D.shape[0], true, X, beta, Y, items);
}

function applyMatrix(
  alpha: number,
  D: Datum,
  rows: number,
  columns: number,
  transpose: boolean,
  X: Float64Array,
  beta: number,
  Y: Float64Array,
  items: Int32Array,
): void {
  if (rows === 0 || items.length === 0) return;
  const kernels = activeKernels();
  if (!D.batched) {
    const matrix = matrixView(D, 0, transpose);
    kernels.gemm(alpha, view(X, [items.length, columns]), transposed(matrix), beta, view(Y, [items.length, rows]));
    return;
  }
  for (let k = 0; k < items.length; k++) {
    const matrix = matrixView(D, items[k], transpose);
    kernels.gemv(alpha, matrix, view(X, [columns], k * columns), beta, view(Y, [rows], k * rows));
  }
}

/** The matrix of item `i` of a datum, or its transpose, as a view. */
export function matrixView(D: Datum, i: number, transpose = false): View<Float64Array> {
  const matrix = view(D.values, D.shape, offsetOf(D, i));
  return transpose ? transposed(matrix) : matrix;
}

/** Where the values of item `i` of a datum begin. */
export function offsetOf(D: Datum, i: number): number {
  return D.batched ? i * sizeOf(D.shape) : 0;
}
