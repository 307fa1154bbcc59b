import type { SparseMatrix } from "./matrix.ts";

/** The inverse of a permutation: `inverse[order[k]] = k`. */
export function invertPermutation(order: Int32Array): Int32Array {
  const inverse = new Int32Array(order.length);
  for (let k = 0; k < order.length; k++) inverse[order[k]] = k;
  return inverse;
}

/** The upper triangle of P K P', and the place in it of every entry of K's upper triangle. */
export interface PermutedSymmetric {
  readonly upper: SparseMatrix;
  readonly target: Int32Array;
}

/**
 * Row and column k of the result are row and column `order[k]` of K, whose upper triangle is given: an entry that falls
 * below the diagonal is mirrored. The rows of a column do not rise in general.
 */
export function permuteSymmetric(K: SparseMatrix, order: Int32Array): PermutedSymmetric {
  const n = K.shape[1];
  const place = invertPermutation(order);
  const indptr = new Int32Array(n + 1);
  for (let j = 0; j < n; j++) {
    for (let k = K.indptr[j]; k < K.indptr[j + 1]; k++) indptr[Math.max(place[j], place[K.indices[k]]) + 1]++;
  }
  for (let j = 0; j < n; j++) indptr[j + 1] += indptr[j];
  const next = indptr.slice(0, n);
  const indices = new Int32Array(K.indices.length);
  const data = new Float64Array(K.indices.length);
  const target = new Int32Array(K.indices.length);
  for (let j = 0; j < n; j++) {
    for (let k = K.indptr[j]; k < K.indptr[j + 1]; k++) {
      const a = place[j];
      const b = place[K.indices[k]];
      const at = next[Math.max(a, b)]++;
      indices[at] = Math.min(a, b);
      data[at] = K.data[k];
      target[k] = at;
    }
  }
  return { upper: { shape: [n, n], indptr, indices, data }, target };
}
