import { random } from "@solvegrad/autograd";
import { checkCount, checkTimeLimit } from "../check-options.ts";
import type { DataCotangents } from "../differentiate/rule.ts";
import { distanceBetween } from "./distance.ts";
import type { ConvergencePoint } from "./jacobian-convergence.ts";
import { type KnownProblem, methodsFor, type NameOf } from "./problem-kinds.ts";
import { exactSolution, takenAsSolved } from "./truncation-study.ts";

export interface IterationStudyOptions {
  /** The iterations to stop at; 1, 2, 3, 5, 8, ..., 89 by default. */
  readonly iterations?: readonly number[];
  /** How many random cotangents stand for the Jacobian's rows; 8 by default. */
  readonly probes?: number;
  /** Milliseconds after which no further number of iterations is tried; none by default. */
  readonly timeLimit?: number;
}

const fibonacci: readonly number[] = [1, 2, 3, 5, 8, 13, 21, 34, 55, 89];

/**
 * The picture of Alt-Diff's Figure 1 for any kind of problem: ADMM and the alternating rule, both stopped after k iterations, and
 * the distance of x_k and of its Jacobian J_k for the given data to those of the KKT conditions.
 *
 * The Jacobians are compared through random cotangents c of entries +-1: the mean of |J'c|^2 over all of them is |J|_F^2
 * (Hutchinson's estimate), so the ratio of these means estimates |J_k - J*|_F / |J*|_F without forming either.
 *
 * Throws a RangeError where the problem has no exact solution, an `OptionError` for an option that is no count.
 */
export function iterationStudy<P extends KnownProblem>(
  problem: P,
  datum: NameOf<P>,
  { iterations = fibonacci, probes = 8, timeLimit = Infinity }: IterationStudyOptions = {},
): ConvergencePoint[] {
  checkCount("probes", probes);
  for (const count of iterations) checkCount("iterations", count);
  checkTimeLimit(timeLimit);
  const end = performance.now() + timeLimit;
  const methods = methodsFor<P, NameOf<P>>(problem);
  const exact = exactSolution("iterationStudy", problem, methods.solver());
  const cotangents = signs(probes, exact.x.length);
  const reference = methods.reference();
  const rows = (rule: typeof reference, solution: typeof exact) =>
    joined(
      cotangents.map((x) => rule.vjp(problem, solution, { x }, { wanted: [datum] }).gradients),
      datum,
    );
  const target = rows(reference, exact);
  const points: ConvergencePoint[] = [];
  for (const iteration of iterations) {
    if (performance.now() > end) break;
    const { solver, rule } = methods.stopped(iteration);
    const stopped = takenAsSolved(solver.solve(problem));
    points.push({
      iteration,
      solutionError: distanceBetween(stopped.x, exact.x).relativeDifference,
      jacobianError: distanceBetween(rows(rule, stopped), target).relativeDifference,
    });
  }
  return points;
}

function signs(count: number, length: number): Float64Array[] {
  const numbers = random(0);
  return Array.from({ length: count }, () =>
    Float64Array.from(numbers.uniform([length]).data(), (u) => (u < 0.5 ? -1 : 1)),
  );
}

function joined<N extends string>(gradients: readonly DataCotangents<N>[], datum: N): Float64Array {
  return Float64Array.from(gradients.flatMap((gradient) => [...(gradient[datum] ?? [])]));
}
