import { moveRow } from "../../arrays.ts";
import { type KktVector, kktVector } from "../../kkt/kkt-method.ts";
import { applyDatum, applyTransposedDatum, offsetOf } from "../../problem/products.ts";
import type { QuadraticProgram } from "../../problem/quadratic-program.ts";
import type { PrimalDualPoint } from "../residuals.ts";

/** A point with slacks; one row an item of the batch, or one row a slot while iterating. */
export interface InteriorPoint extends PrimalDualPoint {
  readonly s: Float64Array;
}

/** A copy that shares no array. */
export function copyPoint({ x, nu, lambda, s }: InteriorPoint): InteriorPoint {
  return { x: x.slice(), nu: nu.slice(), lambda: lambda.slice(), s: s.slice() };
}

/** Row `at` of `to` <- row `k` of `from`. */
export function movePoint(
  { n, p, m }: QuadraticProgram,
  from: InteriorPoint,
  k: number,
  to: InteriorPoint,
  at: number,
): void {
  moveRow(from.x, k, to.x, at, n);
  moveRow(from.nu, k, to.nu, at, p);
  moveRow(from.lambda, k, to.lambda, at, m);
  moveRow(from.s, k, to.s, at, m);
}

/** The items still iterating, side by side. */
export interface OpenSlots {
  readonly items: Int32Array;
  readonly point: InteriorPoint;
  /** Iterations in a row with a tiny step; `patience` when the factorization or the step broke down. */
  readonly stalls: Int32Array;
}

/** So many tiny steps in a row, and an item no longer converges. */
export const patience = 3;

/** The residuals at the current point, with what the stopping tests compare them to. */
export interface Residual {
  readonly r: KktVector;
  /** A'nu + G'lambda. */
  readonly dualPart: Float64Array;
  readonly Qx: Float64Array;
}

/** The residuals r_x, r_nu and r_lambda of every open slot. */
export function measure(problem: QuadraticProgram, { items, point }: OpenSlots): Residual {
  const { n, p, m, q, b, h } = problem;
  const r = kktVector(problem, items.length);
  const dualPart = new Float64Array(items.length * n);
  const Qx = new Float64Array(items.length * n);
  applyDatum(1, problem.Q, point.x, 0, Qx, items);
  applyDatum(1, problem.A, point.x, 0, r.nu, items);
  applyDatum(1, problem.G, point.x, 0, r.lambda, items);
  if (p > 0) applyTransposedDatum(1, problem.A, point.nu, 0, dualPart, items);
  if (m > 0) applyTransposedDatum(1, problem.G, point.lambda, 1, dualPart, items);
  for (let k = 0; k < items.length; k++) {
    const atQ = offsetOf(q, items[k]);
    const atB = offsetOf(b, items[k]);
    const atH = offsetOf(h, items[k]);
    for (let j = 0, i = k * n; j < n; j++, i++) r.x[i] = Qx[i] + q.values[atQ + j] + dualPart[i];
    for (let j = 0, i = k * p; j < p; j++, i++) r.nu[i] -= b.values[atB + j];
    for (let j = 0, i = k * m; j < m; j++, i++) r.lambda[i] += point.s[i] - h.values[atH + j];
  }
  return { r, dualPart, Qx };
}
