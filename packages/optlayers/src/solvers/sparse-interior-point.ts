import { checkChoice, checkCount, checkFraction, checkTimeLimit } from "../check-options.ts";
import type { SparsePoint, SparseQuadraticProgram } from "../problem/sparse-quadratic-program.ts";
import { interruption } from "./interruption.ts";
import type { SolveOptions, Status } from "./solver.ts";
import { crossedBounds, type SparseCertificate } from "./sparse/certificates.ts";
import type { SparseState } from "./sparse/kkt-system.ts";
import { assessSparse, type SparseAssessment } from "./sparse/residuals.ts";
import { emptyPoint } from "./sparse/scaled-program.ts";
import { largestResidual, type SparseAnswer, SparseSearch } from "./sparse/search.ts";

export interface SparseInteriorPointOptions {
  /** Bound on the residuals of `assessSparse`; 1e-9 by default. */
  readonly tolerance?: number;
  /** Whether the tolerance bounds each residual over the size of its terms (relative, the default) or as it is. */
  readonly residuals?: "relative" | "absolute";
  /** Of one start, of up to three; 200 by default. Most problems take 5 to 40. */
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
 * the precision, and certificates for problems that have no solution. Where Q's diagonal is positive, the active set method is tried
 * first, and again from guesses of the iteration: a few rounds of it may do.
 *
 * A warm start that solves the problem takes no iteration; from one that solves a nearby problem the active set method starts, then
 * the interior point, before both start afresh. Active-set rounds count as iterations.
 *
 * Q may be zero or singular, rows may be redundant, bounds one-sided, equal or absent. The status is judged by
 * residuals recomputed in the problem's own scale. Throws an `OptionError` for an option out of range.
 */
export function sparseInteriorPoint(options: SparseInteriorPointOptions = {}): SparseSolver {
  const settings = validated(options);
  return {
    name: "sparse interior point",
    solve: (problem, solveOptions) => solve(problem, settings, solveOptions),
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

function solve(problem: SparseQuadraticProgram, settings: Settings, options: SparseSolveOptions = {}): SparseSolution {
  const begin = performance.now();
  const interrupted = interruption(options, settings.timeLimit);
  const { warmStart, onIteration } = options;
  const earlier = warmStart !== undefined && fits(problem, warmStart) ? warmStart : null;
  const result =
    crossedAnswer(problem) ??
    (earlier && asItIs(problem, earlier, settings)) ??
    new SparseSearch(problem, settings, { interrupted, onIteration }).from(earlier);
  return { solver: "sparse interior point", ...result, milliseconds: performance.now() - begin };
}

/** Bounds that cross leave nothing to search for; whatever the scale of the other data, no point is near to both. */
function crossedAnswer(problem: SparseQuadraticProgram): SparseAnswer | null {
  const certificate = crossedBounds(problem);
  if (!certificate) return null;
  const point = emptyPoint(problem);
  const residuals = assessSparse(problem, point);
  return {
    ...point,
    status: "primal_infeasible",
    objective: residuals.objective,
    residuals,
    iterations: 0,
    certificate,
  };
}

/** Whether a point has the problem's shapes and finite entries. */
export function fits({ n, p, m }: SparseQuadraticProgram, { x, nu, lambda, zeta }: SparsePoint): boolean {
  if (x.length !== n || nu.length !== p || lambda.length !== m || zeta.length !== n) return false;
  return [x, nu, lambda, zeta].every((values) => values.every(Number.isFinite));
}

/** The earlier point where it solves this problem; with what its solver left behind, where the problem is the same. */
function asItIs(
  problem: SparseQuadraticProgram,
  earlier: SparsePoint & { readonly state?: SparseState },
  settings: Settings,
): SparseAnswer | null {
  const residuals = assessSparse(problem, earlier);
  if (!(largestResidual(residuals, settings) <= settings.tolerance)) return null;
  const { x, nu, lambda, zeta, state } = earlier;
  const copy = { x: x.slice(), nu: nu.slice(), lambda: lambda.slice(), zeta: zeta.slice() };
  const known = state?.program.original === problem ? { state } : {};
  return {
    ...copy,
    status: "solved",
    objective: residuals.objective,
    residuals,
    iterations: 0,
    certificate: null,
    ...known,
  };
}
