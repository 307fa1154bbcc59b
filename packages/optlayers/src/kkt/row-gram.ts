import { activeKernels, type SparseMatrix, view } from "@solvegrad/linalg";
import { diagonalRatio } from "../arrays.ts";
import { leastNormSolution } from "./least-norm.ts";

/** S = B B' of a few rows B, with the solutions d = S^+ r of least norm. */
export interface RowGram {
  /** p x p. */
  readonly S: Float64Array;
  solve(r: Float64Array): Float64Array;
}

/** The least pivot of S, its diagonal made 1, at which S has the digits to tell that rows are independent. */
const trusted = 1e-8;

/**
 * The Gram matrix of the rows of A on the columns that `isKept` picks. By a Cholesky factor, whatever the rows' units; where
 * that finds rows all but dependent, by B' = QR, for which the squares of B are never formed: S^+ = R^+ R'^+, and what R says of
 * the rank holds to the rounding of B. O(p^2) a column.
 */
export function rowGram(A: SparseMatrix, isKept: (j: number) => boolean): RowGram {
  const [p, n] = A.shape;
  const S = new Float64Array(p * p);
  for (let j = 0; j < n; j++) if (isKept(j)) addColumnGram(A, j, S);
  const bySquares = factored(S, p);
  let byRows: ((r: Float64Array) => Float64Array) | null = null;
  return {
    S,
    solve(r) {
      if (p === 0) return r.slice();
      if (bySquares) return bySquares(r);
      byRows ??= triangular(A, isKept);
      return byRows(r);
    },
  };
}

/** S <- S + a a' for column a of A. */
export function addColumnGram(A: SparseMatrix, j: number, S: Float64Array): void {
  const [p] = A.shape;
  for (let k = A.indptr[j], end = A.indptr[j + 1]; k < end; k++) {
    const row = A.indices[k] * p;
    for (let l = A.indptr[j]; l < end; l++) S[row + A.indices[l]] += A.data[k] * A.data[l];
  }
}

/** r -> S^-1 r, null where S is not clearly regular. */
function factored(S: Float64Array, p: number): ((r: Float64Array) => Float64Array) | null {
  const scale = Float64Array.from({ length: p }, (_, i) => 1 / Math.sqrt(S[i * (p + 1)]));
  if (!scale.every(Number.isFinite)) return null;
  const L = S.map((value, k) => value * scale[Math.floor(k / p)] * scale[k % p]);
  const kernels = activeKernels();
  if (kernels.potrf(view(L, [p, p])) !== 0 || diagonalRatio(L, p) ** 2 < trusted) return null;
  return (r) => {
    const d = r.map((value, i) => value * scale[i]);
    kernels.potrs(view(L, [p, p]), view(d, [p, 1]));
    return d.map((value, i) => value * scale[i]);
  };
}

/** r -> R^+ R'^+ r for the triangle R of B'. */
function triangular(A: SparseMatrix, isKept: (j: number) => boolean): (r: Float64Array) => Float64Array {
  const [p, n] = A.shape;
  const R = new Float64Array(p * p);
  const row = new Float64Array(p);
  for (let j = 0; j < n; j++) {
    if (!isKept(j)) continue;
    row.fill(0);
    for (let k = A.indptr[j]; k < A.indptr[j + 1]; k++) row[A.indices[k]] = A.data[k];
    rotateInto(R, row);
  }
  const transposed = R.map((_, k) => R[(k % p) * p + Math.floor(k / p)]);
  return (r) => leastNormSolution(R, p, leastNormSolution(transposed, p, r).x).x;
}

/** Givens rotations that take one more row of B' into the triangle R. */
function rotateInto(R: Float64Array, row: Float64Array): void {
  const p = row.length;
  for (let k = 0; k < p; k++) {
    if (row[k] === 0) continue;
    const length = Math.hypot(R[k * p + k], row[k]);
    const [c, s] = [R[k * p + k] / length, row[k] / length];
    for (let j = k; j < p; j++) {
      const above = R[k * p + j];
      R[k * p + j] = c * above + s * row[j];
      row[j] = c * row[j] - s * above;
    }
  }
}
