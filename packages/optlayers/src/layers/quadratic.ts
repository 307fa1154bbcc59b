import type { Tensor } from "@solvegrad/autograd";
import { checkMethod } from "../check-options.ts";
import { implicit } from "../differentiate/implicit.ts";
import type { DifferentiationRule } from "../differentiate/rule.ts";
import { datumNames } from "../problem/quadratic-program.ts";
import { type QuadraticProgramData, readQuadraticProgram } from "../problem/read-quadratic-program.ts";
import { interiorPoint } from "../solvers/interior-point.ts";
import type { Solution, Solver } from "../solvers/solver.ts";
import { quadraticKkt } from "./on-tape/kkt-tables.ts";
import { checkOnFailure, type LayerOptions, solveOnTape } from "./solution-on-tape.ts";

export interface QuadraticLayerOptions extends LayerOptions {
  /** How to solve; `interiorPoint()` by default. */
  readonly solver?: Solver;
  /** How to differentiate; `implicit()` by default. */
  readonly differentiation?: DifferentiationRule;
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
 * gradient is zero, and `solution.status` says why. Bad data are refused as by `quadraticProgram`.
 *
 * With `createGraph: true` the gradient may be differentiated again, to any order and by any rule, on the active set as it is
 * (`recordedCotangents`). A rule is asked for the solution of KKT systems alone then: the second derivatives that `unrolled()`
 * gives are those of the operator that its iterations converge to, not of the finite iteration.
 */
export function quadraticLayer(data: QuadraticProgramData, options: QuadraticLayerOptions = {}): QuadraticLayerResult {
  const { solver = interiorPoint(), differentiation = implicit() } = options;
  checkOnFailure(options.onFailure);
  checkMethod("solver", solver, "solve", "a solver such as interiorPoint()");
  checkMethod("differentiation", differentiation, "vjp", "a rule such as implicit()");
  const { problem, dtype } = readQuadraticProgram(data);
  return solveOnTape(
    { name: "quadraticLayer", names: datumNames, data, problem, dtype, kkt: quadraticKkt },
    solver,
    differentiation,
    options,
  );
}
