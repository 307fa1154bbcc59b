import { checkCount, checkFraction, checkTimeLimit } from "../check-options.ts";
import { kktMethod } from "../kkt/choose-method.ts";
import { CondensedKkt } from "../kkt/condensed-kkt.ts";
import type { KktMethod } from "../kkt/kkt-method.ts";
import { KktState } from "../kkt/kkt-state.ts";
import { SchurKkt } from "../kkt/schur-kkt.ts";
import type { QuadraticProgram } from "../problem/quadratic-program.ts";
import { selectItems } from "../problem/select-items.ts";
import { withinReach } from "./interior-point-bounds.ts";
import { certificateOf } from "./interior-point-certificates.ts";
import { equilibrated } from "./interior-point-equilibration.ts";
import { type IterationResult, iterate } from "./interior-point-iteration.ts";
import { polish } from "./interior-point-polish.ts";
import { iterateOnMultipliers } from "./interior-point-reduced.ts";
import { coldStart, warmStart } from "./interior-point-start.ts";
import { type InteriorPoint, movePoint } from "./interior-point-state.ts";
import type { IterationSettings, Outcome } from "./interior-point-stopping.ts";
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
  { warmStart: earlier, signal }: SolveOptions,
): Solution {
  const begin = performance.now();
  const interrupted = () => signal?.aborted === true || performance.now() - begin > options.timeLimit;
  const method = kktMethod(problem);
  const settings = { ...options, interrupted };
  const near = withinReach(problem);
  const byMultipliers = method instanceof SchurKkt && problem.m > 0;
  const run = byMultipliers
    ? polished(near, method, options, iterateOnMultipliers(near, method, earlier, settings))
    : inAllVariables(near, method, earlier, settings);
  if (byMultipliers || near !== problem) takeUpAgain(problem, run, settings);
  const verdict = conclude(problem, run.point, run.outcome, options.tolerance);
  return {
    solver: "interior point",
    ...verdict,
    iterations: run.iterations,
    milliseconds: performance.now() - begin,
    state: new KktState(problem, method),
  };
}

type Settings = Required<InteriorPointOptions> & IterationSettings;

/** The iteration in x, s, lambda and nu, on rows of one size; `method` is that of the problem as it is. */
function inAllVariables(
  problem: QuadraticProgram,
  method: KktMethod,
  earlier: Solution | undefined,
  settings: Settings,
): IterationResult {
  const scaled = equilibrated(problem);
  if (scaled) {
    const run = iterateCold(scaled.problem, new CondensedKkt(scaled.problem), settings);
    scaled.restore(run.point);
    return run;
  }
  if (!earlier) return iterateCold(problem, method, settings);
  return polished(problem, method, settings, iterate(problem, method, warmStart(problem, method, earlier), settings));
}

function iterateCold(problem: QuadraticProgram, method: KktMethod, settings: Settings): IterationResult {
  return polished(problem, method, settings, iterate(problem, method, coldStart(problem, method), settings));
}

function polished(
  problem: QuadraticProgram,
  method: KktMethod,
  options: Required<InteriorPointOptions>,
  run: IterationResult,
): IterationResult {
  if (!options.polish) return run;
  return { ...run, point: polish(problem, method, run.point, (item) => run.outcome[item] === "converged") };
}

/** Solves the items that the first run left short of the tolerance again, in all variables, with other factors and all bounds where they are. */
function takeUpAgain(problem: QuadraticProgram, run: IterationResult, settings: Settings): void {
  const { relative } = assess(problem, run.point);
  const short = (i: number) => !(relative[i] <= settings.tolerance) && run.outcome[i] !== "time_limit";
  const left = [...relative.keys()].filter((i) => short(i) && run.iterations[i] < settings.maxIterations);
  if (left.length === 0) return;
  const part = selectItems(problem, left);
  const spent = left.reduce((most, i) => Math.max(most, run.iterations[i]), 0);
  const rest = { ...settings, maxIterations: settings.maxIterations - spent };
  const again = inAllVariables(part, new CondensedKkt(part), undefined, rest);
  left.forEach((item, k) => {
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
function conclude(problem: QuadraticProgram, point: InteriorPoint, outcome: readonly Outcome[], tolerance: number) {
  const { residuals, objective, slack, relative } = assess(problem, point);
  const certificates: (Certificate | null)[] = new Array(problem.batch).fill(null);
  const status = outcome.map((ended, i): Status => {
    const judged = judge(relative[i], tolerance, failureOf[ended]);
    if (isUsable(judged) || ended === "time_limit") return judged;
    certificates[i] = certificateOf(problem, i);
    return certificates[i]?.kind ?? judged;
  });
  const s = slack.map((value) => Math.max(value, 0));
  return { x: point.x, nu: point.nu, lambda: point.lambda, s, objective, status, residuals, certificates };
}
