import * as fc from "fast-check";
import { fromTriplets, type SparseMatrix, type Triplet } from "../../src/sparse/index.ts";

const value = fc.integer({ min: -50, max: 50 }).map((k) => k / 8);

/** Any small sparse matrix of this shape. */
export function sparseOf(rows: number, columns: number): fc.Arbitrary<SparseMatrix> {
  if (rows * columns === 0) return fc.constant(fromTriplets([rows, columns], []));
  const entry = fc.tuple(fc.nat(rows - 1), fc.nat(columns - 1), value);
  return fc.array(entry, { maxLength: 3 * (rows + columns) }).map((entries) => fromTriplets([rows, columns], entries));
}

/** A quasi-definite [[H, B'], [B, -F]] with H and F diagonally dominant: its upper triangle, and the signs of its pivots. */
export const quasiDefinite: fc.Arbitrary<{ upper: SparseMatrix; signs: Int8Array }> = fc
  .record({
    n: fc.integer({ min: 1, max: 25 }),
    m: fc.nat(12),
    entries: fc.array(fc.tuple(fc.nat(1000), fc.nat(1000), value), { maxLength: 90 }),
  })
  .map(({ n, m, entries }) => {
    const size = n + m;
    const sign = (i: number) => (i < n ? 1 : -1);
    const off = entries
      .map(([a, b, v]): Triplet => [Math.min(a % size, b % size), Math.max(a % size, b % size), v])
      .filter(([i, j]) => i !== j);
    const weight = new Float64Array(size).fill(0.5);
    for (const [i, j, v] of off) {
      if (sign(i) !== sign(j)) continue;
      weight[i] += Math.abs(v);
      weight[j] += Math.abs(v);
    }
    const diagonal = [...weight].map((w, i): Triplet => [i, i, sign(i) * w]);
    return {
      upper: fromTriplets([size, size], [...off, ...diagonal]),
      signs: Int8Array.from({ length: size }, (_, i) => sign(i)),
    };
  });

/** The whole symmetric matrix of an upper triangle, row by row. */
export function denseSymmetric({ shape, indptr, indices, data }: SparseMatrix): Float64Array {
  const n = shape[1];
  const result = new Float64Array(n * n);
  for (let j = 0; j < n; j++) {
    for (let k = indptr[j]; k < indptr[j + 1]; k++) {
      result[indices[k] * n + j] = data[k];
      result[j * n + indices[k]] = data[k];
    }
  }
  return result;
}
