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
export function dependentRows(problem: LinearConstraints, item: number, rows: readonly number[]): RowDependence {
  return dependenceFinder(problem)(item, rows);
}

/**
 * The same for many items of one problem: equalities that depend on each other, the usual case, are looked at once where the batch
 * shares them.
 */
export function dependenceFinder(problem: LinearConstraints): (item: number, rows: readonly number[]) => RowDependence {
  const { n, p, A } = problem;
  const known = new Map<number, RowDependence>();
  const ofEqualities = (item: number) => {
    const key = A.batched ? item : 0;
    const found = known.get(key) ?? rowDependence(itemOf(A, item), n);
    known.set(key, found);
    return found;
  };
  return (item, rows) => {
    const B = selected(problem, item, rows);
    const allEqualities = rows.length > p && rows.slice(0, p).every((row, k) => row === k);
    if (!allEqualities) return rowDependence(B, n);
    const equalities = ofEqualities(item);
    if (equalities.dependent.length === 0) return rowDependence(B, n);
    const others = rows.filter((row) => !equalities.dependent.includes(row));
    const { rows: unit } = unitRows(selected(problem, item, others), n);
    if (!areClearlyIndependent(unit, others.length, n)) return rowDependence(B, n);
    const vanishing = new Float64Array(equalities.dependent.length * rows.length);
    for (let k = 0; k < equalities.dependent.length; k++) {
      vanishing.set(equalities.vanishing.subarray(k * p, (k + 1) * p), k * rows.length);
    }
    return { rank: others.length, dependent: equalities.dependent, vanishing };
  };
}

/** Whether all rows of one item's constraints are clearly independent: then those of every active set are. */
export function haveIndependentRows(problem: LinearConstraints, item: number): boolean {
  const { n, p, m } = problem;
  if (p + m > n) return false;
  const all = Array.from({ length: p + m }, (_, row) => row);
  return areClearlyIndependent(unitRows(selected(problem, item, all), n).rows, p + m, n);
}

/** These rows of an item's [A; G], one after another. */
function selected({ n, p, A, G }: LinearConstraints, item: number, rows: readonly number[]): Float64Array {
  const B = new Float64Array(rows.length * n);
  const [equalities, inequalities] = [itemOf(A, item), itemOf(G, item)];
  rows.forEach((row, i) => {
    const [matrix, at] = row < p ? [equalities, row] : [inequalities, row - p];
    B.set(matrix.subarray(at * n, (at + 1) * n), i * n);
  });
  return B;
}

/**
 * The dependence among the rows of a matrix with n columns. Where the Cholesky factor of their Gram matrix cannot vouch for
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
