import type { SparseMatrix } from "./matrix.ts";

/** y <- y + alpha A x. */
export function addProduct(alpha: number, A: SparseMatrix, x: Float64Array, y: Float64Array): void {
  const { indptr, indices, data } = A;
  const columns = A.shape[1];
  for (let j = 0; j < columns; j++) {
    const xj = alpha * x[j];
    if (xj === 0) continue;
    for (let k = indptr[j], end = indptr[j + 1]; k < end; k++) y[indices[k]] += data[k] * xj;
  }
}

/** y <- y + alpha A'x. */
export function addTransposedProduct(alpha: number, A: SparseMatrix, x: Float64Array, y: Float64Array): void {
  const { indptr, indices, data } = A;
  const columns = A.shape[1];
  for (let j = 0; j < columns; j++) {
    let sum = 0;
    for (let k = indptr[j], end = indptr[j + 1]; k < end; k++) sum += data[k] * x[indices[k]];
    y[j] += alpha * sum;
  }
}

/** y <- y + alpha K x for the symmetric K whose upper triangle is given. */
export function addSymmetricProduct(alpha: number, upper: SparseMatrix, x: Float64Array, y: Float64Array): void {
  const { indptr, indices, data } = upper;
  const columns = upper.shape[1];
  for (let j = 0; j < columns; j++) {
    const xj = alpha * x[j];
    let sum = 0;
    for (let k = indptr[j], end = indptr[j + 1]; k < end; k++) {
      const i = indices[k];
      y[i] += data[k] * xj;
      if (i !== j) sum += data[k] * x[i];
    }
    y[j] += alpha * sum;
  }
}

/** A B, by Gustavson's column-by-column sum; every column's rows are sorted. */
export function sparseProduct(A: SparseMatrix, B: SparseMatrix): SparseMatrix {
  const [rows, inner] = A.shape;
  if (B.shape[0] !== inner) throw new RangeError(`B has ${B.shape[0]} rows, expected ${inner}, the columns of A`);
  const columns = B.shape[1];
  const indptr = new Int32Array(columns + 1);
  const indices: number[] = [];
  const data: number[] = [];
  const sums = new Float64Array(rows);
  const seen = new Int32Array(rows).fill(-1);
  for (let j = 0; j < columns; j++) {
    const pattern: number[] = [];
    for (let b = B.indptr[j]; b < B.indptr[j + 1]; b++) {
      const column = B.indices[b];
      for (let a = A.indptr[column]; a < A.indptr[column + 1]; a++) {
        const i = A.indices[a];
        if (seen[i] !== j) {
          seen[i] = j;
          sums[i] = 0;
          pattern.push(i);
        }
        sums[i] += A.data[a] * B.data[b];
      }
    }
    pattern.sort((first, second) => first - second);
    for (const i of pattern) {
      indices.push(i);
      data.push(sums[i]);
    }
    indptr[j + 1] = indices.length;
  }
  return { shape: [rows, columns], indptr, indices: Int32Array.from(indices), data: Float64Array.from(data) };
}
