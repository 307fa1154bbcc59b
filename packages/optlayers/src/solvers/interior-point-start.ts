import { type KktMethod, kktVector } from "../kkt/kkt-method.ts";
import { solveRefined } from "../kkt/refine.ts";
import { allItems, offsetOf } from "../problem/products.ts";
import type { Datum, QuadraticProgram } from "../problem/quadratic-program.ts";
import type { InteriorPoint } from "./interior-point-state.ts";
import type { Solution } from "./solver.ts";

/** What a warm start keeps from the boundary, relative to the largest slack and multiplier. */
const warmMargin = 1e-3;

/**
 * The starting point of Vandenberghe's coneqp and OptNet: minimize 1/2 x'Qx + q'x + 1/2 |s|^2 subject to Ax = b,
 * Gx + s = h gives x, nu and z = -s; s and lambda = z are then lifted above zero by as much as they are below it, plus one.
 */
export function coldStart(problem: QuadraticProgram, method: KktMethod): InteriorPoint {
  const { batch, m } = problem;
  const items = allItems(batch);
  const D = new Float64Array(batch * m).fill(1);
  method.factor(items, D);
  const rhs = kktVector(problem, batch);
  fillRows(problem.q, -1, rhs.x, items);
  fillRows(problem.b, 1, rhs.nu, items);
  fillRows(problem.h, 1, rhs.lambda, items);
  const { z } = solveRefined(problem, method, items, D, rhs, { steps: 2, tolerance: 1e-8 });
  const s = z.lambda.map((value) => -value);
  for (let k = 0; k < batch; k++) {
    lift(s.subarray(k * m, (k + 1) * m));
    lift(z.lambda.subarray(k * m, (k + 1) * m));
  }
  return { ...z, s };
}

/** An earlier solution, its slacks and multipliers moved off the boundary; items that are not finite get the cold start. */
export function warmStart(problem: QuadraticProgram, method: KktMethod, earlier: Solution): InteriorPoint {
  const { n, p, m, batch } = problem;
  const start = coldStart(problem, method);
  if (earlier.x.length !== batch * n || earlier.nu.length !== batch * p || earlier.s.length !== batch * m) return start;
  for (let k = 0; k < batch; k++) {
    const rows = (values: Float64Array, width: number) => values.subarray(k * width, (k + 1) * width);
    const known = [rows(earlier.x, n), rows(earlier.nu, p), rows(earlier.lambda, m), rows(earlier.s, m)];
    if (!known.every((values) => values.every(Number.isFinite))) continue;
    rows(start.x, n).set(known[0]);
    rows(start.nu, p).set(known[1]);
    rows(start.lambda, m).set(known[2]);
    rows(start.s, m).set(known[3]);
    keepOff(rows(start.lambda, m));
    keepOff(rows(start.s, m));
  }
  return start;
}

function lift(values: Float64Array): void {
  let lowest = Infinity;
  for (const value of values) lowest = Math.min(lowest, value);
  if (lowest > 1e-3) return;
  for (let i = 0; i < values.length; i++) values[i] += 1 - lowest;
}

function keepOff(values: Float64Array): void {
  let largest = 0;
  for (const value of values) largest = Math.max(largest, value);
  const margin = warmMargin * (largest || 1);
  for (let i = 0; i < values.length; i++) values[i] = Math.max(values[i], margin);
}

/** Row k <- alpha times item `items[k]` of a vector datum. */
export function fillRows(datum: Datum, alpha: number, rows: Float64Array, items: Int32Array): void {
  const width = datum.shape[0];
  for (let k = 0; k < items.length; k++) {
    const at = offsetOf(datum, items[k]);
    for (let j = 0; j < width; j++) rows[k * width + j] = alpha * datum.values[at + j];
  }
}
