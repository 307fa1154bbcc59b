import { type KktMethod, kktVector } from "../../kkt/kkt-method.ts";
import { solveRefined } from "../../kkt/refine.ts";
import { allItems, offsetOf } from "../../problem/products.ts";
import type { Datum, QuadraticProgram } from "../../problem/quadratic-program.ts";
import type { InteriorPoint } from "./state.ts";

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

function lift(values: Float64Array): void {
  let lowest = Infinity;
  for (const value of values) lowest = Math.min(lowest, value);
  if (lowest > 1e-3) return;
  for (let i = 0; i < values.length; i++) values[i] += 1 - lowest;
}

/** Row k <- alpha times item `items[k]` of a vector datum. */
export function fillRows(datum: Datum, alpha: number, rows: Float64Array, items: Int32Array): void {
  const width = datum.shape[0];
  for (let k = 0; k < items.length; k++) {
    const at = offsetOf(datum, items[k]);
    for (let j = 0; j < width; j++) rows[k * width + j] = alpha * datum.values[at + j];
  }
}
