import { checkCount, checkFraction, checkTimeLimit } from "../check-options.ts";
import { type BoxProjection, equationsOf } from "../problem/box-projection.ts";
import { itemOf } from "../problem/quadratic-program.ts";
import { type DualItem, type Ending, solveItem } from "./box-projection/dual-newton.ts";
import { assessBoxProjection } from "./box-projection/residuals.ts";
import { earlierRow } from "./earlier-row.ts";
import { interruption } from "./interruption.ts";
import { judge } from "./residuals.ts";
import type { Solution, SolveOptions, Solver, Status } from "./solver.ts";

export interface SemismoothNewtonOptions {
  /** Bound on the relative residuals, recomputed from the returned point; 1e-9 by default. */
  readonly tolerance?: number;
  /** The share of the terms of an equation by which it may miss a feasible point as rounding. Default 1e-10. */
  readonly rounding?: number;
  /** Newton steps; 200 by default. One equation takes two, several 5 to 20. */
  readonly maxIterations?: number;
  /** Milliseconds after which the unfinished items get the status `time_limit`; none by default. */
  readonly timeLimit?: number;
}

/**
 * Box projections by a semismooth Newton method on the dual, whose p unknowns are few: with
 *
 *     x(nu) = clip(y - A'nu, lower, upper),   r(nu) = A x(nu) - b,
 *
 * r is the gradient of the concave, once differentiable dual function, and -A_F A_F' (F the free entries) an element of its
 * generalized Hessian, so a step solves (A_F A_F') d = r (by least norm where that is singular) and goes to nu + alpha d (Li, Sun and Toh, "On the efficient
 * computation of the projector over the Birkhoff polytope", 2020). The line search is exact, by `rowThreshold` on the row
 * A'd; with one equation the first step ends it, in expected O(n). A step costs O(nonzeros of A + p^3).
 *
 * Where a line has no end the constraints contradict each other, and its direction is the certificate. Statuses are
 * judged by residuals recomputed from the returned point. Throws an `OptionError` for an option outside its range.
 */
export function semismoothNewton(options: SemismoothNewtonOptions = {}): Solver<BoxProjection> {
  const settings = validated(options);
  return {
    name: "semismooth Newton",
    solve: (problem, solveOptions = {}) => solve(problem, settings, solveOptions),
  };
}

type Settings = Required<SemismoothNewtonOptions>;

function validated(options: SemismoothNewtonOptions): Settings {
  const { tolerance = 1e-9, rounding = 1e-10, maxIterations = 200, timeLimit = Infinity } = options;
  checkFraction("tolerance", tolerance);
  checkFraction("rounding", rounding);
  checkCount("maxIterations", maxIterations);
  checkTimeLimit(timeLimit);
  return { tolerance, rounding, maxIterations, timeLimit };
}

function solve(problem: BoxProjection, settings: Settings, options: SolveOptions): Solution {
  const begin = performance.now();
  const { n, p, batch } = problem;
  const interrupted = interruption(options, settings.timeLimit);
  const matrices = equationsOf(problem);
  const [x, nu, zeta] = [n, p, n].map((width) => new Float64Array(batch * width));
  const iterations = new Int32Array(batch);
  const endings: Ending[] = [];
  const candidates = new Int32Array(n + p);
  for (let i = 0; i < batch; i++) {
    const item: DualItem = {
      A: matrices[i],
      y: itemOf(problem.y, i),
      b: itemOf(problem.b, i),
      lower: itemOf(problem.lower, i),
      upper: itemOf(problem.upper, i),
    };
    const start = earlierRow(options.warmStart?.nu, i, { batch, width: p }) ?? new Float64Array(p);
    const report = (iteration: number, primal: number) =>
      options.onIteration?.({ iteration, primal, dual: 0, unfinished: batch - i });
    const { newton, ending, steps } = solveItem(item, start, { ...settings, candidates, interrupted, report });
    x.set(newton.x, i * n);
    nu.set(newton.multipliers(), i * p);
    // what is left of y - A'nu beyond a bound
    for (let j = 0; j < n; j++) zeta[i * n + j] = newton.step[j] - newton.x[j];
    iterations[i] = steps;
    endings.push(ending);
  }
  const { residuals, objective, relative } = assessBoxProjection(problem, { x, nu, zeta });
  const limit = Math.max(settings.tolerance, settings.rounding);
  const status = endings.map(
    (ending, i): Status => (typeof ending === "object" ? ending.kind : judge(relative[i], limit, ending)),
  );
  return {
    solver: "semismooth Newton",
    ...{ x, nu, zeta, lambda: new Float64Array(0), s: new Float64Array(0) },
    ...{ objective, status, residuals, iterations },
    milliseconds: performance.now() - begin,
    certificates: endings.map((ending) => (typeof ending === "object" ? ending : null)),
  };
}
