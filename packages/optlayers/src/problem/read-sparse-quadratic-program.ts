import {
  SparseLdl,
  type SparseMatrix,
  SparseMatrixError,
  sparseMatrix,
  sparseSum,
  sparseTranspose,
  sparseZeros,
  upperTriangle,
} from "@solvegrad/linalg";
import { maxAbs } from "../arrays.ts";
import { DatumRangeError, DatumTypeError, describeDatum } from "../errors.ts";
import type { SparseQuadraticProgram } from "./sparse-quadratic-program.ts";

/** What `sparseQuadraticProgram` takes; what is missing is absent: no equalities, no bounds, Q = 0. */
export interface SparseQuadraticProgramData {
  /** n x n, symmetric, both triangles; none for a linear program. */
  readonly Q?: SparseMatrix;
  readonly q: ArrayLike<number>;
  readonly A?: SparseMatrix;
  readonly b?: ArrayLike<number>;
  readonly G?: SparseMatrix;
  /** Bounds of Gx; -Infinity and Infinity by default. */
  readonly l?: ArrayLike<number>;
  readonly u?: ArrayLike<number>;
  /** Bounds of x; -Infinity and Infinity by default. */
  readonly lower?: ArrayLike<number>;
  readonly upper?: ArrayLike<number>;
  /** Added to the objective; 0 by default. */
  readonly constant?: number;
}

/** Relative to Q's largest entry: how far Q may be from symmetric, and how negative its smallest eigenvalue, as rounding. */
const rounding = 1e-9;

/**
 * Validates a sparse QP. Throws a `DatumTypeError` for a missing or unknown datum and a `DatumRangeError` for a wrong
 * shape, a number that is not finite (bounds may be infinite outwards), and a Q that is not symmetric or not positive
 * semidefinite. Bounds that cross are no mistake of form: such a problem is infeasible, and a solver says so.
 */
export function sparseQuadraticProgram(data: SparseQuadraticProgramData): SparseQuadraticProgram {
  checkNames(data);
  const n = data.q.length;
  if (n === 0) throw rangeError("q", [0], "q is empty", "one number or more");
  checkPair("A", data.A, "b", data.b);
  if (data.G === undefined && (data.l !== undefined || data.u !== undefined)) {
    throw typeError("G", "G is missing, and l or u is there", "a matrix");
  }
  const Q = data.Q === undefined ? sparseZeros(n, n) : checkedMatrix("Q", data.Q, n, n);
  const A = data.A === undefined ? sparseZeros(0, n) : checkedMatrix("A", data.A, null, n);
  const G = data.G === undefined ? sparseZeros(0, n) : checkedMatrix("G", data.G, null, n);
  const [p, m] = [A.shape[0], G.shape[0]];
  const { constant = 0 } = data;
  if (!Number.isFinite(constant)) throw rangeError("constant", [], `constant is ${constant}`, "a finite number");
  checkSymmetry(Q);
  const upperQ = upperTriangle(Q);
  checkSparseConvexity(upperQ, rounding);
  return {
    kind: "sparse_qp",
    n,
    p,
    m,
    Q: upperQ,
    q: finiteVector("q", data.q, n),
    A,
    b: finiteVector("b", data.b ?? [], p),
    G,
    l: bound("l", data.l, m, -Infinity),
    u: bound("u", data.u, m, Infinity),
    lower: bound("lower", data.lower, n, -Infinity),
    upper: bound("upper", data.upper, n, Infinity),
    constant,
  };
}

const known = new Set(["Q", "q", "A", "b", "G", "l", "u", "lower", "upper", "constant"]);

function checkNames(data: SparseQuadraticProgramData): void {
  for (const name of Object.keys(data)) {
    if (!known.has(name)) throw typeError(name, `unknown datum ${name}`, [...known].join(", "));
  }
  if (data.q === undefined || typeof data.q.length !== "number") {
    throw typeError("q", "q is missing", "a list of n numbers");
  }
}

function checkPair(matrixName: string, matrix: unknown, vectorName: string, vector: unknown): void {
  if ((matrix === undefined) === (vector === undefined)) return;
  const [missing, present] = matrix === undefined ? [matrixName, vectorName] : [vectorName, matrixName];
  throw typeError(missing, `${missing} is missing, and ${present} is there`, "both or none");
}

function checkedMatrix(name: string, M: SparseMatrix, rows: number | null, columns: number): SparseMatrix {
  const [actualRows, actualColumns] = M.shape;
  if ((rows !== null && actualRows !== rows) || actualColumns !== columns) {
    const expected = `${rows ?? "any number of"} rows and ${columns} columns, as q has ${columns} entries`;
    throw rangeError(name, M.shape, `${name} is ${actualRows} x ${actualColumns}`, expected);
  }
  try {
    return sparseMatrix(M.shape, M.indptr, M.indices, M.data);
  } catch (error) {
    if (!(error instanceof SparseMatrixError)) throw error;
    throw rangeError(name, M.shape, `${name}: ${error.message}`, "compressed columns");
  }
}

function finiteVector(name: string, values: ArrayLike<number>, length: number): Float64Array {
  const vector = ofLength(name, values, length);
  const at = vector.findIndex((value) => !Number.isFinite(value));
  if (at >= 0) throw rangeError(name, [length], `${name} is ${vector[at]} at (${at})`, "finite numbers");
  return vector;
}

/** A bound may be infinite outwards: where it would ask for an infinite x it is refused. */
function bound(name: string, values: ArrayLike<number> | undefined, length: number, outwards: number): Float64Array {
  if (values === undefined) return new Float64Array(length).fill(outwards);
  const vector = ofLength(name, values, length);
  const at = vector.findIndex((value) => Number.isNaN(value) || value === -outwards);
  if (at >= 0) throw rangeError(name, [length], `${name} is ${vector[at]} at (${at})`, `finite numbers or ${outwards}`);
  return vector;
}

function ofLength(name: string, values: ArrayLike<number>, length: number): Float64Array {
  if (values.length !== length) {
    throw rangeError(name, [values.length], `${name} has ${values.length} entries`, `${length}`);
  }
  return Float64Array.from(values);
}

function checkSymmetry(Q: SparseMatrix): void {
  const difference = sparseSum(1, Q, -1, sparseTranspose(Q));
  const limit = rounding * maxAbs(Q.data);
  for (let j = 0; j < Q.shape[1]; j++) {
    for (let k = difference.indptr[j]; k < difference.indptr[j + 1]; k++) {
      if (Math.abs(difference.data[k]) <= limit) continue;
      const where = `Q[${difference.indices[k]}][${j}] and Q[${j}][${difference.indices[k]}]`;
      throw rangeError("Q", Q.shape, `Q is not symmetric: ${where} differ by ${difference.data[k]}`, "both triangles");
    }
  }
}

/**
 * Refuses a Q, given by its upper triangle, that is not positive semidefinite beyond `rounding` times its largest entry, by a
 * `DatumRangeError`. Gershgorin's circles settle a diagonally dominant one; otherwise a factorization of Q + delta I must
 * have no negative pivot.
 */
export function checkSparseConvexity(upper: SparseMatrix, rounding: number, item: number | null = null): void {
  const { shape, indptr, indices, data } = upper;
  const delta = rounding * maxAbs(data);
  const margin = new Float64Array(shape[1]).fill(delta);
  for (let j = 0; j < shape[1]; j++) {
    for (let k = indptr[j]; k < indptr[j + 1]; k++) {
      const i = indices[k];
      margin[j] += i === j ? data[k] : -Math.abs(data[k]);
      if (i !== j) margin[i] -= Math.abs(data[k]);
    }
  }
  if (margin.every((value) => value >= 0)) return;
  const factor = new SparseLdl(upper);
  if (factor.factor(data, { regularization: delta }) && factor.inertia().negative === 0) return;
  const expected = "a convex objective";
  throw new DatumRangeError(`${describeDatum("Q", item)} is not positive semidefinite; expected ${expected}`, {
    argument: "Q",
    shape,
    item,
    expected,
  });
}

function rangeError(argument: string, shape: readonly number[], what: string, expected: string): DatumRangeError {
  return new DatumRangeError(`${what}; expected ${expected}`, { argument, shape, item: null, expected });
}

function typeError(argument: string, what: string, expected: string): DatumTypeError {
  return new DatumTypeError(`${what}; expected ${expected}`, { argument, shape: null, item: null, expected });
}
