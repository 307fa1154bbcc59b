import type { Tensor } from "@solvegrad/autograd";
import { checkMethod } from "../check-options.ts";
import { implicit } from "../differentiate/implicit.ts";
import type { Cotangent, DifferentiationReport, DifferentiationRule } from "../differentiate/rule.ts";
import { type DatumName, datumNames } from "../problem/quadratic-program.ts";
import { type QuadraticProgramData, readQuadraticProgram } from "../problem/read-quadratic-program.ts";
import { interiorPoint } from "../solvers/interior-point.ts";
import type { Solution, Solver } from "../solvers/solver.ts";
import {
  checkedSolution,
  checkOnFailure,
  differentiableData,
  type OnFailure,
  solutionOnTape,
  usableSolution,
} from "./solution-on-tape.ts";

export interface QuadraticLayerOptions {
  /** How to solve; `interiorPoint()` by default. */
  readonly solver?: Solver;
  /** How to differentiate; `implicit()` by default. */
  readonly differentiation?: DifferentiationRule;
  /** What an item without a usable solution does: "raise" (the default) throws, "mask" keeps the rest of the batch alive. */
  readonly onFailure?: OnFailure;
  /** An earlier solution (the `solution` of a former call with the same shapes) to start from. */
  readonly warmStart?: Solution;
  /** Stops the solve between two iterations; unfinished items then count as failed. */
  readonly signal?: AbortSignal;
  /** Receives the rule's report after every backward pass. */
  readonly onBackward?: (report: DifferentiationReport) => void;
}

export interface QuadraticLayerResult {
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
 * The optimization layer
 *
 *     x = argmin 1/2 x'Qx + q'x   subject to  Ax = b (nu),  Gx <= h (lambda)
 *
 * (OptNet, Amos and Kolter 2017; Alt-Diff, Sun et al. 2023). Data that are Tensors take part in the gradient, any other
 * kind (nested numbers, ndarrays) is constant. The tensors' dtype is that of the results; the work is done in float64.
 * The gradient of a datum that the batch shares is the sum over the batch, that of Q is symmetric.
 *
 * An item that fails raises an `OptimizationError`. With `onFailure: "mask"` its x, nu and lambda are zeros, its
 * gradient is zero, and `solution.status` says why. Bad data are refused as by `quadraticProgram`. The gradient cannot
 * be differentiated again: `createGraph: true` throws a NotDifferentiableTwiceError.
 */
export function quadraticLayer(data: QuadraticProgramData, options: QuadraticLayerOptions = {}): QuadraticLayerResult {
  const { solver = interiorPoint(), differentiation = implicit(), onFailure = "raise", warmStart, signal } = options;
  checkOnFailure(onFailure);
  checkMethod("solver", solver, "solve", "a solver such as interiorPoint()");
  checkMethod("differentiation", differentiation, "vjp", "a rule such as implicit()");
  const { problem, dtype } = readQuadraticProgram(data);
  const solution = usableSolution(checkedSolution(solver.solve(problem, { warmStart, signal }), problem), onFailure);
  const vjp = (cotangent: Cotangent, wanted: readonly DatumName[]) => {
    const { gradients, report } = differentiation.vjp(problem, solution, cotangent, { wanted });
    options.onBackward?.(report);
    return gradients;
  };
  const inputs = differentiableData(datumNames, data);
  const numbers = datumNames.reduce((sum, name) => sum + problem[name].values.length, 0);
  return solutionOnTape({ name: "quadraticLayer", problem, dtype, solution, inputs, vjp, numbers });
}
