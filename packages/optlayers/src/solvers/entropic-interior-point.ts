import { maxAbs } from "../arrays.ts";
import { checkCount, checkPositive, checkTimeLimit } from "../check-options.ts";
import type { EntropyProgram } from "../problem/entropy-program.ts";
import { type EntropicItemRun, type EntropicItemSolver, solveEntropyItems } from "./entropy/batch.ts";
import { finish, inDataUnits, itemOfSolution, relativeResidual, solutionNear } from "./entropy/finish.ts";
import { type EntropicSettings, iterateEntropic } from "./entropy/interior-point-iteration.ts";
import { entropyItem } from "./entropy/item.ts";
import { boundsWithinReach, slacksBeyond } from "./interior-point/bounds.ts";
import { interruption } from "./interruption.ts";
import type { Solver } from "./solver.ts";

export interface EntropicInteriorPointOptions {
  /** Largest relative residual (primal, dual and gap, as `assess` measures them) of a solved item. Default 1e-9. */
  readonly tolerance?: number;
  /** Default 200. */
  readonly maxIterations?: number;
  /** Milliseconds after which unfinished items end as `time_limit`. Default: none. */
  readonly timeLimit?: number;
}

/**
 * The interior-point solver of entropy programs: `iterateEntropic` for every item, and Newton's method on the active rows
 * to the last digit, which is kept where it lowers the recomputed residuals. An earlier solution of the same shapes is
 * tried there first: for the same problem, or one near enough to have the same active rows, nothing else is needed.
 *
 * An item that does not converge is put to the interior point for QPs, whose certificate tells that no x >= 0 satisfies the
 * constraints: nu and lambda >= 0 with A'nu + G'lambda >= 0 and b'nu + h'lambda < 0. No entropy program is unbounded.
 *
 * Throws an `OptionError` for an option outside its range; never for a hard problem.
 */
export function entropicInteriorPoint(options: EntropicInteriorPointOptions = {}): Solver<EntropyProgram> {
  const { tolerance = 1e-9, maxIterations = 200, timeLimit = Number.POSITIVE_INFINITY } = options;
  checkPositive("tolerance", tolerance);
  checkCount("maxIterations", maxIterations);
  checkTimeLimit(timeLimit);
  return {
    name: "entropic interior point",
    solve: (problem, { warmStart, onIteration, ...stop } = {}) => {
      const interrupted = interruption(stop, timeLimit);
      const solveItem: EntropicItemSolver = (single, i, progress) => {
        const earlier = itemOfSolution(problem, warmStart, i);
        const known = earlier && solutionNear(single, earlier, tolerance);
        if (known) return { point: known.point, iterations: known.steps, outcome: "converged" };
        return fromScratch(single, {
          ...{ tolerance: tolerance / 10, maxIterations, interrupted },
          onIteration: progress,
        });
      };
      return solveEntropyItems(problem, "entropic interior point", solveItem, { tolerance, interrupted, onIteration });
    },
  };
}

/** With bounds that stand for infinity brought closer at first; where that was not the solution, with all of them where they are. */
function fromScratch(single: EntropyProgram, settings: EntropicSettings): EntropicItemRun {
  const near = boundsWithinReach(single, () => sizeOf(single));
  const first = iterateAndFinish(near, single, settings);
  const isEnough = near === single || first.residual <= settings.tolerance || first.outcome === "time_limit";
  return isEnough ? first : iterateAndFinish(single, single, settings);
}

/** The iteration on one problem, finished on another that differs in its bounds. */
function iterateAndFinish(near: EntropyProgram, single: EntropyProgram, settings: EntropicSettings) {
  const { point, iterations, outcome } = iterateEntropic(entropyItem(near, 0), settings);
  const rough = inDataUnits(near, point);
  slacksBeyond(near, single, rough.s);
  const finished = outcome === "converged" ? finish(single, rough) : rough;
  const [before, after] = [relativeResidual(single, rough), relativeResidual(single, finished)];
  const best = after < before ? finished : rough;
  return { point: best, iterations, outcome, residual: Math.min(before, after) };
}

/** The size of an item without its upper bounds: 1, |b|, what the inequalities demand, or the largest entry of exp(y - 1). */
function sizeOf({ y, b, h }: EntropyProgram): number {
  const demand = h.values.reduce((most, value) => Math.max(most, -value), 0);
  const free = Math.exp(y.values.reduce((most, value) => Math.max(most, value), 0) - 1);
  return Math.max(1, maxAbs(b.values), demand, free);
}
