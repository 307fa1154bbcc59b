import { customOp, Tensor, tensor } from "@solvegrad/autograd";
import type { DType } from "@solvegrad/linalg";
import { implicit } from "../differentiate/implicit.ts";
import type { Cotangent, DifferentiationReport, DifferentiationRule } from "../differentiate/rule.ts";
import { OptimizationError, OptionError } from "../errors.ts";
import { type DatumName, datumNames, type QuadraticProgram } from "../problem/quadratic-program.ts";
import { type QuadraticProgramData, readQuadraticProgram } from "../problem/read-quadratic-program.ts";
import { interiorPoint } from "../solvers/interior-point.ts";
import { isUsable, type Solution, type Solver } from "../solvers/solver.ts";

export interface QuadraticLayerOptions {
  /** How to solve; `interiorPoint()` by default. */
  readonly solver?: Solver;
  /** How to differentiate; `implicit()` by default. */
  readonly differentiation?: DifferentiationRule;
  /** What an item without a usable solution does: "raise" (the default) throws, "mask" keeps the rest of the batch alive. */
  readonly onFailure?: "raise" | "mask";
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
  if (onFailure !== "raise" && onFailure !== "mask") throw new OptionError("onFailure", onFailure, '"raise" or "mask"');
  const { problem, dtype } = readQuadraticProgram(data);
  const solution = masked(problem, solver.solve(problem, { warmStart, signal }), onFailure);
  const inputs = differentiableData(data);
  const backward = (cotangents: readonly (Tensor | null)[]) => {
    const wanted = inputs.map(({ name }) => name);
    const { gradients, report } = differentiation.vjp(problem, solution, cotangentOf(problem, cotangents), { wanted });
    options.onBackward?.(report);
    return inputs.map(({ name, value }) => gradientTensor(gradients[name], value));
  };
  const widths = [problem.n, problem.p, problem.m];
  const outputs = [solution.x, solution.nu, solution.lambda].map((rows, k) => output(problem, rows, widths[k], dtype));
  const [x, nu, lambda] = customOp(
    "quadraticLayer",
    inputs.map(({ value }) => value),
    outputs.map(({ value }) => value),
    backward,
    { extraBytes: bytesHeld(problem, solution) },
  );
  return { x, nu, lambda, solution };
}

/** The solution with zeros in the items that failed, or an `OptimizationError` where these may not be masked. */
function masked(problem: QuadraticProgram, solution: Solution, onFailure: "raise" | "mask"): Solution {
  const failed = [...solution.status.keys()].filter((i) => !isUsable(solution.status[i]));
  if (failed.length === 0) return solution;
  if (onFailure === "raise") throw new OptimizationError(solution.solver, solution.status, failed);
  const { n, p, m } = problem;
  const zeroed = (values: Float64Array, width: number) => {
    const result = values.slice();
    for (const i of failed) result.fill(0, i * width, (i + 1) * width);
    return result;
  };
  return {
    ...solution,
    x: zeroed(solution.x, n),
    nu: zeroed(solution.nu, p),
    lambda: zeroed(solution.lambda, m),
    s: zeroed(solution.s, m),
  };
}

function differentiableData(data: QuadraticProgramData): { name: DatumName; value: Tensor }[] {
  return datumNames.flatMap((name) => {
    const value = data[name];
    return value instanceof Tensor && value.requiresGrad ? [{ name, value }] : [];
  });
}

function output({ batch, batched }: QuadraticProgram, rows: Float64Array, width: number, dtype: DType): Tensor {
  const values = dtype === "float32" ? Float32Array.from(rows) : rows.slice();
  return tensor(values, { shape: batched ? [batch, width] : [width] });
}

/** The cotangents in float64; an output that the loss does not use has none (x: zeros). */
function cotangentOf({ batch, n }: QuadraticProgram, [x, nu, lambda]: readonly (Tensor | null)[]): Cotangent {
  const values = (cotangent: Tensor | null) => (cotangent ? Float64Array.from(cotangent.data()) : undefined);
  return { x: values(x) ?? new Float64Array(batch * n), nu: values(nu), lambda: values(lambda) };
}

function gradientTensor(gradient: Float64Array | undefined, like: Tensor): Tensor {
  if (!gradient) throw new TypeError("the differentiation rule left out the gradient of a datum that was wanted");
  const values = like.dtype === "float32" ? Float32Array.from(gradient) : gradient;
  return tensor(values, { shape: [...like.shape] });
}

function bytesHeld(problem: QuadraticProgram, { x, nu, lambda, s }: Solution): number {
  const numbers = datumNames.reduce((sum, name) => sum + problem[name].values.length, 0);
  return 8 * (numbers + x.length + nu.length + lambda.length + s.length);
}
