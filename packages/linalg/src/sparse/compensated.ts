/**
 * Sums of products as exact as in twice the working precision, rounded once (T. Ogita, S. Rump and S. Oishi, "Accurate sum
 * and dot product", 2005): an accumulator per entry holds a high and a low part.
 */
import type { SparseMatrix } from "./matrix.ts";

const splitter = 2 ** 27 + 1;

/** A vector whose entries are unevaluated sums of two numbers. */
export class DoubledVector {
  readonly high: Float64Array;
  readonly low: Float64Array;

  constructor(length: number) {
    this.high = new Float64Array(length);
    this.low = new Float64Array(length);
  }

  /** this <- 0. */
  clear(): this {
    this.high.fill(0);
    this.low.fill(0);
    return this;
  }

  /** this <- values. */
  set(values: Float64Array): this {
    this.high.set(values);
    this.low.fill(0);
    return this;
  }

  /** this[i] <- this[i] + a b, with the rounding errors of the product and of the sum kept. */
  addProductAt(i: number, a: number, b: number): void {
    const product = a * b;
    const aScaled = splitter * a;
    const aHigh = aScaled - (aScaled - a);
    const aLow = a - aHigh;
    const bScaled = splitter * b;
    const bHigh = bScaled - (bScaled - b);
    const bLow = b - bHigh;
    const productError = aLow * bLow - (product - aHigh * bHigh - aLow * bHigh - aHigh * bLow);
    const before = this.high[i];
    const sum = before + product;
    const part = sum - before;
    this.high[i] = sum;
    this.low[i] += before - (sum - part) + (product - part) + productError;
  }

  /** The rounded entries, into `values`. */
  round(values: Float64Array): Float64Array {
    for (let i = 0; i < values.length; i++) values[i] = this.high[i] + this.low[i];
    return values;
  }
}

/** y <- y + alpha A x, for alpha = 1 or -1; the rows of A are those of y from `offset` on. */
export function addDoubledProduct(alpha: 1 | -1, A: SparseMatrix, x: Float64Array, y: DoubledVector, offset = 0): void {
  const { indptr, indices, data } = A;
  for (let j = 0; j < A.shape[1]; j++) {
    const xj = alpha * x[j];
    if (xj === 0) continue;
    for (let k = indptr[j]; k < indptr[j + 1]; k++) y.addProductAt(offset + indices[k], data[k], xj);
  }
}

/** y <- y + alpha A'x, for alpha = 1 or -1. */
export function addDoubledTransposedProduct(alpha: 1 | -1, A: SparseMatrix, x: Float64Array, y: DoubledVector): void {
  const { indptr, indices, data } = A;
  for (let j = 0; j < A.shape[1]; j++) {
    for (let k = indptr[j]; k < indptr[j + 1]; k++) y.addProductAt(j, alpha * data[k], x[indices[k]]);
  }
}

/** y <- y + alpha K x for the symmetric K whose upper triangle is given, for alpha = 1 or -1. */
export function addDoubledSymmetricProduct(
  alpha: 1 | -1,
  upper: SparseMatrix,
  x: Float64Array,
  y: DoubledVector,
): void {
  const { indptr, indices, data } = upper;
  for (let j = 0; j < upper.shape[1]; j++) {
    for (let k = indptr[j]; k < indptr[j + 1]; k++) {
      const i = indices[k];
      const value = alpha * data[k];
      y.addProductAt(i, value, x[j]);
      if (i !== j) y.addProductAt(j, value, x[i]);
    }
  }
}

/** a'b, rounded once. */
export function doubledDot(a: Float64Array, b: Float64Array): number {
  const sum = new DoubledVector(1);
  for (let i = 0; i < a.length; i++) sum.addProductAt(0, a[i], b[i]);
  return sum.high[0] + sum.low[0];
}
