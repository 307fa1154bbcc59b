import { activeKernels, view } from "@solvegrad/linalg";
import type { AdmmGeometry } from "./admm-geometry.ts";
import { directionOf, primalRayOf } from "./admm-infeasibility.ts";
import { type PenaltyFactor, type PrimalUpdate, penaltyFactor, primalUpdate } from "./admm-update.ts";
import type { Certificate, Status } from "./solver.ts";

export interface AdmmSettings {
  readonly tolerance: number;
  readonly relaxation: number;
  readonly rho: number;
  readonly adaptiveRho: boolean;
  readonly maxIterations: number;
  /** Whether to stop now, asked between two iterations. */
  readonly interrupted: () => boolean;
}

/** The rows of one call: items that share Q, A and G. F holds their q (count x n), k their scaled [b; h] (count x r). */
export interface AdmmRows {
  readonly geometry: AdmmGeometry;
  readonly F: Float64Array;
  readonly k: Float64Array;
  /** The state t = (nu, w), w = lambda - rho s, scaled; advanced in place. */
  readonly t: Float64Array;
}

export interface AdmmRun {
  readonly X: Float64Array;
  readonly rho: number;
  /** The iteration at which each row first met the tolerance, or the last one. */
  readonly iterations: Int32Array;
  readonly outcome: Exclude<Status, "solved_inaccurate">[];
  readonly certificates: (Certificate | null)[];
}

/** Iterations between two looks at the residuals; a look costs about two iterations. */
const checkEvery = 5;
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
export function runAdmm(rows: AdmmRows, settings: AdmmSettings): AdmmRun {
  const { geometry, F, t } = rows;
  const count = F.length / geometry.n;
  const run = {
    X: new Float64Array(F.length),
    iterations: new Int32Array(count).fill(settings.maxIterations),
    outcome: new Array<AdmmRun["outcome"][number]>(count).fill("max_iterations"),
    certificates: new Array<Certificate | null>(count).fill(null),
  };
  const factor = penaltyFactor(geometry, settings.rho);
  if (!factor) return { ...run, rho: settings.rho, outcome: run.outcome.fill("numerical_error") };

  let penalty: Penalty = { factor, update: primalUpdate(geometry, factor, F), since: 0 };
  const sweep = new Sweep(rows);
  let iteration = 0;
  while (iteration < settings.maxIterations) {
    iteration++;
    const certify = iteration % certifyEvery === 0;
    const earlier = certify ? remember(sweep, penalty) : null;
    sweep.advance(penalty, settings.relaxation);
    if (iteration % checkEvery !== 0 && iteration < settings.maxIterations) continue;

    const look = sweep.examine(penalty);
    for (let i = 0; i < count; i++) settle(run, i, look, settings.tolerance, iteration);
    if (earlier) certifyRows(run, sweep, penalty, earlier, iteration);
    if (!run.outcome.includes("max_iterations")) break;
    if (settings.interrupted()) {
      for (let i = 0; i < count; i++) if (run.outcome[i] === "max_iterations") stop(run, i, "time_limit", iteration);
      break;
    }
    if (settings.adaptiveRho && iteration < settings.maxIterations) {
      penalty = adapt(sweep, run, look, penalty, settings.rho, iteration);
    }
  }
  if (iteration > 0) penalty.update.recover(sweep.Z, sweep.KX, run.X);
  for (let k = 0; k < t.length; k++) if (!Number.isFinite(t[k])) t[k] = 0;
  return { ...run, rho: penalty.factor.rho };
}

type Outcomes = Pick<AdmmRun, "iterations" | "outcome" | "certificates">;

function stop(run: Outcomes, i: number, outcome: AdmmRun["outcome"][number], iteration: number): void {
  run.outcome[i] = outcome;
  run.iterations[i] = iteration;
}

/** A row that met the tolerance may lose it again while others go on: it is judged anew at every look. */
function settle(run: Outcomes, i: number, look: Look, tolerance: number, iteration: number): void {
  const outcome = run.outcome[i];
  if (outcome !== "max_iterations" && outcome !== "solved") return;
  if (Number.isNaN(look.relative[i])) stop(run, i, "numerical_error", iteration);
  else if (look.relative[i] > tolerance) run.outcome[i] = "max_iterations";
  else if (outcome !== "solved") stop(run, i, "solved", iteration);
}

interface Penalty {
  readonly factor: PenaltyFactor;
  readonly update: PrimalUpdate;
  /** The iteration at which this penalty came into use. */
  readonly since: number;
}

/** What one look at the residuals found, for every row. */
interface Look {
  /** The largest of the relative primal and dual residuals and the relative gap. */
  readonly relative: Float64Array;
  /** (primal residual / its size) / (dual residual / its size): above 1, rho should grow. */
  readonly balance: Float64Array;
}

/** The arrays of the iteration and its two loops over them. */
class Sweep {
  readonly rows: AdmmRows;
  readonly count: number;
  readonly Z: Float64Array;
  readonly KX: Float64Array;
  readonly duals: Float64Array;
  private readonly gradient: Float64Array;
  private readonly force: Float64Array;

  constructor(rows: AdmmRows) {
    this.rows = rows;
    this.count = rows.F.length / rows.geometry.n;
    this.Z = new Float64Array(rows.t.length);
    this.KX = new Float64Array(rows.t.length);
    this.duals = new Float64Array(rows.t.length);
    this.gradient = new Float64Array(rows.F.length);
    this.force = new Float64Array(rows.F.length);
  }

  /** One sweep of every row. */
  advance({ factor, update }: Penalty, relaxation: number): void {
    const { t, k, geometry } = this.rows;
    const { Z, KX, count } = this;
    const { r, p } = geometry;
    const rho = factor.rho;
    for (let i = 0, at = 0; i < count; i++) {
      for (let j = 0; j < r; j++, at++) Z[at] = (j < p ? t[at] : Math.abs(t[at])) - rho * k[at];
    }
    update.step(Z, KX);
    const step = relaxation * rho;
    const kept = 1 - relaxation;
    for (let i = 0, at = 0; i < count; i++) {
      for (let j = 0; j < r; j++, at++) {
        const base = j < p || t[at] > 0 ? t[at] : kept * t[at];
        t[at] = base + step * (KX[at] - k[at]);
      }
    }
  }

  /** The duals (nu, lambda) of the state, scaled. */
  currentDuals(): Float64Array {
    const { t, geometry } = this.rows;
    const { r, p } = geometry;
    for (let i = 0, at = 0; i < this.count; i++) {
      for (let j = 0; j < r; j++, at++) this.duals[at] = j < p ? t[at] : Math.max(t[at], 0);
    }
    return this.duals;
  }

  /** Residuals of every row in the units of the data, judged as `assess` judges them outside the iteration. */
  examine(penalty: Penalty): Look {
    const { n, r, K } = this.rows.geometry;
    const { count, gradient, force } = this;
    const duals = this.currentDuals();
    penalty.update.gradient(this.Z, this.KX, gradient);
    activeKernels().gemm(1, view(duals, [count, r]), K, 0, view(force, [count, n]));
    const look = { relative: new Float64Array(count), balance: new Float64Array(count) };
    for (let i = 0; i < count; i++) this.examineRow(i, penalty.factor.rho, look);
    return look;
  }

  private examineRow(i: number, rho: number, look: Look): void {
    const { F, k, t, geometry } = this.rows;
    const { n, r, p, scale } = geometry;
    const { KX, Z, duals, gradient, force } = this;
    let primal = 0;
    let primalScale = 0;
    let kDuals = 0;
    let xGradient = 0;
    for (let j = 0, at = i * r; j < r; j++, at++) {
      const slack = j < p ? 0 : Math.max(-t[at], 0) / rho;
      const residual = KX[at] + slack - k[at];
      const size = Math.abs(residual) / scale[j];
      // written so that NaN wins
      if (!(size <= primal)) primal = size;
      primalScale = Math.max(primalScale, Math.abs(KX[at]) / scale[j], Math.abs(k[at]) / scale[j]);
      kDuals += k[at] * duals[at];
      // x'(Qx + q) = -(Kx)'(z + rho Kx), but for a proximal term that vanishes at the solution
      xGradient -= KX[at] * (Z[at] + rho * KX[at]);
    }
    let dual = 0;
    let dualScale = 0;
    for (let j = 0, at = i * n; j < n; j++, at++) {
      const size = Math.abs(gradient[at] + force[at]);
      if (!(size <= dual)) dual = size;
      dualScale = Math.max(dualScale, Math.abs(gradient[at] - F[at]), Math.abs(F[at]));
    }
    const gap = Math.abs(xGradient + kDuals) / (1 + Math.abs(xGradient) + Math.abs(kDuals));
    look.relative[i] = Math.max(primal / (1 + primalScale), dual / (1 + dualScale), gap);
    look.balance[i] = share(primal, primalScale) / share(dual, dualScale);
  }
}

/** part / whole, kept away from 0 so that a vanished residual does not send rho to 0 or infinity. */
function share(part: number, whole: number): number {
  return part / Math.max(whole, 1e-300) + 1e-16;
}

/** A new penalty must differ by this factor. */
const worthwhile = 3;
/** The first iterations say little about the balance that follows. */
const settleIn = 20;
/**
 * No penalty leaves the first one by more: the rows are scaled, so a larger change comes from an item without a solution,
 * whose certificate would drown in rounding.
 */
const limit = 1e3;

/**
 * Balances the relative primal and dual residuals: rho * sqrt(balance), the geometric mean over the unfinished rows,
 * snapped to powers of 10^(1/4) so that remembered factors serve again. A new penalty is taken only when it pays: it differs by more than
 * `worthwhile`, the iterations since the last factorization cost at least as much as the next one will, and each period
 * is longer than the last by half, so that rho settles.
 */
function adapt(sweep: Sweep, run: Outcomes, look: Look, penalty: Penalty, first: number, iteration: number): Penalty {
  const { geometry, F, t } = sweep.rows;
  const spent = (iteration - penalty.since) * iterationFlops(geometry, run.outcome.length);
  if (iteration < settleIn || iteration < 1.5 * penalty.since || spent < factorFlops(geometry)) return penalty;

  let sum = 0;
  let unfinished = 0;
  for (let i = 0; i < run.outcome.length; i++) {
    if (run.outcome[i] !== "max_iterations" || !Number.isFinite(look.balance[i])) continue;
    sum += Math.log10(look.balance[i]) / 2;
    unfinished++;
  }
  if (unfinished === 0) return penalty;
  const old = penalty.factor.rho;
  const wanted = old * 10 ** (Math.round((4 * sum) / unfinished) / 4);
  const rho = Math.min(Math.max(wanted, first / limit), first * limit);
  if (rho <= old * worthwhile && rho >= old / worthwhile) return penalty;
  const factor = penaltyFactor(geometry, rho);
  if (!factor) return penalty;
  const X = new Float64Array(F.length);
  if (factor.proximal > 0) penalty.update.recover(sweep.Z, sweep.KX, X);
  keepPoint(t, geometry, rho / old);
  return { factor, update: primalUpdate(geometry, factor, F, X), since: iteration };
}

/** w = lambda - rho s of the same lambda and s under another penalty: the negative part changes in proportion. */
function keepPoint(t: Float64Array, { r, p }: AdmmGeometry, change: number): void {
  for (let at = 0; at < t.length; at++) if (at % r >= p && t[at] < 0) t[at] *= change;
}

function iterationFlops({ n, r, S }: AdmmGeometry, count: number): number {
  return count * (S ? 2 * r * r : 2 * n * n + 4 * n * r);
}

function factorFlops({ n, r, S }: AdmmGeometry): number {
  return S ? (r * r * r) / 3 + 2 * r * r * r : (n * n * n) / 3 + n * n * r;
}

interface Earlier {
  readonly duals: Float64Array;
  readonly X: Float64Array;
}

/** The point before a sweep: the change over the sweep tends to a certificate where an item is infeasible. */
function remember(sweep: Sweep, penalty: Penalty): Earlier {
  const X = new Float64Array(sweep.rows.F.length);
  if (!sweep.rows.geometry.factorQ) penalty.update.recover(sweep.Z, sweep.KX, X);
  return { duals: sweep.currentDuals().slice(), X };
}

function certifyRows(run: Outcomes, sweep: Sweep, penalty: Penalty, earlier: Earlier, iteration: number): void {
  const { geometry, F, k } = sweep.rows;
  const { n, r } = geometry;
  const duals = sweep.currentDuals();
  const X = new Float64Array(F.length);
  let recovered = false;
  for (let i = 0; i < run.outcome.length; i++) {
    if (run.outcome[i] !== "max_iterations") continue;
    if (!recovered) penalty.update.recover(sweep.Z, sweep.KX, X);
    recovered = true;
    const row = { x: X.subarray(i * n, (i + 1) * n), k: k.subarray(i * r, (i + 1) * r) };
    const y = duals.subarray(i * r, (i + 1) * r).map((value, j) => value - earlier.duals[i * r + j]);
    const ray = primalRayOf(geometry, y, row);
    if (ray) {
      run.certificates[i] = ray;
      stop(run, i, "primal_infeasible", iteration);
      continue;
    }
    // with a positive definite Q every objective is bounded below
    if (geometry.factorQ) continue;
    const d = row.x.map((value, j) => value - earlier.X[i * n + j]);
    const direction = directionOf(geometry, d, row.x, F.subarray(i * n, (i + 1) * n));
    if (direction) {
      run.certificates[i] = direction;
      stop(run, i, "dual_infeasible", iteration);
    }
  }
}
