import { checkCount, checkPositive, checkRelaxation, checkTimeLimit } from "../check-options.ts";
import type { QuadraticProgram } from "../problem/quadratic-program.ts";
import { type AdmmGroup, admmGroups, boundsOf, GeometryCache, linearTermsOf, stateAt } from "./admm-groups.ts";
import { type AdmmRun, type AdmmSettings, runAdmm } from "./admm-iteration.ts";
import { residualUnits, unitsFrom } from "./residual-units.ts";
import { assess, judge } from "./residuals.ts";
import { type Certificate, isUsable, type Solution, type SolveOptions, type Solver, type Status } from "./solver.ts";

export interface AdmmOptions {
  /** Largest relative residual (primal, dual and gap, as `assess` measures them) of a solved item. Default 1e-6. */
  readonly tolerance?: number;
  /** Over-relaxation alpha in (0, 2); 1 is the iteration of the paper. Default 1.6. */
  readonly relaxation?: number;
  /** The first penalty, for the scaled constraints. Default 1. */
  readonly rho?: number;
  /** Whether rho follows the balance of the residuals. Default true. */
  readonly adaptiveRho?: boolean;
  /** Default 10000. */
  readonly maxIterations?: number;
  /** Iterations between two looks at the residuals, each of which costs about two iterations. Default 5. */
  readonly checkEvery?: number;
  /** Milliseconds after which unfinished items end as `time_limit`. Default: none. */
  readonly timeLimit?: number;
}

/** What ADMM leaves for a differentiation rule: the groups with their factors, and the penalty that each ended with. */
export class AdmmState {
  readonly problem: QuadraticProgram;
  readonly groups: readonly AdmmGroup[];
  readonly rho: readonly number[];
  readonly relaxation: number;

  constructor(problem: QuadraticProgram, groups: readonly AdmmGroup[], rho: readonly number[], relaxation: number) {
    this.problem = problem;
    this.groups = groups;
    this.rho = rho;
    this.relaxation = relaxation;
  }
}

/**
 * The alternating direction method of multipliers in the form of Alt-Diff (equations (5)), on row-scaled constraints,
 * with over-relaxation and a penalty that adapts. Items that share Q, A and G share one factor and one rho, and move
 * together; with fewer constraints than variables (p + m < n) the whole batch iterates in the space of the constraints.
 *
 * It stops on the residuals of the KKT conditions, never on the change of the objective: an iteration that creeps would
 * look converged, and its gradient be wrong. Infeasible items end with a certificate.
 *
 * Keep the returned value: it remembers what it computed for the last shared Q, A and G, and compares their contents.
 *
 * Throws an `OptionError` for an option outside its range; never for a hard problem.
 */
export function admm(options: AdmmOptions = {}): Solver {
  const settings = validated(options);
  const cache = new GeometryCache();
  return { name: "admm", solve: (problem, solveOptions) => solve(problem, settings, cache, solveOptions) };
}

type Settings = Required<AdmmOptions>;

function validated(options: AdmmOptions): Settings {
  const settings = {
    tolerance: options.tolerance ?? 1e-6,
    relaxation: options.relaxation ?? 1.6,
    rho: options.rho ?? 1,
    adaptiveRho: options.adaptiveRho ?? true,
    maxIterations: options.maxIterations ?? 10_000,
    checkEvery: options.checkEvery ?? 5,
    timeLimit: options.timeLimit ?? Number.POSITIVE_INFINITY,
  };
  checkPositive("tolerance", settings.tolerance);
  checkRelaxation(settings.relaxation);
  checkPositive("rho", settings.rho);
  checkCount("maxIterations", settings.maxIterations);
  checkCount("checkEvery", settings.checkEvery);
  checkTimeLimit(settings.timeLimit);
  return settings;
}

function solve(
  problem: QuadraticProgram,
  settings: Settings,
  cache: GeometryCache,
  { warmStart, signal }: SolveOptions = {},
): Solution {
  const start = performance.now();
  const deadline = start + settings.timeLimit;
  const iteration: AdmmSettings = {
    ...settings,
    interrupted: () => signal?.aborted === true || performance.now() > deadline,
  };
  const { n, p, m, batch } = problem;
  const point = {
    x: new Float64Array(batch * n),
    nu: new Float64Array(batch * p),
    lambda: new Float64Array(batch * m),
    s: new Float64Array(batch * m),
  };
  const units = residualUnits(problem);
  const iterations = new Int32Array(batch);
  const outcome: AdmmRun["outcome"] = [];
  const certificates: (Certificate | null)[] = [];
  const groups: AdmmGroup[] = [];
  const rho: number[] = [];
  for (const group of admmGroups(problem, cache)) {
    const k = boundsOf(problem, group);
    const t = startingState(problem, group, k, settings.rho, warmStart);
    const rows = {
      geometry: group.geometry,
      F: linearTermsOf(problem, group),
      k,
      t,
      units: unitsFrom(units, group.first, group.count),
    };
    const run = runAdmm(rows, iteration);
    writePoint(point, group, run, t);
    iterations.set(run.iterations, group.first);
    outcome.push(...run.outcome);
    certificates.push(...run.certificates);
    groups.push(group);
    rho.push(run.rho);
  }
  const { residuals, objective, relative } = assess(problem, point, units);
  const status = outcome.map((own, i) => statusOf(own, relative[i], settings.tolerance));
  return {
    solver: "admm",
    ...point,
    objective,
    status,
    residuals,
    iterations,
    milliseconds: performance.now() - start,
    certificates,
    state: new AdmmState(problem, groups, rho, settings.relaxation),
  };
}

/**
 * The state of an earlier solution; that of x = 0 for items that had none, and where the shapes differ: nu = lambda = 0
 * and s = max(h, 0), so that a bound that stands for infinity does not begin as a violation to be pushed away.
 */
function startingState(
  problem: QuadraticProgram,
  group: AdmmGroup,
  k: Float64Array,
  rho: number,
  earlier?: Solution,
): Float64Array {
  const { p, m, batch } = problem;
  const r = p + m;
  const cold = k.map((value, at) => (at % r < p ? 0 : -rho * Math.max(value, 0)));
  if (!earlier || earlier.nu.length !== batch * p || earlier.lambda.length !== batch * m) return cold;
  const t = stateAt(earlier, group, rho);
  for (let i = 0; i < group.count; i++) {
    const row = t.subarray(i * r, (i + 1) * r);
    const known = isUsable(earlier.status[group.first + i]) && row.every(Number.isFinite);
    if (!known) row.set(cold.subarray(i * r, (i + 1) * r));
  }
  return t;
}

/** The residuals decide; where the iteration saw convergence and they do not, accuracy has run out. */
function statusOf(own: AdmmRun["outcome"][number], relative: number, tolerance: number): Status {
  if (own === "primal_infeasible" || own === "dual_infeasible") return own;
  return judge(relative, tolerance, own === "solved" ? "numerical_error" : own);
}

/** Back to the units of the data: nu = E nu~, lambda = E max(w, 0), s = max(-w, 0) / (rho E). A broken item is left at 0. */
function writePoint(
  point: Record<"x" | "nu" | "lambda" | "s", Float64Array>,
  { first, count, geometry }: AdmmGroup,
  run: AdmmRun,
  t: Float64Array,
): void {
  const { n, p, r, scale } = geometry;
  const m = r - p;
  for (let i = 0; i < count; i++) {
    if (run.outcome[i] === "numerical_error") continue;
    const item = first + i;
    point.x.set(run.X.subarray(i * n, (i + 1) * n), item * n);
    for (let j = 0; j < p; j++) point.nu[item * p + j] = scale[j] * t[i * r + j];
    for (let j = 0; j < m; j++) {
      const w = t[i * r + p + j];
      point.lambda[item * m + j] = scale[p + j] * Math.max(w, 0);
      point.s[item * m + j] = Math.max(-w, 0) / (run.rho * scale[p + j]);
    }
  }
}
