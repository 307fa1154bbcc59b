import { activeKernels, view } from "@solvegrad/linalg";
import { dot } from "../arrays.ts";
import { itemOf, type LinearConstraints } from "../problem/quadratic-program.ts";

/** A row depends on those before it when less than this share of its length is not theirs. */
const dependent = 1e-10;
/** Pivots of the Gram matrix of the rows, brought to length 1, above this: clearly independent. */
const clear = 1e-6;

/** Which rows of a matrix B (r x n) are combinations of the others. */
export interface RowDependence {
  readonly rank: number;
  /** The rows that are combinations of rows before them, in ascending order: r - rank of them. Rows of zeros are among them. */
  readonly dependent: readonly number[];
  /** An orthonormal basis of the combinations of rows that vanish, {v : B'v = 0}: (r - rank) x r, row by row. */
  readonly vanishing: Float64Array;
}

/**
 * The dependence among given rows of one item's constraints: row k < p is that of Ak, row p + i that of Gi. With the
 * equalities first, as the order of the rows decides which of two copies counts as the dependent one.
 */
export function dependentRows({ n, p, A, G }: LinearConstraints, item: number, rows: ArrayLike<number>): RowDependence {
  const B = new Float64Array(rows.length * n);
  const [equalities, inequalities] = [itemOf(A, item), itemOf(G, item)];
  for (let i = 0; i < rows.length; i++) {
    const [matrix, row] = rows[i] < p ? [equalities, rows[i]] : [inequalities, rows[i] - p];
    B.set(matrix.subarray(row * n, (row + 1) * n), i * n);
  }
  return rowDependence(B, n);
}

/**
 * The same for the rows of any matrix with n columns. Where the Cholesky factor of their Gram matrix cannot vouch for
 * independence, by Gram and Schmidt's process in the order of the rows, each projected twice (Giraud, Langou and Rozloznik 2005):
 * B = RU, U orthonormal, and a dependent row R_i stands for the vanishing combination e_i - c, c'R = R_i.
 */
export function rowDependence(B: Float64Array, n: number): RowDependence {
  const r = B.length / n;
  const unit = unitRows(B, n);
  if (areClearlyIndependent(unit.rows, r, n)) return { rank: r, dependent: [], vanishing: new Float64Array(0) };
  const { independent, dependent, R } = gramSchmidt(unit.rows, r, n);
  const combinations = dependent.map((row) => vanishingCombination(R, independent, row, r));
  for (const v of combinations) for (let i = 0; i < r; i++) v[i] /= unit.lengths[i];
  return { rank: independent.length, dependent, vanishing: orthonormal(combinations, r) };
}

/**
 * v <- v - N N'v for the vanishing combinations N: for v a solution of B'v = f, the one of least norm; for v a right-hand
 * side of Bu = v, the nearest one that has a solution.
 */
export function removeVanishing({ vanishing }: RowDependence, v: Float64Array): void {
  const r = v.length;
  for (let at = 0; at < vanishing.length; at += r) {
    const direction = vanishing.subarray(at, at + r);
    const share = dot(direction, v);
    for (let i = 0; i < r; i++) v[i] -= share * direction[i];
  }
}

/** The rows divided by their lengths (1 for a row of zeros). */
function unitRows(B: Float64Array, n: number) {
  const rows = B.slice();
  const lengths = Float64Array.from({ length: B.length / n }, (_, i) => {
    const row = rows.subarray(i * n, (i + 1) * n);
    const length = Math.hypot(...row) || 1;
    for (let j = 0; j < n; j++) row[j] /= length;
    return length;
  });
  return { rows, lengths };
}

function areClearlyIndependent(rows: Float64Array, r: number, n: number): boolean {
  if (r === 0) return true;
  if (r > n) return false;
  const gram = view(new Float64Array(r * r), [r, r]);
  activeKernels().syrk(1, view(rows, [r, n]), 0, gram);
  if (activeKernels().potrf(gram) !== 0) return false;
  for (let k = 0; k < r * r; k += r + 1) if (gram.data[k] ** 2 <= clear) return false;
  return true;
}

/** Rows that depend on those before them, and the coordinates R (r x r, row by row) of all rows in the basis of the others. */
function gramSchmidt(rows: Float64Array, r: number, n: number) {
  const basis: Float64Array[] = [];
  const independent: number[] = [];
  const depends: number[] = [];
  const R = new Float64Array(r * r);
  for (let i = 0; i < r; i++) {
    const rest = rows.slice(i * n, (i + 1) * n);
    for (let pass = 0; pass < 2; pass++)
      basis.forEach((u, k) => {
        R[i * r + k] += project(u, rest);
      });
    const length = Math.sqrt(dot(rest, rest));
    if (length <= dependent) depends.push(i);
    else {
      R[i * r + basis.length] = length;
      basis.push(rest.map((value) => value / length));
      independent.push(i);
    }
  }
  return { independent, dependent: depends, R };
}

/** v <- v - (u'v) u, and u'v. */
function project(u: Float64Array, v: Float64Array): number {
  const share = dot(u, v);
  for (let j = 0; j < v.length; j++) v[j] -= share * u[j];
  return share;
}

/** e_row - c with c'R = R_row over the independent rows, whose R is lower triangular. */
function vanishingCombination(R: Float64Array, independent: readonly number[], row: number, r: number): Float64Array {
  const v = new Float64Array(r);
  v[row] = 1;
  const rest = R.slice(row * r, (row + 1) * r);
  for (let k = independent.length - 1; k >= 0; k--) {
    const at = independent[k] * r;
    const c = rest[k] / R[at + k];
    v[independent[k]] = -c;
    for (let j = 0; j <= k; j++) rest[j] -= c * R[at + j];
  }
  return v;
}

/** An orthonormal basis of the vectors' span, side by side; they are independent. */
function orthonormal(vectors: readonly Float64Array[], r: number): Float64Array {
  const basis: Float64Array[] = [];
  for (const v of vectors) {
    for (let pass = 0; pass < 2; pass++) for (const u of basis) project(u, v);
    const length = Math.sqrt(dot(v, v));
    basis.push(v.map((value) => value / length));
  }
  const result = new Float64Array(vectors.length * r);
  basis.forEach((u, k) => {
    result.set(u, k * r);
  });
  return result;
}
