import type { KktMethod, KktVector } from "../../kkt/kkt-method.ts";
import { solveRefined } from "../../kkt/refine.ts";
import type { QuadraticProgram } from "../../problem/quadratic-program.ts";
import { type InteriorPoint, type OpenSlots, patience, type Residual } from "./state.ts";

/** Share of the way to the boundary that a step goes. */
const stepShare = 0.995;
/** A shorter step counts as a stall. */
const smallestStep = 1e-8;
/** A Newton step this exact, relative to its right-hand side, mostly converges as fast as an exact one. */
const refinement = { steps: 10, tolerance: 1e-6 };
/**
 * Past so many iterations an item is hard: steps are then solved as exactly as they can be, and every other one is a
 * plain centring step without the second-order term, which breaks the cycles that Mehrotra's corrector can fall into.
 */
const easyIterations = 15;
const exactRefinement = { steps: 10, tolerance: 1e-14 };
const centring = 0.3;

/** One predictor-corrector step of every open slot. */
export function step(
  problem: QuadraticProgram,
  method: KktMethod,
  open: OpenSlots,
  { r }: Residual,
  iteration: number,
): void {
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
