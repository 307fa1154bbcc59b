import { checkChoice, checkCount, checkFraction, checkTimeLimit } from "../check-options.ts";
import type { SparsePoint, SparseQuadraticProgram } from "../problem/sparse-quadratic-program.ts";
import { judge } from "./residuals.ts";
import type { SolveOptions, Status } from "./solver.ts";
import { type SparseCertificate, sparseCertificate } from "./sparse/certificates.ts";
import { finishSparse } from "./sparse/finish.ts";
import { iterateSparse } from "./sparse/iteration.ts";
import type { SparseState } from "./sparse/kkt-system.ts";
import { relativeResidual } from "./sparse/relative-residual.ts";
import { assessSparse, type SparseAssessment } from "./sparse/residuals.ts";
import { type ScaledProgram, scaledProgram } from "./sparse/scaled-program.ts";

export interface SparseInteriorPointOptions {
  /** Bound on the residuals of `assessSparse`; 1e-9 by default. */
  readonly tolerance?: number;
  /** Whether the tolerance bounds each residual over the size of its terms (relative, the default) or as it is. */
  readonly residuals?: "relative" | "absolute";
  /** 200 by default; most problems take 10 to 40. */
  readonly maxIterations?: number;
  /** Milliseconds after which the status is `time_limit`; none by default. */
  readonly timeLimit?: number;
}

/** What the solver found for a sparse QP. */
export interface SparseSolution extends SparsePoint {
  readonly solver: string;
  readonly status: Status;
  /** 1/2 x'Qx + q'x + constant. */
  readonly objective: number;
  /** Recomputed from the data and the returned point. */
  readonly residuals: SparseAssessment;
  readonly iterations: number;
  readonly milliseconds: number;
  readonly certificate: SparseCertificate | null;
  /** The scaled problem and the analysed KKT matrix, for a derivative. */
  readonly state?: SparseState;
}

export interface SparseSolveOptions extends Omit<SolveOptions, "warmStart"> {
  /** A point to start from, such as an earlier solution of a problem of the same shape. */
  readonly warmStart?: SparsePoint;
}

export interface SparseSolver {
  readonly name: string;
  solve(problem: SparseQuadraticProgram, options?: SparseSolveOptions): SparseSolution;
}

/**
 * A primal-dual interior-point method for sparse QPs and LPs: Ruiz equilibration, Mehrotra's predictor-corrector with
 * Gondzio's corrections of centrality, a regularized LDL' factorization of the quasi-definite KKT matrix in a
 * minimum-degree order with refinement against the unregularized one, a finish on the active set with residuals in twice
 * the precision, and certificates for problems that have no solution.
 *
 * Q may be zero or singular, rows may be redundant, bounds one-sided, equal or absent. The status is judged by
 * residuals recomputed in the problem's own scale. Throws an `OptionError` for an option out of range.
 */
export function sparseInteriorPoint(options: SparseInteriorPointOptions = {}): SparseSolver {
  const settings = validated(options);
  return {
    name: "sparse interior point",
    solve: (problem, { signal } = {}) => solve(problem, settings, signal),
  };
}

type Settings = Required<SparseInteriorPointOptions>;

function validated(options: SparseInteriorPointOptions): Settings {
  const { tolerance = 1e-9, residuals = "relative", maxIterations = 200, timeLimit = Infinity } = options;
  checkFraction("tolerance", tolerance);
  checkChoice("residuals", residuals, ["relative", "absolute"]);
  checkCount("maxIterations", maxIterations);
  checkTimeLimit(timeLimit);
  return { tolerance, residuals, maxIterations, timeLimit };
}

/** Largest residual, as the settings compare it with the tolerance; NaN where the point is not finite. */
function measured(assessment: SparseAssessment, { residuals }: Settings): number {
  const { primal, dual, gap } = assessment;
  return residuals === "absolute" ? Math.max(primal, dual, gap) : relativeResidual(assessment);
}

function solve(problem: SparseQuadraticProgram, settings: Settings, signal: AbortSignal | undefined): SparseSolution {
  const begin = performance.now();
  const interrupted = () => signal?.aborted === true || performance.now() - begin > settings.timeLimit;
  const result = found(problem, settings, interrupted);
  return { solver: "sparse interior point", ...result, milliseconds: performance.now() - begin };
}

function found(problem: SparseQuadraticProgram, settings: Settings, interrupted: () => boolean) {
  const scaled = scaledProgram(problem);
  const first = attempt(scaled, settings, interrupted, firstMultipliers[0]);
  if (first.status === "solved" || first.status === "time_limit") return { ...first, certificate: null };
  if (first.status !== "solved_inaccurate") {
    const certificate = sparseCertificate(problem, interrupted);
    if (certificate !== null) return { ...first, status: certificate.kind, certificate };
  }
  const second = attempt(scaled, settings, interrupted, firstMultipliers[1]);
  const better = measured(second.residuals, settings) < measured(first.residuals, settings) ? second : first;
  return { ...better, iterations: first.iterations + second.iterations, certificate: null };
}

/** Where the multipliers start, in the first attempt and in the second: some problems are solved from one of them alone. */
const firstMultipliers = [100, 1] as const;

function attempt(
  program: ScaledProgram,
  settings: Settings,
  interrupted: () => boolean,
  firstMultiplier: number,
): Pick<SparseSolution, keyof SparsePoint | "status" | "objective" | "residuals" | "iterations" | "state"> {
  const accepts = (assessment: SparseAssessment) => measured(assessment, settings) <= settings.tolerance;
  const { maxIterations } = settings;
  const run = iterateSparse(program, { maxIterations, accepts, interrupted, firstMultiplier });
  const point = finishSparse(program, run, settings.tolerance, interrupted);
  const residuals = assessSparse(program.original, point);
  const ended = run.outcome === "converged" || run.outcome === "stalled" ? "numerical_error" : run.outcome;
  const status = judge(measured(residuals, settings), settings.tolerance, ended);
  const state: SparseState = { program, system: run.newton.system };
  return { ...point, status, objective: residuals.objective, residuals, iterations: run.iterations, state };
}
