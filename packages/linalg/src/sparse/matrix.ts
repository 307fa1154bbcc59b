/**
 * A sparse matrix in compressed columns (CSC): the entries of column j are `data[k]` in the rows `indices[k]`, for k from
 * `indptr[j]` up to `indptr[j + 1]`. Rows rise strictly within a column; a stored entry may be zero.
 *
 * A symmetric matrix is passed as its upper triangle (rows <= column) where a function says so.
 */
export interface SparseMatrix {
  /** Rows and columns. */
  readonly shape: readonly [number, number];
  readonly indptr: Int32Array;
  readonly indices: Int32Array;
  readonly data: Float64Array;
}

/** What came in as a sparse matrix is none: the message says where. */
export class SparseMatrixError extends RangeError {
  override readonly name = "SparseMatrixError";
}

/** One entry of a matrix: row, column, value. */
export type Triplet = readonly [row: number, column: number, value: number];

/**
 * Checks compressed columns and returns them as a matrix over the same arrays (copied only where they are no typed arrays).
 * Throws a `SparseMatrixError` for a shape, column pointer or row index that does not fit, rows that do not rise, or an
 * entry that is not finite.
 */
export function sparseMatrix(
  shape: readonly [number, number],
  indptr: ArrayLike<number>,
  indices: ArrayLike<number>,
  data: ArrayLike<number>,
): SparseMatrix {
  checkShape(shape);
  checkPointers(shape[1], indptr, indices.length, data.length);
  for (let j = 0; j < shape[1]; j++) checkColumn(shape[0], j, indptr, indices, data);
  return {
    shape: [shape[0], shape[1]],
    indptr: indptr instanceof Int32Array ? indptr : Int32Array.from(indptr),
    indices: indices instanceof Int32Array ? indices : Int32Array.from(indices),
    data: data instanceof Float64Array ? data : Float64Array.from(data),
  };
}

function checkShape([rows, columns]: readonly [number, number]): void {
  if (isCount(rows) && isCount(columns)) return;
  throw new SparseMatrixError(`shape is ${rows} x ${columns}, expected two counts`);
}

function isCount(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < 2 ** 31;
}

function checkPointers(columns: number, indptr: ArrayLike<number>, rowCount: number, valueCount: number): void {
  if (indptr.length !== columns + 1) {
    throw new SparseMatrixError(`indptr has ${indptr.length} entries, expected ${columns + 1}, one more than columns`);
  }
  if (rowCount !== valueCount) {
    throw new SparseMatrixError(`indices has ${rowCount} entries and data ${valueCount}, expected as many`);
  }
  if (indptr[0] !== 0 || indptr[columns] !== rowCount) {
    throw new SparseMatrixError(
      `indptr runs from ${indptr[0]} to ${indptr[columns]}, expected 0 to ${rowCount}, the number of entries`,
    );
  }
  for (let j = 0; j < columns; j++) {
    if (Number.isInteger(indptr[j + 1]) && indptr[j + 1] >= indptr[j]) continue;
    throw new SparseMatrixError(
      `indptr falls from ${indptr[j]} to ${indptr[j + 1]} at column ${j}, expected it to rise`,
    );
  }
}

function checkColumn(
  rows: number,
  j: number,
  indptr: ArrayLike<number>,
  indices: ArrayLike<number>,
  data: ArrayLike<number>,
): void {
  let previous = -1;
  for (let k = indptr[j]; k < indptr[j + 1]; k++) {
    const i = indices[k];
    if (!Number.isInteger(i) || i < 0 || i >= rows) {
      throw new SparseMatrixError(`column ${j} has an entry in row ${i}, expected rows from 0 to ${rows - 1}`);
    }
    if (i <= previous) {
      throw new SparseMatrixError(`column ${j} has row ${i} after row ${previous}, expected rows that rise`);
    }
    if (!Number.isFinite(data[k])) {
      throw new SparseMatrixError(`entry (${i}, ${j}) is ${data[k]}, expected finite numbers`);
    }
    previous = i;
  }
}

/** The matrix of these entries, in any order; entries of one place are summed. Throws as `sparseMatrix` does. */
export function fromTriplets(shape: readonly [number, number], triplets: readonly Triplet[]): SparseMatrix {
  checkShape(shape);
  const [rows, columns] = shape;
  for (const [i, j, value] of triplets) {
    if (isCount(i) && i < rows && isCount(j) && j < columns && Number.isFinite(value)) continue;
    throw new SparseMatrixError(`entry (${i}, ${j}) is ${value}, expected a finite number inside ${rows} x ${columns}`);
  }
  const sorted = [...triplets].sort((a, b) => a[1] - b[1] || a[0] - b[0]);
  const indices: number[] = [];
  const data: number[] = [];
  const indptr = new Int32Array(columns + 1);
  let last: Triplet | null = null;
  for (const entry of sorted) {
    if (last !== null && last[0] === entry[0] && last[1] === entry[1]) {
      data[data.length - 1] += entry[2];
    } else {
      indices.push(entry[0]);
      data.push(entry[2]);
      indptr[entry[1] + 1]++;
    }
    last = entry;
  }
  for (let j = 0; j < columns; j++) indptr[j + 1] += indptr[j];
  return { shape: [rows, columns], indptr, indices: Int32Array.from(indices), data: Float64Array.from(data) };
}

/** The nonzero entries of a row-major array. */
export function fromDense(shape: readonly [number, number], values: ArrayLike<number>): SparseMatrix {
  checkShape(shape);
  const [rows, columns] = shape;
  if (values.length !== rows * columns) {
    throw new SparseMatrixError(`values has ${values.length} entries, expected ${rows} x ${columns}`);
  }
  const triplets: Triplet[] = [];
  for (let j = 0; j < columns; j++) {
    for (let i = 0; i < rows; i++) {
      const value = values[i * columns + j];
      if (value !== 0) triplets.push([i, j, value]);
    }
  }
  return fromTriplets(shape, triplets);
}

/** All entries, row by row. */
export function toDense({ shape: [rows, columns], indptr, indices, data }: SparseMatrix): Float64Array {
  const values = new Float64Array(rows * columns);
  for (let j = 0; j < columns; j++) {
    for (let k = indptr[j]; k < indptr[j + 1]; k++) values[indices[k] * columns + j] = data[k];
  }
  return values;
}

/** The rows x columns matrix without entries. */
export function sparseZeros(rows: number, columns: number): SparseMatrix {
  return {
    shape: [rows, columns],
    indptr: new Int32Array(columns + 1),
    indices: new Int32Array(0),
    data: new Float64Array(0),
  };
}
