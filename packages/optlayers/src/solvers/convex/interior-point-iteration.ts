import { maxAbs } from "../../arrays.ts";
import { CondensedKkt } from "../../kkt/condensed-kkt.ts";
import { DenseKkt } from "../../kkt/dense-kkt.ts";
import { kktVector } from "../../kkt/kkt-method.ts";
import { type ConvexProgram, smoothObjective } from "../../problem/convex-program.ts";
import { allItems, applyDatum, applyTransposedDatum, offsetOf } from "../../problem/products.ts";
import type { Datum, QuadraticProgram } from "../../problem/quadratic-program.ts";
import type { SmoothPoint } from "../../problem/smooth-objective.ts";
import { copyPoint, type InteriorPoint, movePoint } from "../interior-point/state.ts";
import { step } from "../interior-point/step.ts";
import type { IterationProgress, Residuals } from "../solver.ts";
import { assessConvex, isConvexAt, quadraticModel, startModel } from "./model.ts";

export interface ConvexSettings {
  /** The relative residual at which an item is done. */
  readonly tolerance: number;
  readonly maxIterations: number;
  readonly interrupted: () => boolean;
  readonly onIteration?: (progress: IterationProgress) => void;
}

/** How the iteration of one item ended, by its own account. */
export type ConvexOutcome = "converged" | "stalled" | "not_convex" | "max_iterations" | "time_limit";

export interface ConvexRun {
  readonly point: InteriorPoint;
  /** f at the point's x. */
  readonly at: SmoothPoint;
  readonly outcome: ConvexOutcome[];
  readonly iterations: Int32Array;
}

/** Of a step: the share of its length by which the residual has to fall. */
const sufficient = 1e-4;
const shortestStep = 1e-10;
/** Steps in a row that the line search may refuse. */
const patience = 3;
/** An iteration number for which `step` takes a plain centring step. */
const plainStep = 15;

/**
 * A primal-dual interior-point method from an infeasible start for
 *
 *     grad f(x) + A'nu + G'lambda = 0,  Ax = b,  Gx + s = h,  lambda_i s_i = mu -> 0,   s, lambda > 0
 *
 * (Boyd and Vandenberghe 2004, sections 10.3 and 11.7). Its Newton step, with the Hessian grad^2 f + G'diag(lambda / s)G of
 * the condensed system, is that of the quadratic model at x, predictor and corrector included. A line search keeps x in the
 * domain of f, and makes the residual fall: in proportion to the step, or to no more than its first share of mu.
 *
 * All items move together, since f is evaluated for the batch at once; an item that is done stays where it is.
 */
export function iterateConvex(program: ConvexProgram, start: InteriorPoint, settings: ConvexSettings): ConvexRun {
  const { batch } = program;
  const objective = smoothObjective(program);
  const point = copyPoint(start);
  let at = objective.at(point.x);
  const scales = residualScales(program);
  const run: Running = {
    point,
    outcome: new Array<ConvexOutcome | null>(batch).fill(null),
    iterations: new Int32Array(batch),
    refused: new Int32Array(batch),
  };
  const first = sizesAt(program, point, at, scales);
  markNotConvex(run, startModel(program).model);
  for (let iteration = 0; ; iteration++) {
    const { relative, residuals } = assessConvex(program, point, at);
    const moved = openItems(run);
    judgeItems(run, program, relative, settings, iteration);
    const left = openItems(run);
    if (iteration > 0) reportIteration(settings, iteration, moved, left.length, residuals);
    if (left.length === 0) {
      return { point, at, iterations: run.iterations, outcome: run.outcome.map((own) => own ?? "stalled") };
    }
    const model = quadraticModel(program, point.x, at);
    markNotConvex(run, model);
    const goal = newtonPoint(model, run, at, openItems(run), iteration);
    at = search(program, run, goal, openItems(run), { at, scales, first });
  }
}

/** The items under way: where they are, how they ended (null: they have not), and the steps in a row that were refused. */
interface Running {
  readonly point: InteriorPoint;
  readonly outcome: (ConvexOutcome | null)[];
  readonly iterations: Int32Array;
  readonly refused: Int32Array;
}

function openItems({ outcome }: Running): number[] {
  return [...outcome.keys()].filter((i) => outcome[i] === null);
}

function markNotConvex(run: Running, model: QuadraticProgram): void {
  for (const i of openItems(run)) if (!isConvexAt(model, i)) run.outcome[i] = "not_convex";
}

/** Beyond, an item no longer converges. */
const divergence = 1e13;

function judgeItems(
  run: Running,
  { n }: ConvexProgram,
  relative: Float64Array,
  { tolerance, maxIterations, interrupted }: ConvexSettings,
  iteration: number,
): void {
  const stop = interrupted();
  for (const i of openItems(run)) {
    run.iterations[i] = iteration;
    const largest = maxAbs(run.point.x, i * n, (i + 1) * n);
    if (relative[i] <= tolerance) run.outcome[i] = "converged";
    else if (run.refused[i] >= patience || !(largest < divergence)) run.outcome[i] = "stalled";
    else if (iteration >= maxIterations) run.outcome[i] = "max_iterations";
    else if (stop) run.outcome[i] = "time_limit";
  }
}

/** Hands on the largest residuals of the items that moved. */
export function reportIteration(
  { onIteration }: Pick<ConvexSettings, "onIteration">,
  iteration: number,
  items: readonly number[],
  unfinished: number,
  { primal, dual, gap }: Residuals,
): void {
  const largest = (values: Float64Array) => items.reduce((most, i) => Math.max(most, values[i]), 0);
  onIteration?.({ iteration, primal: largest(primal), dual: largest(dual), gap: largest(gap), unfinished });
}

/**
 * The point that the predictor-corrector step of the model leads to from here, for these items (others stay). After a
 * step that was refused, a plain centring step whose system is solved as it stands.
 */
function newtonPoint(
  model: QuadraticProgram,
  { point, refused }: Running,
  at: SmoothPoint,
  items: readonly number[],
  iteration: number,
): InteriorPoint {
  const goal = copyPoint(point);
  const isHard = items.some((i) => refused[i] > 0);
  const { n, p, m } = model;
  const count = items.length;
  const part = { ...kktVector(model, count), s: new Float64Array(count * m) };
  items.forEach((item, k) => {
    movePoint(model, point, item, part, k);
  });
  const r = kktResiduals(model, part, Int32Array.from(items), (k, j) => at.gradient[items[k] * n + j]);
  const open = { items: Int32Array.from(items), point: part, stalls: new Int32Array(count) };
  const residual = { r, dualPart: new Float64Array(0), Qx: new Float64Array(0) };
  if (isHard) step(model, new DenseKkt(model), open, residual, plainStep);
  else step(model, new CondensedKkt(model), open, residual, Math.min(iteration, plainStep - 1));
  items.forEach((item, k) => {
    const rows = [
      part.x.subarray(k * n, (k + 1) * n),
      part.nu.subarray(k * p, (k + 1) * p),
      part.lambda.subarray(k * m, (k + 1) * m),
    ];
    if (rows.every((row) => row.every(Number.isFinite))) movePoint(model, part, k, goal, item);
  });
  return goal;
}

/** grad f + A'nu + G'lambda, Ax - b and Gx + s - h of every slot. */
function kktResiduals(
  program: Pick<ConvexProgram, "n" | "p" | "m" | "A" | "b" | "G" | "h">,
  { x, nu, lambda, s }: InteriorPoint,
  items: Int32Array,
  slope: (slot: number, j: number) => number,
) {
  const { n, p, m, A, b, G, h } = program;
  const r = { x: new Float64Array(items.length * n), nu: nu.slice(), lambda: s.slice() };
  for (let k = 0; k < items.length; k++) for (let j = 0; j < n; j++) r.x[k * n + j] = slope(k, j);
  if (p > 0) applyTransposedDatum(1, A, nu, 1, r.x, items);
  if (m > 0) applyTransposedDatum(1, G, lambda, 1, r.x, items);
  applyDatum(1, A, x, 0, r.nu, items);
  applyDatum(1, G, x, 1, r.lambda, items);
  const subtract = (datum: Datum, rows: Float64Array, width: number) => {
    for (let k = 0; k < items.length; k++) {
      const from = offsetOf(datum, items[k]);
      for (let j = 0; j < width; j++) rows[k * width + j] -= datum.values[from + j];
    }
  };
  subtract(b, r.nu, p);
  subtract(h, r.lambda, m);
  return r;
}

/** The size of the residuals of every item, and the mean of lambda_i s_i. */
interface Sizes {
  readonly residual: Float64Array;
  readonly mu: Float64Array;
}

/** What the residuals of stationarity and of the rows are measured by: so that neither hides the other. */
function residualScales(program: ConvexProgram): { readonly dual: Float64Array; readonly primal: Float64Array } {
  const { n, p, m, batch } = program;
  const { at, x } = startModel(program);
  const r = kktResiduals(
    program,
    {
      x,
      nu: new Float64Array(batch * p),
      lambda: new Float64Array(batch * m),
      s: new Float64Array(batch * m),
    },
    allItems(batch),
    () => 0,
  );
  const dual = Float64Array.from({ length: batch }, (_, i) => maxAbs(at.gradient, i * n, (i + 1) * n) || 1);
  const primal = Float64Array.from({ length: batch }, (_, i) => maxAbs(r.nu, i * p, (i + 1) * p) || 1);
  return { dual, primal };
}

function sizesAt(
  program: ConvexProgram,
  point: InteriorPoint,
  at: SmoothPoint,
  scales: ReturnType<typeof residualScales>,
): Sizes {
  const { n, p, m, batch } = program;
  const r = kktResiduals(program, point, allItems(batch), (i, j) => at.gradient[i * n + j]);
  const residual = new Float64Array(batch);
  const mu = new Float64Array(batch);
  for (let i = 0; i < batch; i++) {
    let square = 0;
    for (let k = i * n; k < (i + 1) * n; k++) square += (r.x[k] / scales.dual[i]) ** 2;
    for (let k = i * p; k < (i + 1) * p; k++) square += (r.nu[k] / scales.primal[i]) ** 2;
    for (let k = i * m; k < (i + 1) * m; k++) {
      square += (r.lambda[k] / scales.primal[i]) ** 2;
      mu[i] += (point.lambda[k] * point.s[k]) / m;
    }
    residual[i] = Number.isFinite(at.value[i]) ? Math.sqrt(square) : Number.NaN;
  }
  return { residual, mu };
}

interface Search {
  readonly at: SmoothPoint;
  readonly scales: ReturnType<typeof residualScales>;
  readonly first: Sizes;
}

/** Moves the point as far towards the goal as the line search allows; returns f there. */
function search(
  program: ConvexProgram,
  { point, refused }: Running,
  goal: InteriorPoint,
  items: readonly number[],
  { at, scales, first }: Search,
): SmoothPoint {
  const objective = smoothObjective(program);
  const before = sizesAt(program, point, at, scales);
  const from = copyPoint(point);
  let trying = [...items];
  let now = at;
  for (let t = 1; trying.length > 0; t /= 2) {
    const giveUp = t < shortestStep;
    for (const i of trying) blend(program, from, goal, giveUp ? 0 : t, point, i);
    now = objective.at(point.x);
    if (giveUp) break;
    const after = sizesAt(program, point, now, scales);
    trying = trying.filter((i) => {
      const bound = Math.max((1 - sufficient * t) * before.residual[i], allowance(first, i) * after.mu[i]);
      return !(after.residual[i] <= bound || after.residual[i] <= 1e-15);
    });
  }
  for (const i of items) refused[i] = trying.includes(i) ? refused[i] + 1 : 0;
  return now;
}

/** The residual that goes with a mu: as large, relative to it, as at the start and no smaller than 1. */
function allowance({ residual, mu }: Sizes, i: number): number {
  return mu[i] > 0 ? Math.max(residual[i], 1) / mu[i] : 0;
}

/** Row i of `to` <- (1 - t) from + t goal. */
function blend(
  { n, p, m }: ConvexProgram,
  from: InteriorPoint,
  goal: InteriorPoint,
  t: number,
  to: InteriorPoint,
  i: number,
): void {
  const widths = { x: n, nu: p, lambda: m, s: m };
  for (const part of ["x", "nu", "lambda", "s"] as const) {
    const width = widths[part];
    for (let k = i * width; k < (i + 1) * width; k++) {
      to[part][k] = from[part][k] + t * (goal[part][k] - from[part][k]);
    }
  }
}
