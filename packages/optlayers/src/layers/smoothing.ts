import { Tensor, tensor } from "@solvegrad/autograd";
import type { DType } from "@solvegrad/linalg";
import { checkChoice, checkPositive } from "../check-options.ts";
import { OptionError } from "../errors.ts";
import { withDegeneracy } from "../kkt/degeneracy.ts";
import type { Datum, QuadraticProgram } from "../problem/quadratic-program.ts";
import type { QuadraticProgramData } from "../problem/read-quadratic-program.ts";
import type { Solution } from "../solvers/solver.ts";
import { softmaxLayer } from "./softmax.ts";
import type { LayerOptions } from "./solution-on-tape.ts";

/**
 * A term that makes x a smooth function of the cost q where a linear program jumps from vertex to vertex. Its weight is in the unit of
 * the cost; as it goes to 0, x tends to a solution of the program as it is (of several, the one that makes the term least).
 */
export interface Smoothing {
  /**
   * "quadratic" adds weight/2 |x|^2, with any Q: x moves with q wherever the constraints leave it free. "entropic" adds weight sum_j
   * x_j log x_j, for linear programs (Q = 0), and with it x > 0: x moves with q everywhere, if but little near a vertex. The logarithm takes the place of the multipliers of x >= 0, which are 0. Not for data with simple bounds or compressed columns.
   */
  readonly kind: "quadratic" | "entropic";
  readonly weight: number;
}

/** Throws an `OptionError` for another kind, or a weight that is not positive. */
export function checkSmoothing({ kind, weight }: Smoothing): void {
  checkChoice("smoothing.kind", kind, ["quadratic", "entropic"]);
  checkPositive("smoothing.weight", weight);
}

/** The problem with Q + weight I. As a function of the data it has the same derivatives in terms of its solution. */
export function withCurvature(problem: QuadraticProgram, weight: number): QuadraticProgram {
  const { n } = problem;
  const values = problem.Q.values.slice();
  for (let at = 0; at < values.length; at += n * n) for (let j = 0; j < n; j++) values[at + j * (n + 1)] += weight;
  return { ...problem, Q: { ...problem.Q, values } };
}

/**
 * minimize q'x + weight sum x log x: the entropy program of y = -q / weight, whose objective is that over the weight; so are its
 * duals. Q takes no part.
 */
export function entropicallySmoothed(
  {
    problem,
    data,
    dtype,
  }: { readonly problem: QuadraticProgram; readonly data: QuadraticProgramData; readonly dtype: DType },
  weight: number,
  options: LayerOptions,
) {
  const { A, b, G, h } = data;
  const y = costTensor(problem, data, dtype).mul(-1 / weight);
  const { warmStart } = options;
  const earlier = warmStart && inUnits(warmStart, 1 / weight);
  const { x, nu, lambda, solution } = softmaxLayer({ y, A, b, G, h }, { ...options, warmStart: earlier });
  return {
    x,
    nu: nu.mul(weight),
    lambda: lambda.mul(weight),
    solution: withDegeneracy(inUnits(solution, weight), () => solution.degeneracy),
  };
}

/** Throws an `OptionError` unless the problem is a linear program that is solved and differentiated by default. */
export function checkLinear(problem: QuadraticProgram, chosen: Readonly<Record<string, unknown>>): void {
  if (problem.Q.values.some((value) => value !== 0)) {
    throw new OptionError(
      "smoothing.kind",
      "entropic",
      '"quadratic" where Q is not zero: the entropy is for linear programs',
    );
  }
  for (const [option, value] of Object.entries(chosen)) {
    if (value === undefined) continue;
    throw new OptionError(
      option,
      describe(value),
      "to be left out with entropic smoothing, which has a solver and a rule of its own",
    );
  }
}

function describe(value: unknown): string {
  return String((value as { name?: unknown })?.name ?? value);
}

/** q as the caller gave it; repeated for the batch where nothing but Q says that there is one. */
function costTensor(problem: QuadraticProgram, { q }: QuadraticProgramData, dtype: DType): Tensor {
  const { n, batch } = problem;
  const shape = problem.q.batched ? [batch, n] : [n];
  const value = q instanceof Tensor ? q : tensor(problem.q.values, { shape }).to(dtype);
  const others: Datum[] = [problem.q, problem.A, problem.b, problem.G, problem.h];
  return problem.batched && others.every(({ batched }) => !batched) ? value.broadcastTo([batch, n]) : value;
}

/** The solution with its objective and its duals in another unit of the cost. */
function inUnits(solution: Solution, unit: number): Solution {
  const scaled = (values: Float64Array) => values.map((value) => unit * value);
  const { nu, lambda, objective, residuals } = solution;
  return {
    ...solution,
    ...{ nu: scaled(nu), lambda: scaled(lambda), objective: scaled(objective) },
    residuals: { primal: residuals.primal, dual: scaled(residuals.dual), gap: scaled(residuals.gap) },
  };
}
