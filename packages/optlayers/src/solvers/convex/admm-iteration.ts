import { maxAbs } from "../../arrays.ts";
import type { ConvexProgram } from "../../problem/convex-program.ts";
import { primalRayOf } from "../admm/infeasibility.ts";
import type { InteriorPoint } from "../interior-point/state.ts";
import type { Assessment } from "../residuals.ts";
import type { Certificate } from "../solver.ts";
import { type ConvexRun, type ConvexSettings, reportIteration } from "./interior-point-iteration.ts";
import { assessConvex, startModel } from "./model.ts";
import { ConvexPrimalUpdate } from "./primal-update.ts";

export interface ConvexAdmmSettings extends ConvexSettings {
  /** Over-relaxation in (0, 2). */
  readonly relaxation: number;
  /** The first penalty of every item, for the scaled rows. */
  readonly rho: Float64Array;
  readonly adaptiveRho: boolean;
}

export interface ConvexAdmmRun extends ConvexRun {
  readonly update: ConvexPrimalUpdate;
  readonly rho: Float64Array;
}

/** How often rho may follow the balance of the residuals, and by how much they have to differ. */
const adaptEvery = 10;
const imbalance = 5;
/** Iterations between two looks for a certificate of infeasibility. */
const certifyEvery = 25;
/** The gradient of an update of x may be so much of the residual of the iteration before, and of the tolerance. */
const innerShare = 0.05;
/** Iterations without any change, each with a far smaller gradient of the update than the last, before an item is given up. */
const mostIdle = 3;
/** Beyond, an item no longer converges. */
const divergence = 1e10;
/** Below this residual, so many iterations without a smaller one mean that rounding is all that is left. */
const rounding = 1e-8;
const patience = 100;

/** The state of one item, t = (nu, w) with w = lambda - rho s, scaled. */
export interface AdmmItemState {
  readonly t: Float64Array;
  rho: number;
}

/**
 * ADMM in the form of Alt-Diff (5) for a smooth objective, on the state t = (nu, w), w = lambda - rho s, with a = (nu, |w|):
 *
 *     x+ = argmin f(x) + a'Kx + rho/2 |Kx - k|^2,   nu+ = nu + rho (A x+ - b),   w+ = max(w, 0) + rho (G x+ - h)
 *
 * averaged with t by the relaxation. An update of x need not be exact: its gradient is a fixed share of the residual. It
 * stops on the residuals of the KKT conditions; all items move together, and one that is done stays where it is.
 */
export function runConvexAdmm(
  program: ConvexProgram,
  start: InteriorPoint,
  settings: ConvexAdmmSettings,
): ConvexAdmmRun {
  const { n, p, batch } = program;
  const update = new ConvexPrimalUpdate(program, start.x);
  const rho = settings.rho.slice();
  const t = update.items.map((_, i) => stateAt(update, start, i, rho[i]));
  const run = {
    point: { ...start, x: update.x },
    iterations: new Int32Array(batch),
    outcome: new Array<ConvexRun["outcome"][number] | null>(batch).fill(null),
    certificates: new Array<Certificate | null>(batch).fill(null),
    idle: new Int32Array(batch),
    best: new Float64Array(batch).fill(Infinity),
    bestAt: new Int32Array(batch),
  };
  let assessment = assessConvex(program, run.point, update.at);
  let left = settle(run, assessment, settings, 0, update);
  for (let iteration = 1; left.length > 0; iteration++) {
    const a = t.map((state) => absolute(state, p));
    const before = t.map((state) => state.slice());
    const from = update.x.slice();
    update.minimize(left, a, rho, (i) => innerTolerance(update, assessment, settings, i) * 1e-3 ** run.idle[i]);
    for (const i of left) advance(t[i], update.rowsAt(i), update.items[i].k, p, rho[i], settings.relaxation);
    for (const i of left) {
      writeDuals(update, t[i], rho[i], run.point, i);
      const rests = sameNumbers(t[i], before[i]) && sameNumbers(update.pointOf(i), from.subarray(i * n, (i + 1) * n));
      run.idle[i] = rests ? run.idle[i] + 1 : 0;
    }
    assessment = assessConvex(program, run.point, update.at);
    if (iteration % certifyEvery === 0) certify(update, left, t, before, run.certificates);
    const moved = left;
    left = settle(run, assessment, settings, iteration, update);
    reportIteration(settings, iteration, moved, left.length, assessment.residuals);
    if (settings.adaptiveRho && iteration % adaptEvery === 0) for (const i of left) adapt(update, t[i], rho, i, p);
  }
  const outcome = run.outcome.map((own) => own ?? "stalled");
  return { ...run, outcome, at: update.at, update, rho };
}

/** t of a point: nu / E, lambda / E - rho E s. */
function stateAt({ program, items }: ConvexPrimalUpdate, point: InteriorPoint, i: number, rho: number): Float64Array {
  const { p, m } = program;
  return Float64Array.from(items[i].geometry.scale, (scale, row) => {
    if (row < p) return point.nu[i * p + row] / scale;
    const k = i * m + row - p;
    return point.lambda[k] / scale - rho * scale * point.s[k];
  });
}

function absolute(t: Float64Array, p: number): Float64Array {
  return t.map((value, row) => (row < p ? value : Math.abs(value)));
}

/** t <- (1 - alpha) t + alpha (nu + rho (Ax - b), max(w, 0) + rho (Gx - h)). */
export function advance(
  t: Float64Array,
  Kx: Float64Array,
  k: Float64Array,
  p: number,
  rho: number,
  relaxation: number,
): void {
  for (let row = 0; row < t.length; row++) {
    const kept = row < p ? t[row] : Math.max(t[row], 0);
    t[row] += relaxation * (kept + rho * (Kx[row] - k[row]) - t[row]);
  }
}

/** Of an update of x: its share of the last residual of stationarity, or of the one that is allowed at the end. */
function innerTolerance(
  update: ConvexPrimalUpdate,
  { residuals }: Assessment,
  { tolerance }: ConvexAdmmSettings,
  i: number,
): number {
  const { n } = update.program;
  const size = startModel(update.program).units.dual[i] + maxAbs(update.at.gradient, i * n, (i + 1) * n);
  return innerShare * Math.max(tolerance * size, Math.min(residuals.dual[i], size) || 0);
}

/** nu = E t, lambda = E max(w, 0), s = max(-w, 0) / (rho E). */
function writeDuals(
  { program, items }: ConvexPrimalUpdate,
  t: Float64Array,
  rho: number,
  point: InteriorPoint,
  i: number,
) {
  const { p, m } = program;
  const { scale } = items[i].geometry;
  for (let row = 0; row < p; row++) point.nu[i * p + row] = scale[row] * t[row];
  for (let row = 0; row < m; row++) {
    point.lambda[i * m + row] = scale[p + row] * Math.max(t[p + row], 0);
    point.s[i * m + row] = Math.max(-t[p + row], 0) / (rho * scale[p + row]);
  }
}

interface Running {
  readonly point: InteriorPoint;
  readonly iterations: Int32Array;
  readonly outcome: (ConvexRun["outcome"][number] | null)[];
  readonly certificates: (Certificate | null)[];
  /** Iterations in a row that changed nothing. */
  readonly idle: Int32Array;
  /** The smallest residual of each item, and the iteration that had it. */
  readonly best: Float64Array;
  readonly bestAt: Int32Array;
}

/** Ends the items that are done, one way or another; returns the others. */
function settle(
  run: Running,
  { relative }: Assessment,
  settings: ConvexAdmmSettings,
  iteration: number,
  update: ConvexPrimalUpdate,
): number[] {
  const { outcome, certificates, iterations, idle, best, bestAt } = run;
  const interrupted = settings.interrupted();
  for (let i = 0; i < outcome.length; i++) {
    if (outcome[i] !== null) continue;
    iterations[i] = iteration;
    if (relative[i] < best[i]) {
      best[i] = relative[i];
      bestAt[i] = iteration;
    }
    if (update.notConvex.has(i)) outcome[i] = "not_convex";
    else if (relative[i] <= settings.tolerance) outcome[i] = "converged";
    else if (
      certificates[i] ||
      idle[i] > mostIdle ||
      (best[i] < rounding && iteration > bestAt[i] + patience) ||
      !(maxAbs(update.pointOf(i)) < divergence)
    )
      outcome[i] = "stalled";
    else if (iteration >= settings.maxIterations) outcome[i] = "max_iterations";
    else if (interrupted) outcome[i] = "time_limit";
  }
  return [...outcome.keys()].filter((i) => outcome[i] === null);
}

/** Where the duals' change tends to a proof that no x satisfies the constraints. */
function certify(
  update: ConvexPrimalUpdate,
  items: readonly number[],
  t: readonly Float64Array[],
  before: readonly Float64Array[],
  certificates: (Certificate | null)[],
): void {
  const { p } = update.program;
  for (const i of items) {
    const duals = (state: Float64Array) => state.map((value, row) => (row < p ? value : Math.max(value, 0)));
    const earlier = duals(before[i]);
    const change = duals(t[i]).map((value, row) => value - earlier[row]);
    const { geometry, k } = update.items[i];
    certificates[i] = primalRayOf(geometry, change, { x: update.pointOf(i), k });
  }
}

/** rho after a look at the balance of the relative residuals, primal |Kx + s - k| and dual |grad f + K'z|, with t moved along. */
function adapt(update: ConvexPrimalUpdate, t: Float64Array, rho: Float64Array, i: number, p: number): void {
  const { n } = update.program;
  const { k } = update.items[i];
  const Kx = update.rowsAt(i);
  let primal = 0;
  for (let row = 0; row < t.length; row++) {
    const s = row < p ? 0 : Math.max(-t[row], 0) / rho[i];
    primal = Math.max(primal, Math.abs(Kx[row] + s - k[row]));
  }
  const slope = update.at.gradient.subarray(i * n, (i + 1) * n);
  const force = update.forceOf(
    i,
    t.map((value, row) => (row < p ? value : Math.max(value, 0))),
  );
  const dual = maxAbs(force.map((value, j) => value + slope[j])) / Math.max(maxAbs(force), maxAbs(slope));
  const ratio = primal / Math.max(maxAbs(Kx), maxAbs(k)) / dual;
  if (!(ratio > imbalance || ratio < 1 / imbalance)) return;
  const factor = Math.min(Math.max(Math.sqrt(ratio), 0.1), 10);
  for (let row = p; row < t.length; row++) if (t[row] < 0) t[row] *= factor;
  rho[i] *= factor;
  update.changePenalty(i, rho[i]);
}

function sameNumbers(a: Float64Array, b: Float64Array): boolean {
  return a.every((value, k) => value === b[k]);
}
