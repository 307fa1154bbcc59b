import type { SparseMatrix } from "./matrix.ts";

/** A' and, for each of its entries, the place of that entry in `A.data`, so that later values can be carried over. */
export interface Transpose {
  readonly matrix: SparseMatrix;
  readonly source: Int32Array;
}

/** The transpose, by counting the entries of every row: O(entries + rows + columns). */
export function transposeWithMap(A: SparseMatrix): Transpose {
  const [rows, columns] = A.shape;
  const entries = A.indices.length;
  const indptr = new Int32Array(rows + 1);
  for (let k = 0; k < entries; k++) indptr[A.indices[k] + 1]++;
  for (let i = 0; i < rows; i++) indptr[i + 1] += indptr[i];
  const next = indptr.slice(0, rows);
  const indices = new Int32Array(entries);
  const source = new Int32Array(entries);
  for (let j = 0; j < columns; j++) {
    for (let k = A.indptr[j]; k < A.indptr[j + 1]; k++) {
      const at = next[A.indices[k]]++;
      indices[at] = j;
      source[at] = k;
    }
  }
  const data = new Float64Array(entries);
  for (let at = 0; at < entries; at++) data[at] = A.data[source[at]];
  return { matrix: { shape: [columns, rows], indptr, indices, data }, source };
}

/** A'. */
export function sparseTranspose(A: SparseMatrix): SparseMatrix {
  return transposeWithMap(A).matrix;
}
