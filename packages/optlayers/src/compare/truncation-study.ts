import { alternating } from "../differentiate/alternating.ts";
import { implicit } from "../differentiate/implicit.ts";
import type { Cotangent, DifferentiationRule } from "../differentiate/rule.ts";
import type { QuadraticProgram } from "../problem/quadratic-program.ts";
import { admm } from "../solvers/admm.ts";
import { interiorPoint } from "../solvers/interior-point.ts";
import type { Solver } from "../solvers/solver.ts";
import { distanceBetween, distanceOverall } from "./distance.ts";

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

export interface TruncationOptions {
  /** The truncated solver; by default ADMM that stops at the very iteration which meets the tolerance. */
  readonly solver?: (tolerance: number) => Solver;
  /** The truncated rule; alternating, truncated at the same tolerance, by default. */
  readonly rule?: (tolerance: number) => DifferentiationRule;
}

/** The tolerances of the study: 1e-1, 1e-2, ..., 1e-6. */
export const studyTolerances: readonly number[] = [1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6];

/**
 * Theorem 4.1 and Corollary 4.2 of Alt-Diff, measured: the error of the truncated solution and of its truncated
 * gradient, against the exact ones (interior point and implicit differentiation), at each tolerance. The theorem says that the two
 * are of one order; it holds once the active set is found.
 *
 * Plain data for a figure. Throws a RangeError where the problem has no exact solution to compare with.
 */
export function truncationStudy(
  problem: QuadraticProgram,
  cotangent: Cotangent,
  tolerances: readonly number[] = studyTolerances,
  options: TruncationOptions = {},
): TruncationPoint[] {
  const {
    solver = (tolerance) => admm({ tolerance, checkEvery: 1, polish: false }),
    rule = (truncate) => alternating({ truncate }),
  } = options;
  const exact = interiorPoint({ tolerance: 1e-10 }).solve(problem);
  const failed = exact.status.findIndex((status) => status !== "solved");
  if (failed >= 0) throw new RangeError(`truncationStudy: item ${failed} of the problem is ${exact.status[failed]}`);
  const target = implicit().vjp(problem, exact, cotangent).gradients;
  return tolerances.map((tolerance) => {
    const start = performance.now();
    const truncated = solver(tolerance).solve(problem);
    // a truncated solution is used on purpose, whatever its status calls it
    const solution = { ...truncated, status: truncated.status.map(() => "solved" as const) };
    const { gradients, report } = rule(tolerance).vjp(problem, solution, cotangent);
    const milliseconds = performance.now() - start;
    const { cosine, relativeDifference } = distanceOverall(gradients, target);
    return {
      tolerance,
      iterations: Math.max(...truncated.iterations),
      gradientIterations: report.iterations,
      solutionError: distanceBetween(truncated.x, exact.x).relativeDifference,
      gradientError: relativeDifference,
      cosine,
      milliseconds,
    };
  });
}
