import { moveRow } from "../arrays.ts";
import { type KktMethod, type KktVector, kktVector } from "../kkt/kkt-method.ts";
import { solveRefined } from "../kkt/refine.ts";
import { allItems, applyDatum, applyTransposedDatum, offsetOf } from "../problem/products.ts";
import type { Datum, QuadraticProgram } from "../problem/quadratic-program.ts";
import type { PrimalDualPoint } from "./residuals.ts";

/** How the iteration of one item ended, by its own account: the residuals recomputed afterwards have the last word. */
export type Outcome = "converged" | "stalled" | "max_iterations" | "time_limit";

export interface IterationSettings {
  readonly tolerance: number;
  readonly maxIterations: number;
  /** Asked before every iteration. */
  readonly interrupted: () => boolean;
}

/** A point with slacks; one row an item of the batch, or one row a slot while iterating. */
export interface InteriorPoint extends PrimalDualPoint {
  readonly s: Float64Array;
}

export interface IterationResult {
  readonly point: InteriorPoint;
  readonly outcome: Outcome[];
  readonly iterations: Int32Array;
}

/** The iteration stops at this share of the tolerance: the residuals recomputed afterwards are relative to other terms. */
const toleranceShare = 0.1;
/** What rounding leaves of a sum whose terms cancel, relative to them. */
const roundingShare = 1e-14;
/** Share of the way to the boundary that a step goes. */
const stepShare = 0.995;
/** Below this step length for `patience` iterations, or above this size, an item no longer converges. */
const smallestStep = 1e-8;
const patience = 3;
const divergence = 1e13;
/** x this many times larger than b and h, while nothing has converged, looks unbounded. */
const unboundedRatio = 1e8;
/**
 * Every feasible x has -(b'nu + h'lambda) <= |A'nu + G'lambda| |x|_1: multipliers that rule out all points up to this
 * many times the current one look like a certificate of infeasibility.
 */
const infeasibleRatio = 1e5;
/** A Newton step this exact, relative to its right-hand side, mostly converges as fast as an exact one. */
const refinement = { steps: 10, tolerance: 1e-6 };
/**
 * Past so many iterations an item is hard: steps are then solved as exactly as they can be, and every other one is a
 * plain centring step without the second-order term, which breaks the cycles that Mehrotra's corrector can fall into.
 */
const easyIterations = 15;
const exactRefinement = { steps: 10, tolerance: 1e-14 };
const centring = 0.3;

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
): IterationResult {
  const result = newResult(problem);
  let open = openSlots(allItems(problem.batch), start);
  for (let iteration = 0; open.items.length > 0; iteration++) {
    const residual = measure(problem, open);
    const outcomes = judgeSlots(problem, open, residual, settings, iteration);
    open = retire(problem, open, residual, outcomes, result, iteration);
    if (open.items.length > 0) step(problem, method, open, residual, iteration);
  }
  return result;
}

/** The items still iterating, side by side. */
interface OpenSlots {
  readonly items: Int32Array;
  readonly point: InteriorPoint;
  /** Iterations in a row with a tiny step; `patience` when the factorization or the step broke down. */
  readonly stalls: Int32Array;
}

/** The residuals at the current point, with what the stopping tests compare them to. */
interface Residual {
  readonly r: KktVector;
  /** A'nu + G'lambda. */
  readonly dualPart: Float64Array;
  readonly Qx: Float64Array;
}

function newResult(problem: QuadraticProgram): IterationResult {
  const { batch, m } = problem;
  const point = { ...kktVector(problem, batch), s: new Float64Array(batch * m) };
  return { point, outcome: new Array<Outcome>(batch).fill("stalled"), iterations: new Int32Array(batch) };
}

function openSlots(items: Int32Array, start: InteriorPoint): OpenSlots {
  const { x, nu, lambda, s } = start;
  const point = { x: x.slice(), nu: nu.slice(), lambda: lambda.slice(), s: s.slice() };
  return { items, point, stalls: new Int32Array(items.length) };
}

function measure(problem: QuadraticProgram, { items, point }: OpenSlots): Residual {
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

/** What each open slot has come to; null where it goes on. */
function judgeSlots(
  problem: QuadraticProgram,
  open: OpenSlots,
  residual: Residual,
  settings: IterationSettings,
  iteration: number,
): (Outcome | null)[] {
  const interrupted = settings.interrupted();
  return Array.from(open.items, (item, k) => {
    const sizes = sizesAt(problem, open.point, residual, item, k);
    if (sizes.relative <= toleranceShare * settings.tolerance) return "converged";
    if (open.stalls[k] >= patience || !(sizes.largest < divergence) || sizes.hopeless) return "stalled";
    if (iteration >= settings.maxIterations) return "max_iterations";
    return interrupted ? "time_limit" : null;
  });
}

interface Sizes {
  /** The largest of the residuals, each relative to the terms that it is a sum of, and the relative gap s'lambda. */
  readonly relative: number;
  /** The largest entry of the point. */
  readonly largest: number;
  /** The point has come close to a certificate that there is no solution. */
  readonly hopeless: boolean;
}

function sizesAt(problem: QuadraticProgram, point: InteriorPoint, residual: Residual, item: number, k: number): Sizes {
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
  const primalScale = Math.max(1, equality.scale, inequality.scale);
  const decrease = -equality.product - inequality.product;
  const infeasible = decrease > infeasibleRatio * dual.combination * (1 + dual.norm1);
  return {
    relative: Math.max(dual.error / dual.scale, primal / primalScale, gap / (1 + Math.abs(dual.objective))),
    largest: Math.max(dual.largestX, equality.largest, inequality.largest, largestSlack),
    hopeless: infeasible || dual.largestX > unboundedRatio * Math.max(1, equality.right, inequality.right),
  };
}

/** Of r_x: its largest entry and term; of x: its norms and the objective; and the largest entry of A'nu + G'lambda. */
function dualSizes({ n, q }: QuadraticProgram, { x }: InteriorPoint, residual: Residual, item: number, k: number) {
  const { r, dualPart, Qx } = residual;
  const sizes = { error: 0, scale: 1, combination: 0, norm1: 0, largestX: 0, objective: 0 };
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
      moveRow(x, k, result.point.x, item, n);
      moveRow(nu, k, result.point.nu, item, p);
      moveRow(lambda, k, result.point.lambda, item, m);
      moveRow(s, k, result.point.s, item, m);
      continue;
    }
    if (kept < k) {
      for (const values of [x, r.x]) moveRow(values, k, values, kept, n);
      for (const values of [nu, r.nu]) moveRow(values, k, values, kept, p);
      for (const values of [lambda, s, r.lambda]) moveRow(values, k, values, kept, m);
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

/** One predictor-corrector step of every open slot. */
function step(problem: QuadraticProgram, method: KktMethod, open: OpenSlots, { r }: Residual, iteration: number): void {
  const { m } = problem;
  const { items, point, stalls } = open;
  const { lambda, s } = point;
  const D = lambda.map((value, i) => s[i] / value);
  const failed = method.factor(items, D);
  // Predictor: r_c = -s lambda, so the last right-hand side -r_lambda - r_c / lambda is s - r_lambda.
  const rhs = {
    x: negated(r.x, items.length * problem.n),
    nu: negated(r.nu, items.length * problem.p),
    lambda: new Float64Array(s.length),
  };
  for (let i = 0; i < s.length; i++) rhs.lambda[i] = s[i] - r.lambda[i];
  // The predictor only chooses the centring, which needs no refinement.
  const predictor = { x: rhs.x.slice(), nu: rhs.nu.slice(), lambda: rhs.lambda.slice() };
  if (m > 0) method.solve(predictor);
  const isHard = iteration >= easyIterations;
  const plain = isHard && iteration % 2 === 1;
  const rc = correctorTerm(point, predictor.lambda, D, m, items.length, plain);
  for (let i = 0; i < s.length; i++) rhs.lambda[i] = -r.lambda[i] - rc[i] / lambda[i];
  const direction = solveRefined(problem, method, items, D, rhs, isHard ? exactRefinement : refinement).z;
  const ds = slackStep(rc, lambda, D, direction.lambda);
  for (let k = 0; k < items.length; k++) {
    const length = Math.min(1, stepShare * stepToBoundary(point, ds, direction.lambda, m, k));
    stalls[k] = failed[k] ? patience : length < smallestStep ? stalls[k] + 1 : 0;
    advance(problem, point, direction, ds, k, failed[k] ? 0 : length);
  }
}

function negated(values: Float64Array, length: number): Float64Array {
  const result = new Float64Array(length);
  for (let i = 0; i < length; i++) result[i] = -values[i];
  return result;
}

/** ds = r_c / lambda - D dlambda. */
function slackStep(rc: Float64Array, lambda: Float64Array, D: Float64Array, dlambda: Float64Array): Float64Array {
  const ds = new Float64Array(rc.length);
  for (let i = 0; i < ds.length; i++) ds[i] = rc[i] / lambda[i] - D[i] * dlambda[i];
  return ds;
}

/**
 * r_c = sigma mu - s lambda - alpha^2 ds dlambda with the predictor's ds, dlambda and step length alpha, and
 * sigma = (mu after the predictor / mu)^3; the weight alpha^2 as in Colombo and Gondzio (2008).
 */
function correctorTerm(
  point: InteriorPoint,
  dlambda: Float64Array,
  D: Float64Array,
  m: number,
  slots: number,
  plain: boolean,
): Float64Array {
  const { s, lambda } = point;
  const rc = s.map((value, i) => -value * lambda[i]);
  const ds = slackStep(rc, lambda, D, dlambda);
  for (let k = 0; k < slots; k++) {
    const length = Math.min(1, stepToBoundary(point, ds, dlambda, m, k));
    let mu = 0;
    let muAfter = 0;
    for (let i = k * m; i < (k + 1) * m; i++) {
      mu += s[i] * lambda[i];
      muAfter += (s[i] + length * ds[i]) * (lambda[i] + length * dlambda[i]);
    }
    const sigma = plain ? centring : (muAfter / mu) ** 3;
    const target = (sigma * mu) / m;
    // The second-order term of a step that is cut short would overshoot, and the iteration could cycle.
    const weight = plain ? 0 : length * length;
    for (let i = k * m; i < (k + 1) * m; i++) rc[i] += target - weight * ds[i] * dlambda[i];
  }
  return rc;
}

/** The largest step that keeps s and lambda of slot k nonnegative. */
function stepToBoundary(
  { s, lambda }: InteriorPoint,
  ds: Float64Array,
  dlambda: Float64Array,
  m: number,
  k: number,
): number {
  let length = Infinity;
  for (let i = k * m; i < (k + 1) * m; i++) {
    if (ds[i] < 0) length = Math.min(length, -s[i] / ds[i]);
    if (dlambda[i] < 0) length = Math.min(length, -lambda[i] / dlambda[i]);
  }
  return length;
}

function advance(
  { n, p, m }: QuadraticProgram,
  point: InteriorPoint,
  direction: KktVector,
  ds: Float64Array,
  k: number,
  length: number,
): void {
  if (length === 0) return;
  for (let i = k * n; i < (k + 1) * n; i++) point.x[i] += length * direction.x[i];
  for (let i = k * p; i < (k + 1) * p; i++) point.nu[i] += length * direction.nu[i];
  for (let i = k * m; i < (k + 1) * m; i++) {
    point.lambda[i] += length * direction.lambda[i];
    point.s[i] += length * ds[i];
  }
}
