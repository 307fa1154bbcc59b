import type { Tensor } from "@solvegrad/autograd";
import type { DType } from "@solvegrad/linalg";
import { checkMethod } from "../check-options.ts";
import { implicit } from "../differentiate/implicit.ts";
import type { DifferentiationRule } from "../differentiate/rule.ts";
import { OptionError } from "../errors.ts";
import { degeneracyOf, type SeenSolution, withDegeneracy } from "../kkt/degeneracy.ts";
import { type DatumName, datumNames, type QuadraticProgram } from "../problem/quadratic-program.ts";
import { type QuadraticProgramData, readQuadraticProgram } from "../problem/read-quadratic-program.ts";
import { isSparseMatrix, type SparseQuadraticBatchData } from "../problem/sparse-quadratic-data.ts";
import { interiorPoint } from "../solvers/interior-point.ts";
import { assess } from "../solvers/residuals.ts";
import { withSecondOpinion } from "../solvers/second-opinion.ts";
import type { Solver } from "../solvers/solver.ts";
import { type ConstraintShift, withClosest } from "./closest.ts";
import { quadraticKkt } from "./on-tape/kkt-tables.ts";
import { checkLinear, checkSmoothing, entropicallySmoothed, type Smoothing, withCurvature } from "./smoothing.ts";
import { checkOnFailure, type LayerOptions, type OnFailure, type Sight, solveOnTape } from "./solution-on-tape.ts";
import {
  type SparseQuadraticLayerOptions,
  type SparseQuadraticLayerResult,
  sparseQuadraticLayer,
} from "./sparse-quadratic.ts";

export interface QuadraticLayerOptions extends Omit<LayerOptions, "onFailure"> {
  /** How to solve; `interiorPoint()` by default. */
  readonly solver?: Solver;
  /** How to differentiate; `implicit()` by default. */
  readonly differentiation?: DifferentiationRule;
  /**
   * What an item without a usable solution does: "raise" (the default) throws, "mask" gives zeros, and "closest" solves, in the place of an
   * infeasible one, the feasible problem that is reached by the smallest shift of its constraints.
   */
  readonly onFailure?: OnFailure | "closest";
  /** A term that makes x a smooth function of q, for linear programs above all. */
  readonly smoothing?: Smoothing;
}

export interface QuadraticLayerResult {
  /** The minimizer: shape (n), or (B, n) when any datum is batched. */
  readonly x: Tensor;
  /** The dual of Ax = b: (p) or (B, p). */
  readonly nu: Tensor;
  /** The dual of Gx <= h: (m) or (B, m). */
  readonly lambda: Tensor;
  /** With `onFailure: "closest"`, how far b and h had to move; zeros where the item is feasible. */
  readonly shift?: ConstraintShift;
  /** Statuses, residuals, certificates, degeneracy and the like, in float64. */
  readonly solution: SeenSolution;
}

/**
 * The optimization layer for data with bounds, l <= Gx <= u or lower <= x <= upper, or with matrices in compressed columns:
 * see `sparseQuadraticLayer`. Bounds stay what they are, and are never written as dense rows.
 */
export function quadraticLayer(
  data: SparseQuadraticBatchData,
  options?: SparseQuadraticLayerOptions,
): SparseQuadraticLayerResult;
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
 * gradient is zero, and `solution.status` says why. With `onFailure: "closest"` an infeasible item is solved with its constraints
 * shifted by as little as makes them feasible, the `shift`, whose dependence on the data is part of the gradient (`withClosest`,
 * which is always solved by the interior point and differentiated implicitly); its status remains `primal_infeasible`. The gradient
 * in A and G exists there where the rows that contradict each other leave x no freedom, that in Q, q, b and h always. Bad data are
 * refused as by `quadraticProgram`.
 *
 * With `createGraph: true` the gradient may be differentiated again, to any order and by any rule, on the active set as it is
 * (`recordedCotangents`). A rule is asked for the solution of KKT systems alone then: the second derivatives that `unrolled()`
 * gives are those of the operator that its iterations converge to, not of the finite iteration.
 *
 * Where the constraints alone determine x, as at every vertex of a linear program, the gradient of q is zero almost
 * everywhere: `solution.degeneracy` and the report's notes say so, and `smoothing` gives x a slope.
 */
export function quadraticLayer(data: QuadraticProgramData, options?: QuadraticLayerOptions): QuadraticLayerResult;
export function quadraticLayer(
  data: QuadraticProgramData | SparseQuadraticBatchData,
  options: QuadraticLayerOptions | SparseQuadraticLayerOptions = {},
): QuadraticLayerResult | SparseQuadraticLayerResult {
  if (isBoundedOrSparse(data)) return sparseQuadraticLayer(data, options as SparseQuadraticLayerOptions);
  return denseLayer(data as QuadraticProgramData, options as QuadraticLayerOptions);
}

function isBoundedOrSparse(data: QuadraticProgramData | SparseQuadraticBatchData): data is SparseQuadraticBatchData {
  // what is no object is refused where data are read
  const given: Partial<SparseQuadraticBatchData> = data ?? {};
  const bounds = [given.l, given.u, given.lower, given.upper];
  return bounds.some((bound) => bound !== undefined) || [given.Q, given.A, given.G].some(isSparseMatrix);
}

function denseLayer(data: QuadraticProgramData, options: QuadraticLayerOptions): QuadraticLayerResult {
  const { solver = interiorPoint(), differentiation = implicit(), onFailure, smoothing } = options;
  checkOnFailure(onFailure, ["raise", "mask", "closest"]);
  checkMethod("solver", solver, "solve", "a solver such as interiorPoint()");
  checkMethod("differentiation", differentiation, "vjp", "a rule such as implicit()");
  if (smoothing) checkSmoothing(smoothing);
  const { problem: asGiven, dtype } = readQuadraticProgram(data);
  if (smoothing?.kind === "entropic") return entropic(data, asGiven, dtype, smoothing.weight, options);
  const problem = smoothing ? withCurvature(asGiven, smoothing.weight) : asGiven;
  const stated = { name: "quadraticLayer", names: datumNames, data, problem, dtype, kkt: quadraticKkt, sight };
  const closest = onFailure === "closest";
  const believed = withSecondOpinion(solver, assess);
  const result = solveOnTape(stated, believed, differentiation, {
    ...options,
    onFailure: closest ? "mask" : onFailure,
  });
  const found = closest ? withClosest(stated, result, options) : result;
  return { ...found, solution: withDegeneracy(found.solution, () => degeneracyOf(problem, found.solution)) };
}

const sight: Sight<QuadraticProgram, DatumName> = {
  degeneracyOf,
  cost: "q",
  advice: "the layer's option smoothing gives x a slope",
};

function entropic(
  data: QuadraticProgramData,
  problem: QuadraticProgram,
  dtype: DType,
  weight: number,
  { solver, differentiation, onFailure, ...options }: QuadraticLayerOptions,
): QuadraticLayerResult {
  if (onFailure === "closest") {
    throw new OptionError("onFailure", onFailure, '"raise" or "mask" with entropic smoothing');
  }
  checkLinear(problem, { solver, differentiation });
  return entropicallySmoothed({ problem, data, dtype }, weight, { ...options, onFailure });
}
