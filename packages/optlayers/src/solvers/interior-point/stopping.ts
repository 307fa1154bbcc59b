import { offsetOf } from "../../problem/products.ts";
import type { Datum, QuadraticProgram } from "../../problem/quadratic-program.ts";
import type { ResidualUnits } from "../residual-units.ts";
import type { IterationProgress } from "../solver.ts";
import { type InteriorPoint, type OpenSlots, patience, type Residual } from "./state.ts";

/** How the iteration of one item ended, by its own account: the residuals recomputed afterwards have the last word. */
export type Outcome = "converged" | "stalled" | "max_iterations" | "time_limit";

/** When to stop. */
export interface IterationSettings {
  readonly tolerance: number;
  readonly maxIterations: number;
  /** Asked before every iteration. */
  readonly interrupted: () => boolean;
  /** Called after every iteration. */
  readonly onIteration?: (progress: IterationProgress) => void;
}

/** The iteration stops at this share of the tolerance: the residuals recomputed afterwards are relative to other terms. */
const toleranceShare = 0.1;
/** What rounding leaves of a sum whose terms cancel, relative to them. */
const roundingShare = 1e-14;
/** Above this size an item no longer converges. */
const divergence = 1e13;
/** x this many times larger than b and h, while nothing has converged, looks unbounded. */
const unboundedRatio = 1e8;
/**
 * Every feasible x has -(b'nu + h'lambda) <= |A'nu + G'lambda| |x|_1: multipliers that rule out all points up to this
 * many times the current one look like a certificate of infeasibility.
 */
const infeasibleRatio = 1e5;

/** What each open slot has come to; null where it goes on. */
export function judgeSlots(
  problem: QuadraticProgram,
  units: ResidualUnits,
  open: OpenSlots,
  residual: Residual,
  settings: IterationSettings,
  iteration: number,
): (Outcome | null)[] {
  const sizes = Array.from(open.items, (item, k) => sizesAt(problem, units, open.point, residual, item, k));
  const outcomes = sizes.map((own, k): Outcome | null => {
    if (relativeOf(own) <= toleranceShare * settings.tolerance) return "converged";
    if (open.stalls[k] >= patience || !(own.largest < divergence) || own.hopeless) return "stalled";
    return iteration >= settings.maxIterations ? "max_iterations" : null;
  });
  if (iteration > 0) settings.onIteration?.(progressOf(sizes, outcomes, iteration));
  return settings.interrupted() ? outcomes.map((outcome) => outcome ?? "time_limit") : outcomes;
}

function progressOf(sizes: readonly Sizes[], outcomes: readonly (Outcome | null)[], iteration: number) {
  const unfinished = outcomes.filter((outcome) => outcome === null).length;
  const progress = { iteration, primal: 0, dual: 0, gap: 0, unfinished };
  for (const { primal, dual, gap } of sizes) {
    progress.primal = Math.max(progress.primal, primal);
    progress.dual = Math.max(progress.dual, dual);
    progress.gap = Math.max(progress.gap, gap);
  }
  return progress;
}

interface Sizes {
  /** The residuals, each relative to the terms that it is a sum of, and the relative gap s'lambda. */
  readonly primal: number;
  readonly dual: number;
  readonly gap: number;
  /** The largest entry of the point. */
  readonly largest: number;
  /** The point has come close to a certificate that there is no solution. */
  readonly hopeless: boolean;
}

function relativeOf({ primal, dual, gap }: Sizes): number {
  return Math.max(primal, dual, gap);
}

function sizesAt(
  problem: QuadraticProgram,
  units: ResidualUnits,
  point: InteriorPoint,
  residual: Residual,
  item: number,
  k: number,
): Sizes {
  const dual = dualSizes(problem, point, residual, item, k);
  const equality = primalSizes(problem.b, point.nu, residual.r.nu, null, item, k);
  const inequality = primalSizes(problem.h, point.lambda, residual.r.lambda, point.s, item, k);
  let gap = 0;
  let largestSlack = 0;
  for (let i = k * problem.m; i < (k + 1) * problem.m; i++) {
    gap += point.s[i] * point.lambda[i];
    largestSlack = Math.max(largestSlack, point.s[i]);
  }
  const primal = Math.max(equality.error, inequality.error);
  const primalScale = Math.max(units.primal[item], equality.scale, inequality.scale);
  const dualScale = Math.max(units.dual[item], dual.scale);
  const decrease = -equality.product - inequality.product;
  const infeasible = decrease > infeasibleRatio * dual.combination * (1 + dual.norm1);
  return {
    primal: primal / primalScale,
    dual: dual.error / dualScale,
    gap: gap / (units.gap[item] + Math.abs(dual.objective)),
    largest: Math.max(dual.largestX, equality.largest, inequality.largest, largestSlack),
    hopeless: infeasible || dual.largestX > unboundedRatio * Math.max(1, equality.right, inequality.right),
  };
}

/** Of r_x: its largest entry and term; of x: its norms and the objective; and the largest entry of A'nu + G'lambda. */
function dualSizes({ n, q }: QuadraticProgram, { x }: InteriorPoint, residual: Residual, item: number, k: number) {
  const { r, dualPart, Qx } = residual;
  const sizes = { error: 0, scale: 0, combination: 0, norm1: 0, largestX: 0, objective: 0 };
  for (let j = 0, i = k * n, at = offsetOf(q, item); j < n; j++, i++) {
    const qj = q.values[at + j];
    sizes.error = Math.max(sizes.error, Math.abs(r.x[i]));
    sizes.scale = Math.max(sizes.scale, Math.abs(Qx[i]), Math.abs(qj), Math.abs(dualPart[i]));
    sizes.combination = Math.max(sizes.combination, Math.abs(dualPart[i]));
    sizes.norm1 += Math.abs(x[i]);
    sizes.largestX = Math.max(sizes.largestX, Math.abs(x[i]));
    sizes.objective += x[i] * (Qx[i] / 2 + qj);
  }
  return sizes;
}

/**
 * For one kind of constraints: the largest residual, right-hand side and multiplier, and right-hand side times multipliers.
 * A bound far above Gx neither excuses the residuals of other rows nor counts what rounding leaves of its own.
 */
function primalSizes(
  right: Datum,
  multipliers: Float64Array,
  residual: Float64Array,
  slack: Float64Array | null,
  item: number,
  k: number,
) {
  const width = right.shape[0];
  const sizes = { error: 0, scale: 0, right: 0, largest: 0, product: 0 };
  for (let j = 0, i = k * width, at = offsetOf(right, item); j < width; j++, i++) {
    const value = right.values[at + j];
    const size = slack ? Math.min(Math.abs(value), Math.abs(value - slack[i] + residual[i])) : Math.abs(value);
    sizes.error = Math.max(sizes.error, Math.abs(residual[i]) - roundingShare * (Math.abs(value) - size));
    sizes.scale = Math.max(sizes.scale, size);
    sizes.right = Math.max(sizes.right, Math.abs(value));
    sizes.largest = Math.max(sizes.largest, Math.abs(multipliers[i]));
    sizes.product += multipliers[i] * value;
  }
  return sizes;
}
