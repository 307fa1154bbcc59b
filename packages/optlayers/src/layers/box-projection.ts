import { concat, customOp, gate, isGradEnabled, putFlat, type Tensor, tensor, vjp } from "@solvegrad/autograd";
import type { DType } from "@solvegrad/linalg";
import { checkMethod } from "../check-options.ts";
import { boxProjectionImplicit } from "../differentiate/box-projection.ts";
import type { DifferentiationReport } from "../differentiate/rule.ts";
import { rowGram } from "../kkt/row-gram.ts";
import {
  type BoxProjection,
  type BoxProjectionData,
  type BoxProjectionName,
  boxProjectionNames,
  equationsOf,
  numbersOf,
  readBoxProjection,
} from "../problem/box-projection.ts";
import { assessBoxProjection } from "../solvers/box-projection/residuals.ts";
import { withSecondOpinion } from "../solvers/second-opinion.ts";
import { semismoothNewton } from "../solvers/semismooth-newton.ts";
import { isUsable, type Solution, type Solver } from "../solvers/solver.ts";
import { type DifferentiableDatum, differentiableData } from "./on-tape/data-on-tape.ts";
import {
  checkedSolution,
  checkOnFailure,
  gradientTensor,
  type LayerOptions,
  rowsTensor,
  usableSolution,
} from "./solution-on-tape.ts";
import { symmetricSolve } from "./symmetric-solve.ts";

export interface BoxProjectionLayerOptions extends LayerOptions {
  /** How to solve; `semismoothNewton()` by default. */
  readonly solver?: Solver<BoxProjection>;
}

export interface BoxProjectionLayerResult {
  /** The projection: (n), or (B, n) when any datum is batched. */
  readonly x: Tensor;
  /** The dual of Ax = b: (p) or (B, p). */
  readonly nu: Tensor;
  /** The dual of the bounds, positive at the upper and negative at the lower one: (n) or (B, n). */
  readonly zeta: Tensor;
  /** Statuses, residuals, certificates and the like, in float64. */
  readonly solution: Solution;
}

/**
 * Constrained sparsemax in its general form, the projection on a box cut by a few equations of any signs, dense or sparse:
 *
 *     x = argmin 1/2 |x - y|^2   subject to  Ax = b (nu),  lower <= x <= upper (zeta)
 *
 * Data that are Tensors take part in the gradient; of an A in compressed columns it is that of its entries. Solved by
 * `semismoothNewton`, with one equation in expected O(n), and differentiated by the structure (`boxProjectionImplicit`);
 * the gradient may be differentiated again, to any order, which takes A as a dense p x n matrix. Where entries reach a
 * bound with no multiplier the gradient is one-sided, and where equations depend on each other on the free entries (a
 * vertex) the least-norm one: it is always finite.
 *
 * An item without a solution raises an `OptimizationError`. With `onFailure: "mask"` its results and its gradient are zero,
 * and `solution.status` says why. Bad data are refused as by `boxProjection`. For sums of x and lower bounds of 0 alone
 * `sparsemaxLayer` is faster.
 */
export function boxProjectionLayer(
  data: BoxProjectionData,
  options: BoxProjectionLayerOptions = {},
): BoxProjectionLayerResult {
  const { onFailure = "raise", onBackward, warmStart, signal, timeLimit, onIteration } = options;
  checkOnFailure(onFailure);
  const { problem, dtype } = readBoxProjection(data);
  if (options.solver) checkMethod("solver", options.solver, "solve", "a solver such as semismoothNewton()");
  const solver = options.solver
    ? withSecondOpinion(options.solver, assessBoxProjection)
    : semismoothNewton(dtype === "float32" ? { rounding: 1e-6 } : {});
  const solved = solver.solve(problem, { warmStart, signal, timeLimit, onIteration });
  const solution = usableSolution(checkedSolution(solved, problem), onFailure);
  const inputs = differentiableData(boxProjectionNames, numbersOf(data));
  const [x, nu, zeta] = solutionOnTape(problem, solution, inputs, dtype, onBackward);
  return { x, nu, zeta, solution };
}

/** x, nu and zeta as the outputs of one step: its vjp is the rule's, or where that is recorded itself, that of the formula. */
function solutionOnTape(
  problem: BoxProjection,
  solution: Solution,
  inputs: readonly DifferentiableDatum<BoxProjectionName>[],
  dtype: DType,
  onBackward?: (report: DifferentiationReport) => void,
): Tensor[] {
  const { x, nu, zeta = new Float64Array(x.length) } = solution;
  const rows = [x, nu, zeta].map((values) => rowsTensor(values, problem, dtype));
  const wanted = inputs.map(({ name }) => name);
  return customOp(
    "boxProjectionLayer",
    inputs.map(({ value }) => value),
    rows.map(({ value }) => value),
    (cotangents) => {
      if (isGradEnabled()) {
        const all = cotangents.map((cotangent, k) => cotangent ?? rows[k].mul(0));
        return formulaPullback(problem, solution, inputs, concat(all, all[0].rank - 1));
      }
      const [cx, cnu, czeta] = cotangents.map((own) => (own ? new Float64Array(own.data()) : undefined));
      const cotangent = { x: cx ?? new Float64Array(x.length), nu: cnu, zeta: czeta };
      const { gradients, report } = boxProjectionImplicit().vjp(problem, solution, cotangent, { wanted });
      onBackward?.(report);
      return inputs.map(({ name, value }) => gradientTensor(name, gradients[name], value));
    },
    { differentiable: true },
  );
}

function formulaPullback(
  problem: BoxProjection,
  solution: Solution,
  inputs: readonly DifferentiableDatum<BoxProjectionName>[],
  cotangent: Tensor,
): Tensor[] {
  const formula = (...values: Tensor[]) => {
    const given = Object.fromEntries(inputs.map(({ name }, k) => [name, values[k]]));
    return solutionFormula(problem, solution, given, cotangent.dtype);
  };
  const { pullback } = vjp(formula, ...inputs.map(({ value }) => value));
  return pullback(cotangent, { createGraph: true });
}

/** x, nu and zeta side by side, in Tensor ops at the structure of the solution: equal to the solution map near the data. */
function solutionFormula(
  problem: BoxProjection,
  solution: Solution,
  given: Partial<Record<BoxProjectionName, Tensor>>,
  dtype: DType,
): Tensor {
  const { batch, n, p } = problem;
  const side = solution.zeta ?? new Float64Array(batch * n);
  const usable = (j: number) => (isUsable(solution.status[Math.floor(j / n)]) ? 1 : 0);
  const mask = (test: (value: number) => boolean) => {
    const values = Float64Array.from(side, (value, j) => (test(value) ? usable(j) : 0));
    return tensor(values, { dtype, shape: [batch, n, 1] });
  };
  const free = mask((value) => value === 0);
  const bound = mask((value) => value !== 0);
  const column = (name: BoxProjectionName) => columnOf(problem, name, given[name], dtype);
  const [y, b] = [column("y"), column("b")];
  const beta = gate(
    column("lower"),
    mask((value) => value < 0),
  ).add(
    gate(
      column("upper"),
      mask((value) => value > 0),
    ),
  );
  const result = (x: Tensor, nu: Tensor | null, force: Tensor | null) => {
    const zeta = (force ? y.sub(x).sub(force) : y.sub(x)).mul(bound);
    const rows = concat(nu ? [x, nu, zeta] : [x, zeta], 1);
    return rows.reshape(problem.batched ? [batch, 2 * n + p] : [2 * n + p]);
  };
  if (p === 0) return result(y.mul(free).add(beta), null, null);
  const A = matrixOf(problem, given.A, dtype);
  const At = A.swapLastTwo();
  const AF = A.mul(free.swapLastTwo());
  const grams = equationsOf(problem).map((matrix, i) =>
    rowGram(matrix, (j) => usable(i * n) === 1 && side[i * n + j] === 0),
  );
  const right = AF.matmul(y).add(A.matmul(beta)).sub(b);
  const nu = symmetricSolve(AF.matmul(AF.swapLastTwo()), right, (i, r) => grams[i].solve(r));
  const force = At.matmul(nu);
  return result(y.sub(force).mul(free).add(beta), nu, force);
}

/** A vector datum as columns: (B, n, 1), or (n, 1) where it is shared. */
function columnOf(problem: BoxProjection, name: BoxProjectionName, given: Tensor | undefined, dtype: DType): Tensor {
  const datum = problem[name];
  const value = given ?? tensor(datum.values, { dtype });
  const [width] = datum.shape;
  return value.reshape(datum.batched ? [problem.batch, width, 1] : [width, 1]);
}

/** A as a dense matrix: (B, p, n), or (1, p, n) where it is shared. */
function matrixOf({ A, layout, n, p, batch }: BoxProjection, given: Tensor | undefined, dtype: DType): Tensor {
  const value = given ?? tensor(A.values, { dtype });
  const items = A.batched ? batch : 1;
  return putFlat(value.reshape([value.size]), {
    indices: denseIndices({ A, layout }, n, p, items),
    whole: [items, p, n],
    part: [value.size],
  });
}

/** The place of each of the caller's numbers in the dense matrices. */
function denseIndices({ A, layout }: Pick<BoxProjection, "A" | "layout">, n: number, p: number, items: number) {
  const { pattern, source } = layout;
  const count = A.values.length / items;
  const indices = new Int32Array(A.values.length);
  for (let j = 0; j < n; j++) {
    for (let k = pattern.indptr[j]; k < pattern.indptr[j + 1]; k++) {
      for (let i = 0; i < items; i++) indices[i * count + source[k]] = (i * p + pattern.indices[k]) * n + j;
    }
  }
  return indices;
}
