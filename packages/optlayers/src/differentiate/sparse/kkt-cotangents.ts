import { addProduct, addSymmetricProduct, addTransposedProduct, type SparseMatrix } from "@solvegrad/linalg";
import type { SparsePoint, SparseQuadraticProgram } from "../../problem/sparse-quadratic-program.ts";
import { AT_HIGH, AT_LOW, HELD } from "../../solvers/sparse/active-set.ts";
import type { SparseDataCotangents } from "./sparse-rule.ts";

/** The adjoints of the three parts of the KKT conditions: u of stationarity, y of the rows of A and G, z of the bounds of x. */
export interface KktAdjoint {
  readonly u: Float64Array;
  readonly y: Float64Array;
  readonly z: Float64Array;
}

/**
 * The cotangents of the data that the adjoints of the KKT conditions leave,
 *
 *     q: -u,  Q: -(u x' + x u')/2,  (b, w) = y,  A: -(nu u' + b x'),  G: -(lambda u' + w x'),
 *     l or u: w, lower or upper: z, at the bound that is active, in halves to both where they agree.
 *
 * `active` lists the bounds of x, the rows of A, then those of G.
 */
export function sparseGradients(
  { n, p, Q, A, G }: SparseQuadraticProgram,
  { x, nu, lambda }: SparsePoint,
  active: Uint8Array,
  { u, y, z }: KktAdjoint,
): SparseDataCotangents {
  const [b, w] = [y.slice(0, p), y.slice(p)];
  const rows = active.subarray(n + p);
  return {
    q: u.map((value) => 0 - value),
    b,
    Q: onPattern(Q, u, x, x, u, -0.5),
    A: onPattern(A, nu, u, b, x, -1),
    G: onPattern(G, lambda, u, w, x, -1),
    l: sideOf(w, rows, AT_LOW),
    u: sideOf(w, rows, AT_HIGH),
    lower: sideOf(z, active.subarray(0, n), AT_LOW),
    upper: sideOf(z, active.subarray(0, n), AT_HIGH),
  };
}

/**
 * What a direction of the data puts on the right-hand side of the differentiated KKT conditions:
 * c = -(dQ x + dq + dA'nu + dG'lambda), r = (db - dA x, d(active bound) - dG x), f = d(active bound of x).
 */
export function conditionTangents(
  { n, p, m, Q, A, G }: SparseQuadraticProgram,
  { x, nu, lambda }: SparsePoint,
  active: Uint8Array,
  d: SparseDataCotangents,
): { c: Float64Array; r: Float64Array; f: Float64Array } {
  const [dA, dG] = [
    { ...A, data: d.A },
    { ...G, data: d.G },
  ];
  const c = d.q.map((value) => 0 - value);
  addSymmetricProduct(-1, { ...Q, data: d.Q }, x, c);
  addTransposedProduct(-1, dA, nu, c);
  addTransposedProduct(-1, dG, lambda, c);
  const r = new Float64Array(p + m);
  r.set(d.b);
  r.set(boundTangents(d.l, d.u, active.subarray(n + p)), p);
  addProduct(-1, dA, x, r.subarray(0, p));
  addProduct(-1, dG, x, r.subarray(p));
  return { c, r, f: boundTangents(d.lower, d.upper, active.subarray(0, n)) };
}

/** factor (a b' + c d') at each stored entry. */
function onPattern(
  M: SparseMatrix,
  a: Float64Array,
  b: Float64Array,
  c: Float64Array,
  d: Float64Array,
  factor: number,
): Float64Array {
  const result = new Float64Array(M.data.length);
  const { indptr, indices } = M;
  for (let j = 0; j < M.shape[1]; j++) {
    for (let k = indptr[j]; k < indptr[j + 1]; k++) {
      const i = indices[k];
      result[k] = factor * (a[i] * b[j] + c[i] * d[j]);
    }
  }
  return result;
}

/** The cotangents of the bounds on one side: all of it where that side is active, half of it where both are one. */
function sideOf(values: Float64Array, active: Uint8Array, side: number): Float64Array {
  return values.map((value, k) => (active[k] === side ? value : active[k] === HELD ? value / 2 : 0));
}

/** How the active bound moves: the transpose of `sideOf`. */
function boundTangents(low: Float64Array, high: Float64Array, active: Uint8Array): Float64Array {
  return low.map((value, k) => {
    if (active[k] === AT_LOW) return value;
    if (active[k] === AT_HIGH) return high[k];
    return active[k] === HELD ? (value + high[k]) / 2 : 0;
  });
}
