import { checkCount, checkPositive, checkRelaxation, checkTimeLimit } from "../check-options.ts";
import type { EntropyProgram } from "../problem/entropy-program.ts";
import { withColdRetry } from "./cold-retry.ts";
import { type EntropicAdmmSettings, runEntropicAdmm } from "./entropy/admm-iteration.ts";
import { type EntropicItemRun, type EntropicItemSolver, solveEntropyItems } from "./entropy/batch.ts";
import { type DataPoint, inDataUnits, itemOfSolution, scaledPoint, solutionNear } from "./entropy/finish.ts";
import { entropyInfeasibility } from "./entropy/infeasibility.ts";
import { type EntropyPoint, entropyItem } from "./entropy/item.ts";
import { interruption } from "./interruption.ts";
import type { Certificate, Solver } from "./solver.ts";

export interface EntropicAdmmOptions {
  /** Largest relative residual (primal, dual and gap, as `assess` measures them) of a solved item. Default 1e-6. */
  readonly tolerance?: number;
  /** Over-relaxation in (0, 2); 1 is the iteration of the paper. Default 1.6. */
  readonly relaxation?: number;
  /** Whether to take a solution's last digits from its active rows, at tolerances of 1e-5 and below. Default true. */
  readonly polish?: boolean;
  /** Default 10000. */
  readonly maxIterations?: number;
  /** Milliseconds after which unfinished items end as `time_limit`. Default: none. */
  readonly timeLimit?: number;
}

/** What ADMM leaves for the alternating rule: the penalty, for rows scaled to a largest entry of 1, that each item ended with; none where the iteration was not needed. */
export class EntropicAdmmState {
  readonly problem: EntropyProgram;
  readonly rho: readonly (number | undefined)[];

  constructor(problem: EntropyProgram, rho: readonly (number | undefined)[]) {
    this.problem = problem;
    this.rho = rho;
  }
}

/**
 * ADMM for entropy programs with Newton's method in the update of x (Alt-Diff, sections 4.2 and B.1; `runEntropicAdmm`). x
 * is positive at every iteration. It stops on the residuals of the KKT conditions. At tolerances of 1e-5 and below the last
 * digits come from Newton's method on the active rows as soon as these are found. An item that does not converge is put to
 * the same proof of infeasibility as by `entropicInteriorPoint`.
 *
 * Throws an `OptionError` for an option outside its range; never for a hard problem.
 */
export function entropicAdmm(options: EntropicAdmmOptions = {}): Solver<EntropyProgram> {
  const { tolerance = 1e-6, relaxation = 1.6, polish = true, maxIterations = 10_000, timeLimit = Infinity } = options;
  checkPositive("tolerance", tolerance);
  checkRelaxation(relaxation);
  checkCount("maxIterations", maxIterations);
  checkTimeLimit(timeLimit);
  return withColdRetry({
    name: "entropic ADMM",
    solve(problem, { warmStart, onIteration, ...stop } = {}) {
      const interrupted = interruption(stop, timeLimit);
      const rho: (number | undefined)[] = [];
      const solveItem: EntropicItemSolver = (single, i, progress) => {
        const state = warmStart?.state instanceof EntropicAdmmState ? warmStart.state : null;
        const earlier = { point: itemOfSolution(problem, warmStart, i), rho: state?.rho[i] };
        const settings = { tolerance, relaxation, maxIterations, interrupted, onIteration: progress };
        const run = solveOne(single, settings, polish && tolerance <= finishingTolerance, earlier);
        rho.push(run.rho);
        return run;
      };
      const solution = solveEntropyItems(problem, "entropic ADMM", solveItem, { tolerance, interrupted, onIteration });
      return { ...solution, state: new EntropicAdmmState(problem, rho) };
    },
  });
}

/** A looser tolerance than this is a wish for a truncated solution. */
const finishingTolerance = 1e-5;
/** The iterations after which a proof that there is no solution is looked for. */
const doubtfulAfter = 200;

function solveOne(
  single: EntropyProgram,
  settings: EntropicAdmmSettings,
  finishes: boolean,
  earlier: { readonly point: DataPoint | null; readonly rho: number | undefined },
): EntropicItemRun & { readonly rho: number | undefined } {
  const { tolerance, interrupted } = settings;
  const near = (point: DataPoint) => (finishes ? solutionNear(single, point, tolerance) : null);
  const known = earlier.point && near(earlier.point);
  if (known) return { point: known.point, iterations: known.steps, outcome: "converged", rho: earlier.rho };
  let found: DataPoint | null = null;
  let certificate: Certificate | null = null;
  const isEnough = (point: EntropyPoint, iterations: number) => {
    found = near(inDataUnits(single, point))?.point ?? null;
    if (!found && iterations === doubtfulAfter) certificate = entropyInfeasibility(single, interrupted);
    return found !== null || certificate !== null;
  };
  const start = earlier.point ? { ...scaledPoint(single, earlier.point), rho: earlier.rho } : undefined;
  const run = runEntropicAdmm(entropyItem(single, 0), { ...settings, tolerance: tolerance / 4, start, isEnough });
  return { ...run, point: found ?? inDataUnits(single, run.point), outcome: certificate ?? run.outcome };
}
