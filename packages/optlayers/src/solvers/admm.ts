import { checkCount, checkPositive, checkRelaxation, checkTimeLimit } from "../check-options.ts";
import { degeneracyOf, withDegeneracy } from "../kkt/degeneracy.ts";
import type { QuadraticProgram } from "../problem/quadratic-program.ts";
import { singleItem } from "../problem/select-items.ts";
import { emptyPoint, finisher, knownItems, writeRow } from "./admm/finish.ts";
import { type AdmmGroup, admmGroups, boundsOf, GeometryCache, linearTermsOf, stateAt } from "./admm/groups.ts";
import { type AdmmRun, runAdmm } from "./admm/iteration.ts";
import { withColdRetry } from "./cold-retry.ts";
import { type InteriorPoint, movePoint } from "./interior-point/state.ts";
import { interruption } from "./interruption.ts";
import { countedFrom } from "./progress.ts";
import { type ResidualUnits, residualUnits, unitsFrom } from "./residual-units.ts";
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
  /**
   * Whether to take a solution's last digits from its active constraints as soon as these are found, at tolerances of 1e-5
   * and below: what a looser one asks for is the iteration itself. Default true.
   */
  readonly polish?: boolean;
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
  return withColdRetry({
    name: "admm",
    solve: (problem, solveOptions) => solve(problem, settings, cache, solveOptions),
  });
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
    polish: options.polish ?? true,
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
  options: SolveOptions = {},
): Solution {
  const start = performance.now();
  const job = newJob(problem, settings, options);
  for (const group of admmGroups(problem, cache)) {
    solveGroup(job, group, options);
    if (job.interrupted()) break;
  }
  const { point, units, outcome, certificates, iterations, groups, rho } = job;
  const { residuals, objective, relative } = assess(problem, point, units);
  const solution = {
    solver: "admm",
    ...point,
    objective,
    status: outcome.map((own, i) => statusOf(own, relative[i], settings.tolerance)),
    residuals,
    iterations,
    milliseconds: performance.now() - start,
    certificates,
    // of a batch that was left before its end there is nothing that a rule could rely on
    state: outcome.includes("time_limit") ? undefined : new AdmmState(problem, groups, rho, settings.relaxation),
  };
  return withDegeneracy(solution, (seen) => degeneracyOf(problem, seen));
}

/** A solve of a batch on its way: what has been found, group by group. */
interface AdmmJob {
  readonly problem: QuadraticProgram;
  readonly settings: Settings;
  readonly interrupted: () => boolean;
  readonly units: ResidualUnits;
  readonly known: ReadonlyMap<number, InteriorPoint>;
  readonly point: InteriorPoint;
  readonly iterations: Int32Array;
  readonly outcome: AdmmRun["outcome"];
  readonly certificates: (Certificate | null)[];
  readonly groups: AdmmGroup[];
  readonly rho: number[];
}

function newJob(problem: QuadraticProgram, settings: Settings, options: SolveOptions): AdmmJob {
  const { batch } = problem;
  const units = residualUnits(problem);
  return {
    problem,
    settings,
    interrupted: interruption(options, settings.timeLimit),
    units,
    known: knownItems(problem, settings, units, options.warmStart),
    point: emptyPoint(problem),
    iterations: new Int32Array(batch),
    outcome: new Array<AdmmRun["outcome"][number]>(batch).fill("time_limit"),
    certificates: new Array<Certificate | null>(batch).fill(null),
    groups: [],
    rho: [],
  };
}

function solveGroup(job: AdmmJob, group: AdmmGroup, { warmStart, onIteration }: SolveOptions): void {
  const { problem, settings, interrupted, known } = job;
  const { geometry, first, count } = group;
  const rho = earlierRho(problem, job.groups.length, warmStart) ?? settings.rho;
  const k = boundsOf(problem, group);
  const t = startingState(problem, group, k, rho, warmStart);
  const rows = {
    ...{ geometry, F: linearTermsOf(problem, group), k, t, units: unitsFrom(job.units, first, count) },
    item: (row: number) => singleItem(problem, first + row),
  };
  const finished = new Map(
    [...known].filter(([i]) => first <= i && i < first + count).map(([i, at]) => [i - first, at]),
  );
  const progress = countedFrom(
    job.iterations.reduce((most, own) => Math.max(most, own), 0),
    onIteration,
  );
  const run = runAdmm(
    rows,
    {
      ...settings,
      ...{ rho, interrupted, finish: finisher(problem, group, settings, t) },
      onIteration: progress && ((at) => progress({ ...at, unfinished: at.unfinished + problem.batch - first - count })),
    },
    finished,
  );
  for (let row = 0; row < count; row++) writeItem(job, group, run, t, row);
  job.groups.push(group);
  job.rho.push(run.rho);
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

/** The penalty that an earlier solve by ADMM ended with for a group of a problem of the same shapes. */
function earlierRho({ p, m, batch }: QuadraticProgram, group: number, earlier?: Solution): number | undefined {
  if (
    !(earlier?.state instanceof AdmmState) ||
    earlier.nu.length !== batch * p ||
    earlier.lambda.length !== batch * m
  ) {
    return undefined;
  }
  return earlier.nu.every(Number.isFinite) ? earlier.state.rho[group] : undefined;
}

/** The residuals decide; where the iteration saw convergence and they do not, accuracy has run out. */
function statusOf(own: AdmmRun["outcome"][number], relative: number, tolerance: number): Status {
  if (own === "primal_infeasible" || own === "dual_infeasible") return own;
  return judge(relative, tolerance, own === "solved" ? "numerical_error" : own);
}

/** What a run found for one of its rows. A broken item is left at 0. */
function writeItem(job: AdmmJob, { first, geometry }: AdmmGroup, run: AdmmRun, t: Float64Array, row: number): void {
  const item = first + row;
  job.iterations[item] = run.iterations[row];
  job.outcome[item] = run.outcome[row];
  job.certificates[item] = run.certificates[row];
  const finished = run.finished.get(row);
  if (finished) movePoint(job.problem, finished, 0, job.point, item);
  else if (run.outcome[row] !== "numerical_error") writeRow(job.point, item, geometry, run, t, row);
}
