import { checkCount, checkFraction, checkTimeLimit } from "../check-options.ts";
import { kktMethod } from "../kkt/choose-method.ts";
import { CondensedKkt } from "../kkt/condensed-kkt.ts";
import { degeneracyOf, withDegeneracy } from "../kkt/degeneracy.ts";
import type { KktMethod } from "../kkt/kkt-method.ts";
import { KktState } from "../kkt/kkt-state.ts";
import { SchurKkt } from "../kkt/schur-kkt.ts";
import type { QuadraticProgram } from "../problem/quadratic-program.ts";
import { selectItems } from "../problem/select-items.ts";
import { fromEarlier } from "./earlier-solution.ts";
import { withinReach } from "./interior-point/bounds.ts";
import { certificateOf } from "./interior-point/certificates.ts";
import { equilibrated } from "./interior-point/equilibration.ts";
import { type IterationResult, iterate } from "./interior-point/iteration.ts";
import { polish } from "./interior-point/polish.ts";
import { iterateOnMultipliers } from "./interior-point/reduced.ts";
import { coldStart } from "./interior-point/start.ts";
import { movePoint } from "./interior-point/state.ts";
import type { IterationSettings, Outcome } from "./interior-point/stopping.ts";
import { interruption } from "./interruption.ts";
import { countedFrom } from "./progress.ts";
import { type ResidualUnits, residualUnits } from "./residual-units.ts";
import { assess, judge } from "./residuals.ts";
import { type Certificate, isUsable, type Solution, type SolveOptions, type Solver, type Status } from "./solver.ts";

export interface InteriorPointOptions {
  /** Bound on the relative residuals of `assess`; 1e-9 by default. */
  readonly tolerance?: number;
  /** 100 by default; most problems take 8 to 20. */
  readonly maxIterations?: number;
  /** Milliseconds after which the unfinished items get the status `time_limit`; none by default. */
  readonly timeLimit?: number;
  /** Whether to finish on the active set, which takes most solutions to rounding; true by default. */
  readonly polish?: boolean;
}

/**
 * A batched primal-dual interior-point method: Mehrotra's predictor-corrector (1992) in the form of Mattingley and
 * Boyd (2012) and OptNet (Amos and Kolter 2017), with refinement against the unregularized system, a finish on the
 * active set, and certificates for items that have no solution.
 *
 * Q may be singular, rows may be redundant, p and m may be 0. Throws an `OptionError` for an option out of range.
 */
export function interiorPoint(options: InteriorPointOptions = {}): Solver {
  const settings = validated(options);
  return { name: "interior point", solve: (problem, solveOptions) => solve(problem, settings, solveOptions ?? {}) };
}

function validated(options: InteriorPointOptions): Required<InteriorPointOptions> {
  const { tolerance = 1e-9, maxIterations = 100, timeLimit = Infinity, polish = true } = options;
  checkFraction("tolerance", tolerance);
  checkCount("maxIterations", maxIterations);
  checkTimeLimit(timeLimit);
  return { tolerance, maxIterations, timeLimit, polish };
}

function solve(
  problem: QuadraticProgram,
  options: Required<InteriorPointOptions>,
  solveOptions: SolveOptions,
): Solution {
  const begin = performance.now();
  const interrupted = interruption(solveOptions, options.timeLimit);
  const { warmStart: earlier, onIteration } = solveOptions;
  const method = kktMethod(problem);
  const units = residualUnits(problem);
  const settings = { ...options, units, interrupted, onIteration };
  const run = earlier ? warm(problem, method, earlier, settings) : cold(problem, method, settings);
  const solution = {
    solver: "interior point",
    ...conclude(problem, run, settings),
    iterations: run.iterations,
    milliseconds: performance.now() - begin,
    state: new KktState(problem, method),
  };
  return withDegeneracy(solution, (seen) => degeneracyOf(problem, seen));
}

type Settings = Required<InteriorPointOptions> & IterationSettings & { readonly units: ResidualUnits };

/** From an earlier solution: the items that this does not solve at once are solved by the iteration. */
function warm(problem: QuadraticProgram, method: KktMethod, earlier: Solution, settings: Settings): IterationResult {
  const acceptance = { ...settings, method: settings.polish ? () => method : null };
  const near = settings.interrupted() ? null : fromEarlier(problem, earlier, acceptance);
  if (!near) return cold(problem, method, settings);
  const run: IterationResult = {
    point: near.point,
    iterations: near.steps,
    outcome: Array.from(near.relative, (): Outcome => "converged"),
  };
  const left = [...near.relative.keys()].filter((i) => !(near.relative[i] <= settings.tolerance));
  const steps = left.reduce((most, i) => Math.max(most, near.steps[i]), 0);
  replaceItems(
    problem,
    run,
    left,
    { ...settings, onIteration: countedFrom(steps, settings.onIteration) },
    (part, own) => cold(part, left.length === problem.batch ? method : kktMethod(part), own),
  );
  return run;
}

function cold(problem: QuadraticProgram, method: KktMethod, settings: Settings): IterationResult {
  const near = withinReach(problem);
  const byMultipliers = method instanceof SchurKkt && problem.m > 0;
  const run = byMultipliers
    ? polished(near, method, settings, iterateOnMultipliers(near, method, settings))
    : inAllVariables(near, method, settings);
  if (byMultipliers || near !== problem) takeUpAgain(problem, run, settings);
  return run;
}

/** The iteration in x, s, lambda and nu, on rows of one size; `method` is that of the problem as it is. */
function inAllVariables(problem: QuadraticProgram, method: KktMethod, settings: Settings): IterationResult {
  const scaled = equilibrated(problem);
  if (!scaled) return iterateCold(problem, method, settings);
  const own = { ...settings, units: residualUnits(scaled.problem) };
  const run = iterateCold(scaled.problem, new CondensedKkt(scaled.problem), own);
  scaled.restore(run.point);
  return run;
}

function iterateCold(problem: QuadraticProgram, method: KktMethod, settings: Settings): IterationResult {
  const run = iterate(problem, method, coldStart(problem, method), settings, settings.units);
  return polished(problem, method, settings, run);
}

function polished(
  problem: QuadraticProgram,
  method: KktMethod,
  settings: Settings,
  run: IterationResult,
): IterationResult {
  if (!settings.polish) return run;
  const wanted = (item: number) => run.outcome[item] !== "time_limit";
  return { ...run, point: polish(problem, method, run.point, wanted, settings.units).point };
}

/** Solves the items that the first run left short of the tolerance again, in all variables, with other factors and all bounds where they are. */
function takeUpAgain(problem: QuadraticProgram, run: IterationResult, settings: Settings): void {
  const { relative } = assess(problem, run.point, settings.units);
  const short = (i: number) => !(relative[i] <= settings.tolerance) && run.outcome[i] !== "time_limit";
  const left = [...relative.keys()].filter((i) => short(i) && run.iterations[i] < settings.maxIterations);
  const spent = left.reduce((most, i) => Math.max(most, run.iterations[i]), 0);
  const rest = {
    ...settings,
    maxIterations: settings.maxIterations - spent,
    onIteration: countedFrom(spent, settings.onIteration),
  };
  replaceItems(problem, run, left, rest, (part, own) => inAllVariables(part, new CondensedKkt(part), own));
}

/** Solves some items of a problem anew, as a problem of their own, and writes what comes of it into the run of the whole batch. */
function replaceItems(
  problem: QuadraticProgram,
  run: IterationResult,
  items: readonly number[],
  settings: Settings,
  solveAnew: (part: QuadraticProgram, settings: Settings) => IterationResult,
): void {
  if (items.length === 0) return;
  const isPart = items.length < problem.batch;
  const part = isPart ? selectItems(problem, items) : problem;
  const again = solveAnew(part, isPart ? { ...settings, units: residualUnits(part) } : settings);
  items.forEach((item, k) => {
    movePoint(problem, again.point, k, run.point, item);
    run.outcome[item] = again.outcome[k];
    run.iterations[item] += again.iterations[k];
  });
}

const failureOf: Record<Outcome, Exclude<Status, "solved" | "solved_inaccurate">> = {
  converged: "numerical_error",
  stalled: "numerical_error",
  max_iterations: "max_iterations",
  time_limit: "time_limit",
};

/** The statuses that the recomputed residuals justify, with certificates for the items that have no solution. */
function conclude(problem: QuadraticProgram, { point, outcome }: IterationResult, settings: Settings) {
  const { residuals, objective, slack, relative } = assess(problem, point, settings.units);
  const certificates: (Certificate | null)[] = new Array(problem.batch).fill(null);
  const status = outcome.map((ended, i): Status => {
    const judged = judge(relative[i], settings.tolerance, failureOf[ended]);
    if (isUsable(judged) || ended === "time_limit") return judged;
    certificates[i] = certificateOf(problem, i, settings.interrupted);
    return certificates[i]?.kind ?? (settings.interrupted() ? "time_limit" : judged);
  });
  const s = slack.map((value) => Math.max(value, 0));
  return { x: point.x, nu: point.nu, lambda: point.lambda, s, objective, status, residuals, certificates };
}
