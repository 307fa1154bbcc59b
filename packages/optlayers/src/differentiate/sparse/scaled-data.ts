import type { SparseQuadraticProgram } from "../../problem/sparse-quadratic-program.ts";
import type { ScaledProgram } from "../../solvers/sparse/scaled-program.ts";
import type { SparseDataCotangents } from "./sparse-rule.ts";

/** Numbers in the scaled problem's layout: tangents or cotangents of its data. `low` and `high` list the bounds of x, then of the rows. */
export interface ScaledData {
  readonly Q: Float64Array;
  readonly q: Float64Array;
  readonly C: Float64Array;
  readonly low: Float64Array;
  readonly high: Float64Array;
}

/** q^ = cost D q, Q^ = cost D Q D, C^ = E C D, bounds of x over D, those of rows times E. */
export function inScaledUnits(
  { n, p, m, A, G }: SparseQuadraticProgram,
  { Q, C, D, E, cost }: ScaledProgram,
  d: SparseDataCotangents,
): ScaledData {
  const low = new Float64Array(n + p + m);
  const high = new Float64Array(n + p + m);
  for (let j = 0; j < n; j++) [low[j], high[j]] = [d.lower[j] / D[j], d.upper[j] / D[j]];
  for (let i = 0; i < p; i++) low[n + i] = high[n + i] = E[i] * d.b[i];
  for (let i = 0; i < m; i++) [low[n + p + i], high[n + p + i]] = [E[p + i] * d.l[i], E[p + i] * d.u[i]];
  const stacked = new Float64Array(C.data.length);
  const dQ = new Float64Array(Q.data.length);
  for (let j = 0, at = 0; j < n; j++) {
    for (let k = Q.indptr[j]; k < Q.indptr[j + 1]; k++) dQ[k] = cost * D[Q.indices[k]] * D[j] * d.Q[k];
    for (let k = A.indptr[j]; k < A.indptr[j + 1]; k++) stacked[at++] = E[A.indices[k]] * D[j] * d.A[k];
    for (let k = G.indptr[j]; k < G.indptr[j + 1]; k++) stacked[at++] = E[p + G.indices[k]] * D[j] * d.G[k];
  }
  return { Q: dQ, q: d.q.map((value, j) => cost * D[j] * value), C: stacked, low, high };
}

/** The transpose of `inScaledUnits`, for cotangents that are `cost` times too large. */
export function inOriginalUnits(
  { n, p, m, A, G }: SparseQuadraticProgram,
  { Q, D, E, cost }: ScaledProgram,
  bar: ScaledData,
): SparseDataCotangents {
  const dQ = new Float64Array(Q.data.length);
  const dA = new Float64Array(A.data.length);
  const dG = new Float64Array(G.data.length);
  for (let j = 0, at = 0; j < n; j++) {
    for (let k = Q.indptr[j]; k < Q.indptr[j + 1]; k++) dQ[k] = D[Q.indices[k]] * D[j] * bar.Q[k];
    for (let k = A.indptr[j]; k < A.indptr[j + 1]; k++) dA[k] = (E[A.indices[k]] * D[j] * bar.C[at++]) / cost;
    for (let k = G.indptr[j]; k < G.indptr[j + 1]; k++) dG[k] = (E[p + G.indices[k]] * D[j] * bar.C[at++]) / cost;
  }
  const ofRows = (values: Float64Array, first: number, count: number) =>
    Float64Array.from({ length: count }, (_, i) => (E[first + i] * values[n + first + i]) / cost);
  const ofBounds = (values: Float64Array) => D.map((scale, j) => values[j] / (scale * cost));
  return {
    Q: dQ,
    q: bar.q.map((value, j) => D[j] * value),
    A: dA,
    b: ofRows(bar.low, 0, p).map((value, i) => value + (E[i] * bar.high[n + i]) / cost),
    G: dG,
    l: ofRows(bar.low, p, m),
    u: ofRows(bar.high, p, m),
    lower: ofBounds(bar.low),
    upper: ofBounds(bar.high),
  };
}
