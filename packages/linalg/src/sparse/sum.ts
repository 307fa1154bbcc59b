import { type SparseMatrix, SparseMatrixError, type Triplet } from "./matrix.ts";

/** alpha A + beta B, on the union of the two patterns (entries that cancel stay stored). */
export function sparseSum(alpha: number, A: SparseMatrix, beta: number, B: SparseMatrix): SparseMatrix {
  const [rows, columns] = A.shape;
  if (B.shape[0] !== rows || B.shape[1] !== columns) {
    throw new SparseMatrixError(`B is ${B.shape[0]} x ${B.shape[1]}, expected ${rows} x ${columns} as A is`);
  }
  const indptr = new Int32Array(columns + 1);
  const indices = new Int32Array(A.indices.length + B.indices.length);
  const data = new Float64Array(indices.length);
  let at = 0;
  for (let j = 0; j < columns; j++) {
    let a = A.indptr[j];
    let b = B.indptr[j];
    while (a < A.indptr[j + 1] || b < B.indptr[j + 1]) {
      const rowA = a < A.indptr[j + 1] ? A.indices[a] : rows;
      const rowB = b < B.indptr[j + 1] ? B.indices[b] : rows;
      indices[at] = Math.min(rowA, rowB);
      data[at] = (rowA <= rowB ? alpha * A.data[a++] : 0) + (rowB <= rowA ? beta * B.data[b++] : 0);
      at++;
    }
    indptr[j + 1] = at;
  }
  return { shape: [rows, columns], indptr, indices: indices.slice(0, at), data: data.slice(0, at) };
}

/** The entries that `keep` chooses; dropped are, for instance, those below the diagonal of a symmetric matrix. */
export function sparseFilter(
  A: SparseMatrix,
  keep: (row: number, column: number, value: number) => boolean,
): SparseMatrix {
  const columns = A.shape[1];
  const indptr = new Int32Array(columns + 1);
  const indices = new Int32Array(A.indices.length);
  const data = new Float64Array(A.indices.length);
  let at = 0;
  for (let j = 0; j < columns; j++) {
    for (let k = A.indptr[j]; k < A.indptr[j + 1]; k++) {
      if (!keep(A.indices[k], j, A.data[k])) continue;
      indices[at] = A.indices[k];
      data[at++] = A.data[k];
    }
    indptr[j + 1] = at;
  }
  return { shape: A.shape, indptr, indices: indices.slice(0, at), data: data.slice(0, at) };
}

/** The upper triangle with the diagonal: how this library passes a symmetric matrix. */
export function upperTriangle(A: SparseMatrix): SparseMatrix {
  return sparseFilter(A, (i, j) => i <= j);
}

/** All entries as triplets, column by column. */
export function triplets(A: SparseMatrix): Triplet[] {
  const result: Triplet[] = [];
  for (let j = 0; j < A.shape[1]; j++) {
    for (let k = A.indptr[j]; k < A.indptr[j + 1]; k++) result.push([A.indices[k], j, A.data[k]]);
  }
  return result;
}
