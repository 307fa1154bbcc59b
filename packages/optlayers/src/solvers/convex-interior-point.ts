import { checkCount, checkFraction, checkTimeLimit } from "../check-options.ts";
import { kktMethod } from "../kkt/choose-method.ts";
import { KktState } from "../kkt/kkt-state.ts";
import { type ConvexProgram, smoothObjective } from "../problem/convex-program.ts";
import { withColdRetry } from "./cold-retry.ts";
import { convexCertificate } from "./convex/certificates.ts";
import { finishConvex } from "./convex/finish.ts";
import {
  type ConvexOutcome,
  type ConvexRun,
  type ConvexSettings,
  iterateConvex,
} from "./convex/interior-point-iteration.ts";
import { assessConvex, quadraticModel, startModel } from "./convex/model.ts";
import { startInUnits } from "./convex/start.ts";
import { ConvexState, usablePoints } from "./convex/state.ts";
import { boundsWithinReach, sizesOf, slacksBeyond } from "./interior-point/bounds.ts";
import { type InteriorPoint, movePoint } from "./interior-point/state.ts";
import { interruption } from "./interruption.ts";
import { judge } from "./residuals.ts";
import { type Certificate, isUsable, type Solution, type SolveOptions, type Solver, type Status } from "./solver.ts";

export interface ConvexInteriorPointOptions {
  /** Largest relative residual (primal, dual and gap, as `assessConvex` measures them) of a solved item. Default 1e-9. */
  readonly tolerance?: number;
  /** Default 200. */
  readonly maxIterations?: number;
  /** Milliseconds after which unfinished items end as `time_limit`. Default: none. */
  readonly timeLimit?: number;
}

/**
 * The interior-point solver of convex programs: `iterateConvex` for all items together, and Newton's method on the active
 * rows to the last digit, kept where it lowers the recomputed residuals. An earlier solution is tried there first: for the same
 * problem, or one near enough to have the same active rows, nothing else is needed.
 *
 * Items that fail get a certificate where one is found: no x satisfies the constraints, or f falls without end. An objective
 * whose Hessian has a negative eigenvalue at a point of the way ends as `numerical_error`, and `solution.notes` says so.
 *
 * Throws an `OptionError` for an option outside its range; never for a hard problem.
 */
export function convexInteriorPoint(options: ConvexInteriorPointOptions = {}): Solver<ConvexProgram> {
  const { tolerance = 1e-9, maxIterations = 200, timeLimit = Infinity } = options;
  checkFraction("tolerance", tolerance);
  checkCount("maxIterations", maxIterations);
  checkTimeLimit(timeLimit);
  return withColdRetry({
    name: "convex interior point",
    solve(program, options = {}) {
      const begin = performance.now();
      const { warmStart, onIteration } = options;
      const interrupted = interruption(options, timeLimit);
      const settings = { tolerance: tolerance / 10, maxIterations, interrupted, onIteration };
      const earlier = earlierPoint(program, warmStart);
      const run = (earlier && fromEarlier(program, earlier, tolerance)) ?? fromStart(program, earlier, settings);
      return conclude(program, "convex interior point", run, tolerance, begin, interrupted);
    },
  });
}

/** x, nu, lambda and s of an earlier solution of the same shapes; the start and zeros for items that have none, or no numbers. */
export function earlierPoint(program: ConvexProgram, earlier: SolveOptions["warmStart"]): InteriorPoint | null {
  const { n, p, m, batch } = program;
  if (!earlier || earlier.x.length !== batch * n) return null;
  if (earlier.nu.length !== batch * p || earlier.lambda.length !== batch * m || earlier.s.length !== batch * m)
    return null;
  const item = (values: Float64Array, i: number) =>
    values.subarray((i * values.length) / batch, ((i + 1) * values.length) / batch);
  const { x, nu, lambda, s, status } = earlier;
  const hasNumbers = status.map((_, i) => [x, nu, lambda, s].every((rows) => item(rows, i).every(Number.isFinite)));
  const known = status.map((own, i) => (hasNumbers[i] ? own : "numerical_error"));
  const cleaned = [nu, lambda, s].map((values) => {
    const rows = values.slice();
    hasNumbers.forEach((has, i) => {
      if (!has) item(rows, i).fill(0);
    });
    return rows;
  });
  return { x: usablePoints(program, { x, status: known }), nu: cleaned[0], lambda: cleaned[1], s: cleaned[2] };
}

/** The solution by way of an earlier one, null where that does not lead all items to it directly. */
export function fromEarlier(program: ConvexProgram, earlier: InteriorPoint, tolerance: number): ConvexRun | null {
  const { point, at, relative, steps } = finishConvex(program, earlier, (_, own) => own > tolerance);
  if (!relative.every((own) => own <= tolerance)) return null;
  return { point, at, iterations: steps, outcome: Array.from(relative, () => "converged") };
}

/** At a residual of this, an item that did not converge may still have shown which rows are active. */
const nearly = 1e-2;

/** With bounds that stand for infinity brought closer at first; where that was not the solution, with all of them where they are. */
function fromStart(program: ConvexProgram, earlier: InteriorPoint | null, settings: ConvexSettings): ConvexRun {
  const near = boundsWithinReach(program, sizesOf(startModel(program).model));
  const first = iterateAndFinish(near, program, earlier, settings);
  if (near === program || first.relative.every((own) => own <= settings.tolerance)) return first;
  return iterateAndFinish(program, program, earlier, settings);
}

/** The iteration on one program, finished on another that differs in its bounds. */
function iterateAndFinish(
  near: ConvexProgram,
  program: ConvexProgram,
  earlier: InteriorPoint | null,
  settings: ConvexSettings,
) {
  const run = iterateConvex(near, startingPoint(near, earlier), settings);
  slacksBeyond(near, program, run.point.s);
  const hopeful = (item: number, own: number) => run.outcome[item] === "converged" || own < nearly;
  const { point, at, relative } = finishConvex(program, run.point, hopeful);
  return { ...run, point, at, relative };
}

/** What a warm start keeps from the boundary, relative to the largest slack and multiplier. */
const margin = 1e-3;

/**
 * The start's own x, with the multipliers and slacks that the quadratic model there has for 1/2 |s|^2 in the place of s >= 0, in its
 * own units; or an earlier point, where f is defined there, off the boundary.
 */
function startingPoint(program: ConvexProgram, earlier: InteriorPoint | null): InteriorPoint {
  const { n, m, batch } = program;
  const { x, model } = startModel(program);
  const { nu, lambda, s } = startInUnits(model);
  const start = { x: x.slice(), nu, lambda, s };
  if (!earlier) return start;
  const { value, gradient } = smoothObjective(program).at(earlier.x);
  for (let i = 0; i < batch; i++) {
    const defined = Number.isFinite(value[i]) && gradient.subarray(i * n, (i + 1) * n).every(Number.isFinite);
    if (!defined) continue;
    movePoint(model, earlier, i, start, i);
    keepOff(lambda.subarray(i * m, (i + 1) * m));
    keepOff(s.subarray(i * m, (i + 1) * m));
  }
  return start;
}

function keepOff(values: Float64Array): void {
  const least = margin * (values.reduce((most, value) => Math.max(most, value), 0) || 1);
  for (let k = 0; k < values.length; k++) values[k] = Math.max(values[k], least);
}

const failureOf: Record<ConvexOutcome, Exclude<Status, "solved" | "solved_inaccurate">> = {
  converged: "numerical_error",
  stalled: "numerical_error",
  not_convex: "numerical_error",
  max_iterations: "max_iterations",
  time_limit: "time_limit",
};

/** The solution with the statuses that the recomputed residuals justify, certificates, and what is to be said. */
export function conclude(
  program: ConvexProgram,
  solver: string,
  run: ConvexRun,
  tolerance: number,
  begin: number,
  interrupted: () => boolean,
  state?: ConvexState,
): Solution {
  const { point, at, outcome, iterations } = run;
  const { residuals, objective, slack, relative } = assessConvex(program, point, at);
  const certificates: (Certificate | null)[] = new Array(program.batch).fill(null);
  const notes: string[] = [];
  const status = outcome.map((own, i): Status => {
    if (own === "not_convex") {
      notes.push(
        `The objective of item ${i} is not convex: its Hessian has a negative eigenvalue at a point of the way.`,
      );
      return "numerical_error";
    }
    const judged = judge(relative[i], tolerance, failureOf[own]);
    if (isUsable(judged) || own === "time_limit" || interrupted()) return judged;
    certificates[i] = convexCertificate(program, point.x, i);
    return certificates[i]?.kind ?? judged;
  });
  // a row that was held as an equality has no slack, whatever rounding leaves of it
  const s = slack.map((value, k) => (point.s[k] === 0 ? 0 : Math.max(value, 0)));
  const { x, nu, lambda } = point;
  const left = state ?? new ConvexState(program, () => kktStateAt(program, { x, status }));
  const milliseconds = performance.now() - begin;
  const answer = { x, nu, lambda, s, objective, status, residuals, certificates, notes };
  return { solver, ...answer, iterations, milliseconds, state: left };
}

/** The model at the solution, with a KKT method for it. */
function kktStateAt(program: ConvexProgram, solution: Pick<Solution, "x" | "status">) {
  const x = usablePoints(program, solution);
  const model = quadraticModel(program, x, smoothObjective(program).at(x));
  return { model, state: new KktState(model, kktMethod(model)) };
}
