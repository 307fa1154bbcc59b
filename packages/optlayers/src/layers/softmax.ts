import type { Tensor } from "@solvegrad/autograd";
import { checkMethod } from "../check-options.ts";
import { entropicImplicit } from "../differentiate/entropic-implicit.ts";
import type { DifferentiationRule } from "../differentiate/rule.ts";
import { degeneracyOf, type SeenSolution, withDegeneracy } from "../kkt/degeneracy.ts";
import {
  type EntropyName,
  type EntropyProgram,
  type EntropyProgramData,
  entropyNames,
  readEntropyProgram,
} from "../problem/entropy-program.ts";
import { entropicInteriorPoint } from "../solvers/entropic-interior-point.ts";
import { assessEntropy } from "../solvers/entropy/residuals.ts";
import { withSecondOpinion } from "../solvers/second-opinion.ts";
import type { Solver } from "../solvers/solver.ts";
import { entropyKkt } from "./on-tape/kkt-tables.ts";
import { checkOnFailure, type LayerOptions, type Sight, solveOnTape } from "./solution-on-tape.ts";

export interface SoftmaxLayerOptions extends LayerOptions {
  /** How to solve; `entropicInteriorPoint()` by default. */
  readonly solver?: Solver<EntropyProgram>;
  /** How to differentiate; `entropicImplicit()` by default. */
  readonly differentiation?: DifferentiationRule<EntropyProgram, EntropyName>;
}

export interface SoftmaxLayerResult {
  /** The minimizer: shape (n), or (B, n) when any datum is batched. */
  readonly x: Tensor;
  /** The dual of Ax = b: (p) or (B, p). */
  readonly nu: Tensor;
  /** The dual of Gx <= h: (m) or (B, m). */
  readonly lambda: Tensor;
  /** Statuses, residuals, certificates, degeneracy and the like, in float64. */
  readonly solution: SeenSolution;
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
 * is zero, and `solution.status` says why. Bad data are refused as by `entropyProgram`. With
 * `createGraph: true` the gradient may be differentiated again, to any order, on the active set as it is (`recordedCotangents`).
 */
export function softmaxLayer(data: EntropyProgramData, options: SoftmaxLayerOptions = {}): SoftmaxLayerResult {
  const { solver = entropicInteriorPoint(), differentiation = entropicImplicit() } = options;
  checkOnFailure(options.onFailure);
  checkMethod("solver", solver, "solve", "a solver such as entropicInteriorPoint()");
  checkMethod("differentiation", differentiation, "vjp", "a rule such as entropicImplicit()");
  const { problem, dtype } = readEntropyProgram(data);
  const stated = { name: "softmaxLayer", names: entropyNames, data, problem, dtype, kkt: entropyKkt, sight };
  const believed = withSecondOpinion(solver, assessEntropy);
  const result = solveOnTape(stated, believed, differentiation, options);
  return { ...result, solution: withDegeneracy(result.solution, () => degeneracyOf(problem, result.solution)) };
}

const sight: Sight<EntropyProgram, EntropyName> = {
  degeneracyOf,
  cost: "y",
  advice: "fewer equalities would leave x free",
};
