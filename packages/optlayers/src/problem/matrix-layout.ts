import { type SparseMatrix, SparseMatrixError, sparseFilter, sparseMatrix, transposeWithMap } from "@solvegrad/linalg";
import { DatumRangeError } from "../errors.ts";

/** Where the entries of a matrix stand: compressed columns without values. */
export type SparsityPattern = Pick<SparseMatrix, "shape" | "indptr" | "indices">;

/**
 * How a matrix of a sparse problem is made of the numbers that a caller gave: entry k of the pattern is `values[source[k]]`, or
 * of a symmetric matrix, whose pattern is the upper triangle, the mean of that and `values[mirror[k]]`.
 */
export interface MatrixLayout {
  /** How many numbers the caller gives for one matrix. */
  readonly count: number;
  readonly pattern: SparsityPattern;
  readonly source: Int32Array;
  readonly mirror: Int32Array | null;
}

/** The entries of the pattern, from the caller's numbers. */
export function gather({ source, mirror }: MatrixLayout, values: Float64Array): Float64Array {
  const data = new Float64Array(source.length);
  for (let k = 0; k < data.length; k++) data[k] = values[source[k]];
  if (mirror) for (let k = 0; k < data.length; k++) data[k] += (values[mirror[k]] - data[k]) / 2;
  return data;
}

/** result += the cotangents of the caller's numbers, from those of the entries; both halves of a symmetric pair get its own. */
export function scatterTo({ source, mirror }: MatrixLayout, entries: Float64Array, result: Float64Array): void {
  for (let k = 0; k < entries.length; k++) {
    result[source[k]] += entries[k];
    if (mirror && mirror[k] !== source[k]) result[mirror[k]] += entries[k];
  }
}

/**
 * The layout of compressed columns. A pattern object is checked and analysed once: later calls with the same `indices`
 * get the same layout, whose arrays a solver may know again. Throws a `DatumRangeError` for a pattern that is none.
 */
export function sparseLayout(name: string, pattern: PatternInput, symmetric: boolean): MatrixLayout {
  const known = symmetric ? symmetricLayouts : generalLayouts;
  const remembered = known.get(pattern.indices);
  if (remembered && remembered.indptr === pattern.indptr && sameShape(remembered.shape, pattern.shape)) {
    return remembered.layout;
  }
  const general = checkedPattern(name, pattern);
  const layout = symmetric
    ? upperLayout(name, general)
    : { count: general.indices.length, pattern: general, source: counting(general), mirror: null };
  known.set(pattern.indices, { indptr: pattern.indptr, shape: [pattern.shape[0], pattern.shape[1]], layout });
  return layout;
}

/** A pattern as a caller gives it. */
export interface PatternInput {
  readonly shape: readonly [number, number];
  readonly indptr: ArrayLike<number>;
  readonly indices: ArrayLike<number>;
}

interface Remembered {
  readonly indptr: ArrayLike<number>;
  readonly shape: readonly [number, number];
  readonly layout: MatrixLayout;
}

const generalLayouts = new WeakMap<ArrayLike<number>, Remembered>();
const symmetricLayouts = new WeakMap<ArrayLike<number>, Remembered>();

/** The layout of a full matrix whose numbers come row by row. The last one of every name is remembered. */
export function denseLayout(name: string, rows: number, columns: number, symmetric: boolean): MatrixLayout {
  const remembered = lastDense.get(name);
  if (remembered && sameShape(remembered.shape, [rows, columns])) return remembered.layout;
  const indptr = Int32Array.from({ length: columns + 1 }, (_, j) => j * rows);
  const indices = Int32Array.from({ length: rows * columns }, (_, k) => k % rows);
  const source = Int32Array.from(indices, (i, k) => i * columns + Math.floor(k / rows));
  const count = rows * columns;
  const general: MatrixLayout = { count, pattern: { shape: [rows, columns], indptr, indices }, source, mirror: null };
  const layout = symmetric ? withSources(upperLayout(name, general.pattern), source) : general;
  lastDense.set(name, { shape: [rows, columns], layout });
  return layout;
}

const lastDense = new Map<string, { shape: readonly [number, number]; layout: MatrixLayout }>();

/** The layout's places, which number the stored entries, as places in the caller's numbers. */
function withSources({ count, pattern, source, mirror }: MatrixLayout, places: Int32Array): MatrixLayout {
  return { count, pattern, source: source.map((k) => places[k]), mirror: mirror?.map((k) => places[k]) ?? null };
}

/** A matrix without entries. */
export function emptyLayout(rows: number, columns: number): MatrixLayout {
  const pattern: SparsityPattern = {
    shape: [rows, columns],
    indptr: new Int32Array(columns + 1),
    indices: new Int32Array(0),
  };
  return { count: 0, pattern, source: new Int32Array(0), mirror: null };
}

function checkedPattern(name: string, { shape, indptr, indices }: PatternInput): SparsityPattern {
  try {
    return sparseMatrix(shape, indptr, indices, new Float64Array(indices.length));
  } catch (error) {
    if (!(error instanceof SparseMatrixError)) throw error;
    throw patternError(name, shape, error.message, "compressed columns");
  }
}

/** The upper triangle of a pattern that is its own transpose. */
function upperLayout(name: string, general: SparsityPattern): MatrixLayout {
  const { shape, indptr, indices } = general;
  if (shape[0] !== shape[1]) throw patternError(name, shape, `it is ${shape[0]} x ${shape[1]}`, "a square matrix");
  const { matrix: transpose, source: partner } = transposeWithMap({
    ...general,
    data: new Float64Array(indices.length),
  });
  const isSymmetric = indices.every((i, k) => i === transpose.indices[k]) && sameNumbers(indptr, transpose.indptr);
  if (!isSymmetric) throw patternError(name, shape, "its pattern is not symmetric", "both triangles of every entry");
  const entries = counting(general);
  const upper = sparseFilter({ ...general, data: Float64Array.from(entries) }, (i, j) => i <= j);
  const source = Int32Array.from(upper.data);
  const pattern: SparsityPattern = { shape, indptr: upper.indptr, indices: upper.indices };
  return { count: indices.length, pattern, source, mirror: source.map((k) => partner[k]) };
}

/** 0, 1, ..., one number for each entry. */
function counting({ indices }: SparsityPattern): Int32Array {
  return Int32Array.from(indices, (_, k) => k);
}

function sameNumbers(a: Int32Array, b: Int32Array): boolean {
  return a.length === b.length && a.every((value, k) => value === b[k]);
}

function sameShape(a: readonly [number, number], b: readonly [number, number]): boolean {
  return a[0] === b[0] && a[1] === b[1];
}

function patternError(name: string, shape: readonly number[], what: string, expected: string): DatumRangeError {
  return new DatumRangeError(`${name}: ${what}; expected ${expected}`, { argument: name, shape, item: null, expected });
}
