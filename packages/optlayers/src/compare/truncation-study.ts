import { checkTimeLimit } from "../check-options.ts";
import type { Cotangent, DifferentiationRule } from "../differentiate/rule.ts";
import type { DatumName, QuadraticProgram } from "../problem/quadratic-program.ts";
import type { Solution, Solver } from "../solvers/solver.ts";
import type { ComparableProblem } from "./compare-gradients.ts";
import { distanceBetween, distanceOverall } from "./distance.ts";
import { type KnownProblem, methodsFor, type NameOf } from "./problem-kinds.ts";

/** What a solve and a gradient truncated at one tolerance came to. */
export interface TruncationPoint {
  readonly tolerance: number;
  /** The most iterations of ADMM, and those of the recursion for the gradient. */
  readonly iterations: number;
  readonly gradientIterations: number;
  /** |x - x*| / |x*| over the batch. */
  readonly solutionError: number;
  /** |g - g*| / |g*| over all data. */
  readonly gradientError: number;
  readonly cosine: number;
  readonly milliseconds: number;
}

export interface TruncationOptions<P = QuadraticProgram, N extends string = DatumName> {
  /** The truncated solver; by default the kind's ADMM, which for a QP stops at the very iteration that meets the tolerance. */
  readonly solver?: (tolerance: number) => Solver<P>;
  /** The truncated rule; the kind's alternating one, truncated at the same tolerance, by default. */
  readonly rule?: (tolerance: number) => DifferentiationRule<P, N>;
  /** Milliseconds after which no further tolerance is tried; none by default. */
  readonly timeLimit?: number;
}

/** The tolerances of the study: 1e-1, 1e-2, ..., 1e-6. */
export const studyTolerances: readonly number[] = [1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6];

/**
 * Theorem 4.1 and Corollary 4.2 of Alt-Diff, measured: the error of the truncated solution and of its truncated
 * gradient, against the exact ones (the kind's solver to 1e-10 and implicit differentiation), at each tolerance. The theorem
 * says that the two are of one order; it holds once the active set is found.
 *
 * Plain data for a figure. Throws a RangeError where the problem has no exact solution to compare with.
 */
export function truncationStudy<P extends KnownProblem>(
  problem: P,
  cotangent: Cotangent,
  tolerances: readonly number[] = studyTolerances,
  options: TruncationOptions<P, NameOf<P>> = {},
): TruncationPoint[] {
  const methods = methodsFor<P, NameOf<P>>(problem);
  const exact = exactSolution("truncationStudy", problem, methods.solver());
  const target = methods.reference().vjp(problem, exact, cotangent).gradients;
  const { timeLimit = Infinity } = options;
  checkTimeLimit(timeLimit);
  const end = performance.now() + timeLimit;
  const points: TruncationPoint[] = [];
  for (const tolerance of tolerances) {
    if (performance.now() > end) break;
    const method = methods.truncated(tolerance);
    const solver = options.solver?.(tolerance) ?? method.solver;
    const rule = options.rule?.(tolerance) ?? method.rule;
    const start = performance.now();
    const truncated = takenAsSolved(solver.solve(problem));
    const { gradients, report } = rule.vjp(problem, truncated, cotangent);
    const milliseconds = performance.now() - start;
    const { cosine, relativeDifference } = distanceOverall(gradients, target);
    points.push({
      tolerance,
      iterations: Math.max(...truncated.iterations),
      gradientIterations: report.iterations,
      solutionError: distanceBetween(truncated.x, exact.x).relativeDifference,
      gradientError: relativeDifference,
      cosine,
      milliseconds,
    });
  }
  return points;
}

/** Throws a RangeError where an item has none. */
export function exactSolution<P extends ComparableProblem>(study: string, problem: P, solver: Solver<P>): Solution {
  const exact = solver.solve(problem);
  const failed = exact.status.findIndex((status) => status !== "solved");
  if (failed >= 0) throw new RangeError(`${study}: item ${failed} of the problem is ${exact.status[failed]}`);
  return exact;
}

/** A truncated solution is used on purpose, whatever its status calls it. */
export function takenAsSolved(solution: Solution): Solution {
  return { ...solution, status: solution.status.map(() => "solved" as const) };
}
