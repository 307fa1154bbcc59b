import type { Tensor } from "@solvegrad/autograd";
import { checkMethod } from "../check-options.ts";
import { convexImplicit } from "../differentiate/convex-through-model.ts";
import type { DifferentiationRule } from "../differentiate/rule.ts";
import { degeneracyOf, type SeenSolution, withDegeneracy } from "../kkt/degeneracy.ts";
import {
  type ConvexName,
  type ConvexProgram,
  type ConvexProgramData,
  convexNames,
  readConvexProgram,
} from "../problem/convex-program.ts";
import { assessConvex } from "../solvers/convex/model.ts";
import { modelAt } from "../solvers/convex/state.ts";
import { convexInteriorPoint } from "../solvers/convex-interior-point.ts";
import { withSecondOpinion } from "../solvers/second-opinion.ts";
import type { Solution, Solver } from "../solvers/solver.ts";
import { convexKkt } from "./on-tape/convex-kkt.ts";
import { checkOnFailure, type LayerOptions, type Sight, solveOnTape } from "./solution-on-tape.ts";

export interface ConvexLayerOptions extends LayerOptions {
  /** How to solve; `convexInteriorPoint()` by default. */
  readonly solver?: Solver<ConvexProgram>;
  /** How to differentiate; `convexImplicit()` by default. */
  readonly differentiation?: DifferentiationRule<ConvexProgram, ConvexName>;
}

export interface ConvexLayerResult {
  /** The minimizer: shape (n), or (B, n) for a batch. */
  readonly x: Tensor;
  /** The dual of Ax = b: (p) or (B, p). */
  readonly nu: Tensor;
  /** The dual of Gx <= h: (m) or (B, m). */
  readonly lambda: Tensor;
  /** Statuses, residuals, certificates, degeneracy and the like, in float64. */
  readonly solution: SeenSolution;
}

/**
 * The layer of any convex program
 *
 *     x = argmin f(x; theta)   subject to  Ax = b (nu),  Gx <= h (lambda)
 *
 * whose objective is stated in Tensor ops and twice differentiable (Alt-Diff, Sun et al. 2023, section 4). A theta or a datum
 * that is a Tensor takes part in the gradient; what the objective knows otherwise is constant. The objective is evaluated in
 * float64 with the theta's in float64, whatever they come in; the tensors' dtype is that of the results and gradients.
 * With a batch, x is (B, n) for the objective, and its result (B).
 *
 * An item that fails raises an `OptimizationError`. With `onFailure: "mask"` its x, nu and lambda are zeros, its gradient is
 * zero, and `solution.status` says why. `solution.degeneracy` says where the derivative is one-sided, not unique, or zero. Bad data are refused as by `convexProgram`. With `createGraph: true` the gradient may be
 * differentiated again, to any order, on the active set as it is.
 */
export function convexLayer(data: ConvexProgramData, options: ConvexLayerOptions = {}): ConvexLayerResult {
  const { solver = convexInteriorPoint(), differentiation = convexImplicit() } = options;
  checkOnFailure(options.onFailure);
  checkMethod("solver", solver, "solve", "a solver such as convexInteriorPoint()");
  checkMethod("differentiation", differentiation, "vjp", "a rule such as convexImplicit()");
  const { problem, dtype } = readConvexProgram(data);
  const { A, b, G, h, theta = [] } = data;
  const named = { ...Object.fromEntries(theta.map((value, k) => [`theta${k}`, value])), A, b, G, h };
  const kkt = convexKkt(problem);
  const stated = { name: "convexLayer", names: convexNames(problem), data: named, problem, dtype, kkt, sight };
  const believed = withSecondOpinion(solver, (program, point) => assessConvex(program, point));
  const result = solveOnTape(stated, believed, differentiation, options);
  return { ...result, solution: withDegeneracy(result.solution, () => degeneracyAt(problem, result.solution)) };
}

/** That of the quadratic model at the solution. */
function degeneracyAt(program: ConvexProgram, solution: Solution) {
  return degeneracyOf(modelAt(program, solution).model, solution);
}

const sight: Sight<ConvexProgram, ConvexName> = {
  degeneracyOf: degeneracyAt,
  cost: "theta0",
  advice: "so are those of the other parameters of the objective",
};
