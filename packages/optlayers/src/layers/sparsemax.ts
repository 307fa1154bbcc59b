import { concat, customOp, eye, minimum, ones, Tensor, tensor, zeros } from "@solvegrad/autograd";
import type { DType } from "@solvegrad/linalg";
import type { DifferentiationRule } from "../differentiate/rule.ts";
import {
  type SimplexDerivative,
  simplexDerivative,
  simplexPullBack,
  simplexPushForward,
} from "../differentiate/simplex-projection.ts";
import type { Datum } from "../problem/quadratic-program.ts";
import {
  readSparsemaxProblem,
  type SparsemaxData,
  type SparsemaxName,
  type SparsemaxProblem,
  sparsemaxNames,
} from "../problem/sparsemax-problem.ts";
import { simplexProjection } from "../solvers/simplex-projection.ts";
import type { Solution, Solver } from "../solvers/solver.ts";
import { quadraticLayer } from "./quadratic.ts";
import { checkOnFailure, type OnFailure, rowsTensor, usableSolution } from "./solution-on-tape.ts";

export interface SparsemaxLayerOptions {
  /** What an item without a solution does; "raise" by default. */
  readonly onFailure?: OnFailure;
  /** Solves it as a QP, by this solver; by default the problem's structure is used. For small n: it has n x n matrices. */
  readonly solver?: Solver;
  /** Differentiates it as a QP, by this rule; by default the problem's structure is used. */
  readonly differentiation?: DifferentiationRule;
}

export interface SparsemaxLayerResult {
  /** The projection: (n), or (B, n) when any datum is batched. */
  readonly x: Tensor;
  /** The dual of 1'x = total, the threshold tau: (1) or (B, 1). */
  readonly nu: Tensor;
  /** The duals of x >= 0, then of x <= u: (2n) or (B, 2n); (n) or (B, n) without u. */
  readonly lambda: Tensor;
  /** Statuses, residuals, certificates and the like, in float64. */
  readonly solution: Solution;
}

/**
 * The constrained sparsemax layer, a projection on a simplex with upper bounds (Martins and Astudillo 2016; Malaviya et
 * al. 2018; Alt-Diff appendix B.2):
 *
 *     x = argmin 1/2 |x - y|^2   subject to  1'x = total (nu),  0 <= x <= u (lambda)
 *
 * with total = 1 unless given, and no upper bounds unless u is; `boxProjectionLayer` takes rows of any signs and lower
 * bounds. Data that are Tensors take part in the gradient. Solved and differentiated exactly in expected O(n) an item; the
 * gradient may be differentiated again, to any order. Where entries reach a bound with no multiplier the gradient is
 * one-sided, and at a vertex the least-norm one (`SimplexDerivative`): it is always finite.
 *
 * An item without a solution (a negative u or total, sum u < total) raises an `OptimizationError`. With `onFailure: "mask"`
 * its results and its gradient are zero, and `solution.status` says why. Bad data are refused as by `sparsemaxProblem`.
 */
export function sparsemaxLayer(data: SparsemaxData, options: SparsemaxLayerOptions = {}): SparsemaxLayerResult {
  const { onFailure = "raise", solver, differentiation } = options;
  checkOnFailure(onFailure);
  const { problem, dtype } = readSparsemaxProblem(data);
  if (solver || differentiation) return asQuadraticLayer(data, problem, dtype, options);
  const rounding = dtype === "float32" ? 1e-6 : undefined;
  const solution = usableSolution(simplexProjection({ rounding }).solve(problem), onFailure);
  const derivative = simplexDerivative(problem, solution);
  const inputs = sparsemaxNames.map((name) => {
    const value: unknown = data[name];
    return value instanceof Tensor && value.requiresGrad ? value : null;
  });
  const values = [solution.x, solution.nu, solution.lambda].map((rows) => rowsTensor(rows, problem, dtype));
  const [x, nu, lambda] = linearStep(inputs, values, (cotangents) => gradient(derivative, dtype, cotangents));
  return { x, nu, lambda, solution };
}

type Slots = readonly (Tensor | null)[];

/** On the tape: `outputs`, which depend on the inputs that are there as a linear map whose transpose is `vjp`. */
function linearStep(inputs: Slots, outputs: readonly Tensor[], vjp: (cotangents: Slots) => readonly Tensor[]) {
  const present = inputs.flatMap((input, k) => (input ? [{ input, k }] : []));
  return customOp(
    "sparsemaxLayer",
    present.map(({ input }) => input),
    outputs.map(({ value }) => value),
    (cotangents) => {
      const gradients = vjp(cotangents);
      return present.map(({ k }) => gradients[k]);
    },
    { differentiable: true },
  );
}

/** The cotangents of y, u and total: linear in those of x, nu and lambda, with the derivative's own map as transpose. */
function gradient(derivative: SimplexDerivative, dtype: DType, cotangents: Slots): Tensor[] {
  const { problem } = derivative;
  const [x, nu, lambda] = cotangents.map(numbersOf);
  const rows = simplexPullBack(derivative, { x, nu, lambda });
  const outputs = sparsemaxNames.map((name) => datumTensor(problem, name, rows[name], dtype));
  return linearStep(cotangents, outputs, (tangents) => directional(derivative, dtype, tangents));
}

/** The tangents of x, nu and lambda: linear in those of y, u and total, with `gradient` as transpose. */
function directional(derivative: SimplexDerivative, dtype: DType, tangents: Slots): Tensor[] {
  const [y, u, total] = tangents.map(numbersOf);
  const rows = simplexPushForward(derivative, { y, u, total });
  const outputs = [rows.x, rows.nu, rows.lambda].map((values) => rowsTensor(values, derivative.problem, dtype));
  return linearStep(tangents, outputs, (cotangents) => gradient(derivative, dtype, cotangents));
}

function numbersOf(value: Tensor | null): Float64Array | undefined {
  return value ? Float64Array.from(value.data()) : undefined;
}

function datumTensor(problem: SparsemaxProblem, name: SparsemaxName, rows: Float64Array, dtype: DType): Tensor {
  const datum = problem[name];
  const shape = datum ? shapeOf(problem, datum) : [rows.length];
  return tensor(dtype === "float32" ? Float32Array.from(rows) : rows, { shape });
}

function shapeOf({ batch }: SparsemaxProblem, { shape, batched }: Datum): number[] {
  return batched ? [batch, ...shape] : [...shape];
}

/** Q = I, q = -y, A = 1', b = total, G = [-I; I], h = [0; u], in Tensor ops: the gradient passes through them to y, u, total. */
function asQuadraticLayer(
  data: SparsemaxData,
  problem: SparsemaxProblem,
  dtype: DType,
  options: SparsemaxLayerOptions,
): SparsemaxLayerResult {
  const { n, u } = problem;
  const asTensor = (name: SparsemaxName, datum: Datum) => {
    const value: unknown = data[name];
    if (value instanceof Tensor) return value;
    return tensor(datum.values, { shape: shapeOf(problem, datum) }).to(dtype);
  };
  const y = asTensor("y", problem.y);
  const total = asTensor("total", problem.total);
  const never = Math.max(...problem.total.values) + 1;
  const identity = eye(n, { dtype });
  const lower = (like: readonly number[]) => zeros(like, { dtype });
  const upper = u && minimum(asTensor("u", u), never);
  return quadraticLayer(
    {
      Q: identity,
      q: y.neg(),
      A: ones([1, n], { dtype }),
      b: total.reshape([...shapeOf(problem, problem.total), 1]),
      G: upper ? concat([identity.neg(), identity], 0) : identity.neg(),
      h: upper ? concat([lower(upper.shape), upper], upper.rank - 1) : lower([n]),
    },
    options,
  );
}
