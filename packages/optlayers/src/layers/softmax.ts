import type { Tensor } from "@solvegrad/autograd";
import { entropicImplicit } from "../differentiate/entropic-implicit.ts";
import type { Cotangent, DifferentiationReport, DifferentiationRule } from "../differentiate/rule.ts";
import {
  type EntropyName,
  type EntropyProgram,
  type EntropyProgramData,
  entropyNames,
  readEntropyProgram,
} from "../problem/entropy-program.ts";
import { entropicInteriorPoint } from "../solvers/entropic-interior-point.ts";
import type { Solution, Solver } from "../solvers/solver.ts";
import {
  checkedSolution,
  checkOnFailure,
  differentiableData,
  type OnFailure,
  solutionOnTape,
  usableSolution,
} from "./solution-on-tape.ts";

export interface SoftmaxLayerOptions {
  /** How to solve; `entropicInteriorPoint()` by default. */
  readonly solver?: Solver<EntropyProgram>;
  /** How to differentiate; `entropicImplicit()` by default. */
  readonly differentiation?: DifferentiationRule<EntropyProgram, EntropyName>;
  /** What an item without a usable solution does; "raise" by default. */
  readonly onFailure?: OnFailure;
  /** An earlier solution (the `solution` of a former call with the same shapes) to start from. */
  readonly warmStart?: Solution;
  /** Stops the solve between two iterations; unfinished items then count as failed. */
  readonly signal?: AbortSignal;
  /** Receives the rule's report after every backward pass. */
  readonly onBackward?: (report: DifferentiationReport) => void;
}

export interface SoftmaxLayerResult {
  /** The minimizer: shape (n), or (B, n) when any datum is batched. */
  readonly x: Tensor;
  /** The dual of Ax = b: (p) or (B, p). */
  readonly nu: Tensor;
  /** The dual of Gx <= h: (m) or (B, m). */
  readonly lambda: Tensor;
  /** Statuses, residuals, certificates and the like, in float64. */
  readonly solution: Solution;
}

/**
 * The constrained softmax layer (Alt-Diff appendix B.2; Martins and Kreutzer 2017)
 *
 *     x = argmin -y'x + sum_j x_j log x_j   subject to  Ax = b (nu),  Gx <= h (lambda),  x > 0.
 *
 * With A = 1' and b = 1 alone it is softmax(y); without constraints exp(y - 1). Data that are Tensors take part in the
 * gradient, any other kind is constant. The tensors' dtype is that of the results; the work is done in float64. The
 * gradient of a datum that the batch shares is the sum over the batch.
 *
 * An item that fails raises an `OptimizationError`. With `onFailure: "mask"` its x, nu and lambda are zeros, its gradient
 * is zero, and `solution.status` says why. Bad data are refused as by `entropyProgram`. The gradient cannot be
 * differentiated again: `createGraph: true` throws a NotDifferentiableTwiceError.
 */
export function softmaxLayer(data: EntropyProgramData, options: SoftmaxLayerOptions = {}): SoftmaxLayerResult {
  const { solver = entropicInteriorPoint(), differentiation = entropicImplicit() } = options;
  const { onFailure = "raise", warmStart, signal } = options;
  checkOnFailure(onFailure);
  const { problem, dtype } = readEntropyProgram(data);
  const solution = usableSolution(checkedSolution(solver.solve(problem, { warmStart, signal }), problem), onFailure);
  const vjp = (cotangent: Cotangent, wanted: readonly EntropyName[]) => {
    const { gradients, report } = differentiation.vjp(problem, solution, cotangent, { wanted });
    options.onBackward?.(report);
    return gradients;
  };
  const inputs = differentiableData(entropyNames, data);
  const numbers = entropyNames.reduce((sum, name) => sum + problem[name].values.length, 0);
  return solutionOnTape({ name: "softmaxLayer", problem, dtype, solution, inputs, vjp, numbers });
}
