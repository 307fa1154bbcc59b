import { moveRow } from "../../arrays.ts";
import { type KktMethod, kktVector } from "../../kkt/kkt-method.ts";
import { allItems } from "../../problem/products.ts";
import type { QuadraticProgram } from "../../problem/quadratic-program.ts";
import { type ResidualUnits, residualUnits } from "../residual-units.ts";
import { copyPoint, type InteriorPoint, measure, movePoint, type OpenSlots, type Residual } from "./state.ts";
import { step } from "./step.ts";
import { type IterationSettings, judgeSlots, type Outcome } from "./stopping.ts";

export interface IterationResult {
  readonly point: InteriorPoint;
  readonly outcome: Outcome[];
  readonly iterations: Int32Array;
}

/**
 * The primal-dual predictor-corrector method of Mehrotra (1992) for a batch of QPs, as in Mattingley and Boyd (2012,
 * section 5) and OptNet. From s, lambda > 0, an iteration solves twice with one factorization
 *
 *     Q dx + A'dnu + G'dlambda = -r_x          r_x = Qx + q + A'nu + G'lambda
 *     A dx                     = -r_nu         r_nu = Ax - b
 *     G dx + ds                = -r_lambda     r_lambda = Gx + s - h
 *     lambda ds + s dlambda    = r_c           predictor r_c = -s lambda, corrector r_c = sigma mu - s lambda - alpha^2 ds dlambda
 *
 * Items that are finished leave the batch, so the work is that of the ones still open.
 */
export function iterate(
  problem: QuadraticProgram,
  method: KktMethod,
  start: InteriorPoint,
  settings: IterationSettings,
  units: ResidualUnits = residualUnits(problem),
): IterationResult {
  const result = newResult(problem);
  let open = openSlots(allItems(problem.batch), start);
  for (let iteration = 0; open.items.length > 0; iteration++) {
    const residual = measure(problem, open);
    const outcomes = judgeSlots(problem, units, open, residual, settings, iteration);
    open = retire(problem, open, residual, outcomes, result, iteration);
    if (open.items.length > 0) step(problem, method, open, residual, iteration);
  }
  return result;
}

function newResult(problem: QuadraticProgram): IterationResult {
  const { batch, m } = problem;
  const point = { ...kktVector(problem, batch), s: new Float64Array(batch * m) };
  return { point, outcome: new Array<Outcome>(batch).fill("stalled"), iterations: new Int32Array(batch) };
}

function openSlots(items: Int32Array, start: InteriorPoint): OpenSlots {
  return { items, point: copyPoint(start), stalls: new Int32Array(items.length) };
}

/** Writes the finished slots to the result and closes the ranks of the others, residuals included. */
function retire(
  problem: QuadraticProgram,
  open: OpenSlots,
  residual: Residual,
  outcomes: readonly (Outcome | null)[],
  result: IterationResult,
  iteration: number,
): OpenSlots {
  const { n, p, m } = problem;
  const { x, nu, lambda, s } = open.point;
  const { r } = residual;
  let kept = 0;
  for (let k = 0; k < open.items.length; k++) {
    const item = open.items[k];
    const outcome = outcomes[k];
    if (outcome !== null) {
      result.outcome[item] = outcome;
      result.iterations[item] = iteration;
      movePoint(problem, open.point, k, result.point, item);
      continue;
    }
    if (kept < k) {
      movePoint(problem, open.point, k, open.point, kept);
      moveRow(r.x, k, r.x, kept, n);
      moveRow(r.nu, k, r.nu, kept, p);
      moveRow(r.lambda, k, r.lambda, kept, m);
      open.items[kept] = item;
      open.stalls[kept] = open.stalls[k];
    }
    kept++;
  }
  if (kept === open.items.length) return open;
  const point = {
    x: x.subarray(0, kept * n),
    nu: nu.subarray(0, kept * p),
    lambda: lambda.subarray(0, kept * m),
    s: s.subarray(0, kept * m),
  };
  return { items: open.items.subarray(0, kept), point, stalls: open.stalls.subarray(0, kept) };
}
