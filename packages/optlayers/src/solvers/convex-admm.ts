import { maxAbs } from "../arrays.ts";
import { checkCount, checkPositive, checkRelaxation, checkTimeLimit } from "../check-options.ts";
import type { ConvexProgram } from "../problem/convex-program.ts";
import { allItems, applyDatum } from "../problem/products.ts";
import { itemOf } from "../problem/quadratic-program.ts";
import { AdmmState } from "./admm.ts";
import { withColdRetry } from "./cold-retry.ts";
import { type ConvexAdmmRun, type ConvexAdmmSettings, runConvexAdmm } from "./convex/admm-iteration.ts";
import { finishConvex } from "./convex/finish.ts";
import { quadraticModel, startModel } from "./convex/model.ts";
import { ConvexState } from "./convex/state.ts";
import { conclude, earlierPoint, fromEarlier } from "./convex-interior-point.ts";
import type { InteriorPoint } from "./interior-point/state.ts";
import { interruption } from "./interruption.ts";
import { countedFrom } from "./progress.ts";
import type { Solution, Solver } from "./solver.ts";

export interface ConvexAdmmOptions {
  /** Largest relative residual (primal, dual and gap, as `assessConvex` measures them) of a solved item. Default 1e-6. */
  readonly tolerance?: number;
  /** Over-relaxation in (0, 2); 1 is the iteration of the paper. Default 1.6. */
  readonly relaxation?: number;
  /** The first penalty, for the scaled constraints. Default 1. */
  readonly rho?: number;
  /** Whether rho follows the balance of the residuals. Default true. */
  readonly adaptiveRho?: boolean;
  /**
   * Whether to take a solution's last digits from its active constraints, at tolerances below 1e-6: what a looser one asks for
   * is the iteration itself. Default true.
   */
  readonly polish?: boolean;
  /** Default 10000. */
  readonly maxIterations?: number;
  /** Milliseconds after which unfinished items end as `time_limit`. Default: none. */
  readonly timeLimit?: number;
}

/**
 * ADMM for convex programs with Newton's method in the update of x (Alt-Diff, section 4.2 and appendix B.1;
 * `runConvexAdmm`). The Hessian's factor of the last update is left for the backward pass.
 *
 * Items that fail get a certificate where one is found: no x satisfies the constraints, or f falls without end. An objective
 * whose Hessian has a negative eigenvalue at a point of the way ends as `numerical_error`, and `solution.notes` says so.
 *
 * Throws an `OptionError` for an option outside its range; never for a hard problem.
 */
export function convexAdmm(options: ConvexAdmmOptions = {}): Solver<ConvexProgram> {
  const { tolerance = 1e-6, relaxation = 1.6, rho = 1, adaptiveRho = true, maxIterations = 10_000 } = options;
  const { timeLimit = Infinity, polish = true } = options;
  checkPositive("tolerance", tolerance);
  checkRelaxation(relaxation);
  checkPositive("rho", rho);
  checkCount("maxIterations", maxIterations);
  checkTimeLimit(timeLimit);
  return withColdRetry({
    name: "convex ADMM",
    solve(program, options = {}) {
      const begin = performance.now();
      const { warmStart, onIteration } = options;
      const interrupted = interruption(options, timeLimit);
      const earlier = earlierPoint(program, warmStart);
      const first = (earlier && penaltiesOf(warmStart)) ?? new Float64Array(program.batch).fill(rho);
      const settings = { tolerance, relaxation, rho: first, adaptiveRho, maxIterations, interrupted, onIteration };
      const finishes = polish && tolerance < rough;
      const direct = earlier && finishes ? fromEarlier(program, earlier, tolerance) : null;
      if (direct) return conclude(program, "convex ADMM", direct, tolerance, begin, interrupted);
      const start = earlier ?? coldStart(program);
      const run = finishes ? inTwo(program, start, settings) : runConvexAdmm(program, start, settings);
      const state = new ConvexState(program, () => stateAtSolution(program, run, settings), run.rho);
      return conclude(program, "convex ADMM", run, tolerance, begin, interrupted, state);
    },
  });
}

function penaltiesOf(earlier: Solution | undefined): Float64Array | null {
  return earlier?.state instanceof ConvexState ? earlier.state.rho : null;
}

/** Where ADMM hands over to Newton's method on the active rows. */
const rough = 1e-6;

/** ADMM to a rough tolerance, Newton's method on the active rows, and ADMM from there where these were not the right ones. */
function inTwo(program: ConvexProgram, start: InteriorPoint, settings: ConvexAdmmSettings): ConvexAdmmRun {
  const first = runConvexAdmm(program, start, { ...settings, tolerance: rough });
  const { point, at, relative } = finishConvex(program, first.point, (i) => first.outcome[i] === "converged");
  const open = first.outcome.some((own, i) => own === "converged" && !(relative[i] <= settings.tolerance));
  const spent = first.iterations.reduce((most, own) => Math.max(most, own), 0);
  if (!open || spent >= settings.maxIterations) {
    first.update.moveTo(point.x);
    return { ...first, point, at };
  }
  const onIteration = countedFrom(spent, settings.onIteration);
  const second = runConvexAdmm(program, point, {
    ...settings,
    rho: first.rho,
    maxIterations: settings.maxIterations - spent,
    onIteration,
  });
  return { ...second, iterations: second.iterations.map((own, i) => first.iterations[i] + own) };
}

/** x of the program's start, no multipliers, and the slack that is there. */
function coldStart(program: ConvexProgram): InteriorPoint {
  const { p, m, batch, G, h } = program;
  const { x } = startModel(program);
  const s = new Float64Array(batch * m);
  applyDatum(-1, G, x, 0, s, allItems(batch));
  for (let i = 0; i < batch; i++) {
    for (let row = 0; row < m; row++) s[i * m + row] = Math.max(s[i * m + row] + itemOf(h, i)[row], 0);
  }
  return { x: x.slice(), nu: new Float64Array(batch * p), lambda: new Float64Array(batch * m), s };
}

/**
 * The quadratic model at the solution, with the factors of H that the last Newton steps left; made anew only where
 * x has gone farther since than the tolerance.
 */
function stateAtSolution(
  program: ConvexProgram,
  run: ConvexAdmmRun,
  settings: { tolerance: number; relaxation: number },
) {
  const { update, rho } = run;
  const { n, batch } = program;
  const stale = update.items.flatMap(({ place, factor }, i) => {
    const x = update.pointOf(i);
    const known = factor?.rho === rho[i] && place.length > 0;
    const gone = known ? maxAbs(x.map((value, j) => value - place[j])) : Infinity;
    return gone <= settings.tolerance * (1 + maxAbs(x)) ? [] : [i];
  });
  update.refactor(stale, rho);
  const H = new Float64Array(batch * n * n);
  update.items.forEach(({ hessian }, i) => {
    H.set(hessian, i * n * n);
  });
  const model = quadraticModel(program, update.x, { gradient: update.at.gradient, hessian: () => H });
  const groups = update.items.map(({ geometry, factor }, first) => ({
    first,
    count: 1,
    geometry: {
      ...geometry,
      Q: { ...geometry.Q, data: model.Q.values, offset: first * n * n },
      ...{ factorQ: null, T: null, S: null },
      penalties: new Map(factor ? [[factor.rho, factor]] : []),
    },
  }));
  return { model, state: new AdmmState(model, groups, Array.from(rho), settings.relaxation) };
}
