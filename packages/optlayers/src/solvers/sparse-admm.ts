import {
  checkChoice,
  checkCount,
  checkFraction,
  checkPositive,
  checkRelaxation,
  checkTimeLimit,
} from "../check-options.ts";
import type { SparseQuadraticProgram } from "../problem/sparse-quadratic-program.ts";
import { interruption } from "./interruption.ts";
import { judge } from "./residuals.ts";
import { AdmmRun } from "./sparse/admm-run.ts";
import { relativeResidual } from "./sparse/relative-residual.ts";
import type { SparseSolution, SparseSolveOptions, SparseSolver } from "./sparse-interior-point.ts";

export interface SparseAdmmOptions {
  /** Largest relative residual (primal, dual and gap, as `assessSparse` measures them) of a solved item. Default 1e-6. */
  readonly tolerance?: number;
  /** Over-relaxation alpha in (0, 2). Default 1.6. */
  readonly relaxation?: number;
  /** The first penalty, in scaled units. Default 0.1. */
  readonly rho?: number;
  /** Whether rho follows the balance of the residuals. Default true. */
  readonly adaptiveRho?: boolean;
  /** Whether the active set of the iterate is tried for the exact solution. Default true. */
  readonly polish?: boolean;
  /** Default 20000. */
  readonly maxIterations?: number;
  /** Iterations between two looks at the residuals. Default 10. */
  readonly checkEvery?: number;
  /** Milliseconds after which the status is `time_limit`; none by default. */
  readonly timeLimit?: number;
}

/**
 * The alternating direction method of multipliers for sparse QPs and LPs, in the manner of OSQP (Stellato et al. 2020): one
 * sparse LDL' factorization of the quasi-definite KKT matrix serves all iterations; the penalty rho follows the balance of
 * the residuals, by numeric refactorizations of the pattern that is analysed once; rows with l = u weigh more, and bounds of x
 * are no rows. Data are equilibrated. Where the active set looks settled the exact solution on it is tried.
 *
 * It stops on residuals recomputed from data and point. Infeasible and unbounded problems end with a certificate that has
 * been checked, from the changes of the iterates (Banjac et al. 2019). A warm start with the problem's own solution takes no iteration.
 *
 * Throws an `OptionError` for an option out of range; never for a hard problem.
 */
export function sparseAdmm(options: SparseAdmmOptions = {}): SparseSolver {
  const settings = validated(options);
  return { name: "sparse admm", solve: (problem, solveOptions) => solve(problem, settings, solveOptions) };
}

type Settings = Required<SparseAdmmOptions>;

function validated(options: SparseAdmmOptions): Settings {
  const settings: Settings = {
    tolerance: options.tolerance ?? 1e-6,
    relaxation: options.relaxation ?? 1.6,
    rho: options.rho ?? 0.1,
    adaptiveRho: options.adaptiveRho ?? true,
    polish: options.polish ?? true,
    maxIterations: options.maxIterations ?? 20_000,
    checkEvery: options.checkEvery ?? 10,
    timeLimit: options.timeLimit ?? Infinity,
  };
  checkFraction("tolerance", settings.tolerance);
  checkRelaxation(settings.relaxation);
  checkPositive("rho", settings.rho);
  checkChoice("adaptiveRho", String(settings.adaptiveRho), ["true", "false"]);
  checkChoice("polish", String(settings.polish), ["true", "false"]);
  checkCount("maxIterations", settings.maxIterations);
  checkCount("checkEvery", settings.checkEvery);
  checkTimeLimit(settings.timeLimit);
  return settings;
}

function solve(problem: SparseQuadraticProgram, settings: Settings, options: SparseSolveOptions = {}): SparseSolution {
  const begin = performance.now();
  const interrupted = interruption(options, settings.timeLimit);
  const run = new AdmmRun(problem, settings, options.warmStart);
  const outcome = run.iterate(interrupted, options.onIteration);
  const { point, assessment } = run.best;
  const own = judge(relativeResidual(assessment), settings.tolerance, outcome.status);
  const isOpen = own !== "solved" && own !== "time_limit";
  const certificate = outcome.certificate ?? (isOpen ? run.prove(interrupted) : null);
  return {
    solver: "sparse admm",
    ...point,
    status: certificate?.kind ?? own,
    objective: assessment.objective,
    residuals: assessment,
    iterations: run.iterations,
    milliseconds: performance.now() - begin,
    certificate,
    state: run.state(),
  };
}
