import { maxAbs } from "../../arrays.ts";
import type { InteriorPoint } from "../interior-point/state.ts";
import type { Certificate, IterationProgress, Status } from "../solver.ts";
import { directionOf, primalRayOf } from "./infeasibility.ts";
import { adaptedPenalty } from "./penalty.ts";
import { type AdmmRows, type Look, type Penalty, Sweep } from "./sweep.ts";
import { penaltyFactor, primalUpdate } from "./update.ts";

export interface AdmmSettings {
  readonly tolerance: number;
  readonly relaxation: number;
  readonly rho: number;
  readonly adaptiveRho: boolean;
  readonly maxIterations: number;
  readonly checkEvery: number;
  /** Whether to stop now, asked between two iterations. */
  readonly interrupted: () => boolean;
  /** Called after every look at the residuals. */
  readonly onIteration?: (progress: IterationProgress) => void;
  /** The solutions, in the units of the data, of those rows whose active constraints the iteration has found; by default it is left to itself. */
  readonly finish?: (rows: readonly number[], at: { X: Float64Array; rho: number }) => Map<number, InteriorPoint>;
}

export interface AdmmRun {
  readonly X: Float64Array;
  readonly rho: number;
  /** The iteration at which each row first met the tolerance, or the last one. */
  readonly iterations: Int32Array;
  readonly outcome: Exclude<Status, "solved_inaccurate">[];
  readonly certificates: (Certificate | null)[];
  /** The rows that did not need the iteration to end. */
  readonly finished: Map<number, InteriorPoint>;
}

/** The iteration is left to itself so long; then, and whenever it has taken twice as many iterations, its active rows are tried. */
const finishAfter = 50;

/** Iterations between two looks for a certificate of infeasibility. */
const certifyEvery = 25;

/**
 * t+ = (1 - alpha) t + alpha T(t), with T one sweep of (5) in the form of the state t = (nu, w):
 *
 *     x+ = -H^-1 (q + K'(|t| - rho k))       (nu enters as itself, without the absolute value)
 *     nu+ = nu + rho (A x+ - b),   w+ = max(w, 0) + rho (G x+ - h)
 *
 * Over-relaxation is thus an average of the identity with T: it has T's fixed points, and the derivative of the fixed
 * point does not depend on alpha.
 */
export function runAdmm(
  rows: AdmmRows,
  settings: AdmmSettings,
  finished: Map<number, InteriorPoint> = new Map(),
): AdmmRun {
  const { geometry, F, t } = rows;
  const count = F.length / geometry.n;
  const run = {
    X: new Float64Array(F.length),
    iterations: new Int32Array(count).fill(settings.maxIterations),
    outcome: new Array<AdmmRun["outcome"][number]>(count).fill("max_iterations"),
    certificates: new Array<Certificate | null>(count).fill(null),
    finished,
  };
  for (const i of finished.keys()) stop(run, i, "solved", 1);
  if (finished.size === count) return { ...run, rho: settings.rho };
  const factor = penaltyFactor(geometry, settings.rho);
  if (!factor) return { ...run, rho: settings.rho, outcome: run.outcome.fill("numerical_error") };

  let penalty: Penalty = { factor, update: primalUpdate(geometry, factor, F), exponent: 0, since: 0 };
  const sweep = new Sweep(rows, settings.rho);
  let iteration = 0;
  let tryFinishAt = finishAfter;
  while (iteration < settings.maxIterations) {
    iteration++;
    const certify = iteration % certifyEvery === 0;
    const earlier = certify ? remember(sweep, penalty) : null;
    sweep.advance(penalty, settings.relaxation);
    if (!certify && iteration % settings.checkEvery !== 0 && iteration < settings.maxIterations) continue;

    const look = sweep.examine(penalty);
    for (let i = 0; i < count; i++) settle(run, i, look, settings, iteration);
    if (earlier) certifyRows(run, sweep, penalty, earlier, iteration);
    if (settings.finish && iteration >= tryFinishAt) {
      tryFinishAt *= 2;
      finishRows(run, sweep, penalty, settings.finish, iteration);
    }
    const unfinished = unfinishedRows(run);
    settings.onIteration?.(progressOf(look, iteration, run.finished, unfinished.length));
    if (unfinished.length === 0 || iteration === settings.maxIterations) break;
    if (settings.interrupted()) {
      for (const i of unfinished) stop(run, i, "time_limit", iteration);
      break;
    }
    if (settings.adaptiveRho) penalty = adaptedPenalty(sweep, look, unfinished, penalty, iteration);
  }
  penalty.update.recover(sweep.Z, run.X);
  for (let k = 0; k < t.length; k++) if (!Number.isFinite(t[k])) t[k] = 0;
  return { ...run, rho: penalty.factor.rho };
}

type Outcomes = Pick<AdmmRun, "X" | "iterations" | "outcome" | "certificates" | "finished">;

function unfinishedRows({ outcome }: Outcomes): number[] {
  return [...outcome.keys()].filter((i) => outcome[i] === "max_iterations");
}

/** The rows that were finished apart from the iteration no longer count. */
function progressOf(
  { primal, dual, gap }: Look,
  iteration: number,
  finished: ReadonlyMap<number, unknown>,
  unfinished: number,
): IterationProgress {
  const largest = (values: Float64Array) => maxAbs(values.map((value, i) => (finished.has(i) ? 0 : value)));
  return { iteration, primal: largest(primal), dual: largest(dual), gap: largest(gap), unfinished };
}

/** Ends the unfinished rows that are solved on their active constraints. */
function finishRows(
  run: Outcomes,
  sweep: Sweep,
  penalty: Penalty,
  finish: NonNullable<AdmmSettings["finish"]>,
  iteration: number,
): void {
  const unfinished = unfinishedRows(run);
  if (unfinished.length === 0) return;
  penalty.update.recover(sweep.Z, run.X);
  for (const [i, point] of finish(unfinished, { X: run.X, rho: penalty.factor.rho })) {
    run.finished.set(i, point);
    stop(run, i, "solved", iteration);
  }
}

function stop(run: Outcomes, i: number, outcome: AdmmRun["outcome"][number], iteration: number): void {
  run.outcome[i] = outcome;
  run.iterations[i] = iteration;
}

/** A row that met the tolerance may lose it again while others go on: it is judged anew at every look. */
function settle(
  run: Outcomes,
  i: number,
  look: Look,
  { tolerance, maxIterations }: AdmmSettings,
  iteration: number,
): void {
  const outcome = run.outcome[i];
  if ((outcome !== "max_iterations" && outcome !== "solved") || run.finished.has(i)) return;
  if (Number.isNaN(look.relative[i])) stop(run, i, "numerical_error", iteration);
  else if (look.relative[i] > tolerance) stop(run, i, "max_iterations", maxIterations);
  else if (outcome !== "solved") stop(run, i, "solved", iteration);
}

interface Earlier {
  readonly duals: Float64Array;
  readonly X: Float64Array;
}

/** The point before a sweep: the change over the sweep tends to a certificate where an item is infeasible. */
function remember(sweep: Sweep, penalty: Penalty): Earlier {
  const X = new Float64Array(sweep.rows.F.length);
  if (!sweep.rows.geometry.factorQ) penalty.update.recover(sweep.Z, X);
  return { duals: sweep.currentDuals().slice(), X };
}

/** Ends the unfinished rows for which the change over the last sweep proves that there is no solution. */
function certifyRows(run: Outcomes, sweep: Sweep, penalty: Penalty, earlier: Earlier, iteration: number): void {
  const unfinished = unfinishedRows(run);
  if (unfinished.length === 0) return;
  const duals = sweep.currentDuals();
  const X = new Float64Array(sweep.rows.F.length);
  penalty.update.recover(sweep.Z, X);
  for (const i of unfinished) {
    const certificate = certificateOf(sweep.rows, i, duals, X, earlier);
    if (!certificate) continue;
    run.certificates[i] = certificate;
    stop(run, i, certificate.kind, iteration);
  }
}

function certificateOf(
  { geometry, F, k, item }: AdmmRows,
  i: number,
  duals: Float64Array,
  X: Float64Array,
  earlier: Earlier,
): Certificate | null {
  const { n, r, factorQ } = geometry;
  const x = X.subarray(i * n, (i + 1) * n);
  const y = duals.subarray(i * r, (i + 1) * r).map((value, j) => value - earlier.duals[i * r + j]);
  const ray = primalRayOf(geometry, y, { x, k: k.subarray(i * r, (i + 1) * r), item: () => item(i) });
  // with a positive definite Q every objective is bounded below
  if (ray || factorQ) return ray;
  const d = x.map((value, j) => value - earlier.X[i * n + j]);
  return directionOf(geometry, d, { x, q: F.subarray(i * n, (i + 1) * n), item: () => item(i) });
}
