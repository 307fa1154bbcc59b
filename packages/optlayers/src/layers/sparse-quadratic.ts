import type { Tensor } from "@solvegrad/autograd";
import { checkMethod } from "../check-options.ts";
import type { SparseRule } from "../differentiate/sparse/over-batch.ts";
import { sparseImplicit } from "../differentiate/sparse-rules.ts";
import { type SeenSolution, withDegeneracy } from "../kkt/degeneracy.ts";
import { degeneracyOfSparse } from "../kkt/sparse-degeneracy.ts";
import { readSparseQuadraticBatch } from "../problem/read-sparse-quadratic-batch.ts";
import {
  type SparseDatumName,
  type SparseQuadraticBatch,
  sparseDatumNames,
} from "../problem/sparse-quadratic-batch.ts";
import type { SparseQuadraticBatchData } from "../problem/sparse-quadratic-data.ts";
import { type SparseBatchSolution, sparseBatchSolver } from "../solvers/sparse-batch.ts";
import { type SparseSolver, sparseInteriorPoint } from "../solvers/sparse-interior-point.ts";
import { sparseKkt } from "./on-tape/sparse-kkt.ts";
import type { Smoothing } from "./smoothing.ts";
import { checkOnFailure, type LayerOptions, type Sight, solveOnTape } from "./solution-on-tape.ts";
import { smoothedSparse } from "./sparse-smoothing.ts";

export interface SparseQuadraticLayerOptions extends LayerOptions {
  /** How to solve each item; `sparseInteriorPoint()` by default, `sparseAdmm()` is the other one. */
  readonly solver?: SparseSolver;
  /** How to differentiate; `sparseImplicit()` by default, `sparseAlternating()` and `sparseUnrolled()` are the others. */
  readonly differentiation?: SparseRule;
  /** The quadratic term that makes x a smooth function of q, for linear programs above all. */
  readonly smoothing?: Smoothing;
}

export interface SparseQuadraticLayerResult {
  /** The minimizer: shape (n), or (B, n) when any datum is batched. */
  readonly x: Tensor;
  /** The dual of Ax = b: (p) or (B, p). */
  readonly nu: Tensor;
  /** The dual of l <= Gx <= u, positive at the upper and negative at the lower bound: (m) or (B, m). */
  readonly lambda: Tensor;
  /** The dual of lower <= x <= upper, positive at the upper and negative at the lower bound: (n) or (B, n). */
  readonly zeta: Tensor;
  /** Statuses, residuals, certificates, degeneracy and the like, in float64. */
  readonly solution: SeenSolution<SparseBatchSolution>;
}

/**
 * The optimization layer
 *
 *     x = argmin 1/2 x'Qx + q'x   subject to  Ax = b (nu),  l <= Gx <= u (lambda),  lower <= x <= upper (zeta)
 *
 * with sparse matrices, `{ shape, indptr, indices, data }` in compressed columns whose `data` may be a Tensor: its gradient
 * arrives on the pattern alone. Matrices may be dense too; `h` is another name of u. Q may be singular, and left out for a
 * linear program; rows may be redundant; bounds may be infinite, and have then no gradient. The duals are signed:
 * Qx + q + A'nu + G'lambda + zeta = 0.
 *
 * Any vector and the entries of any matrix may have a leading batch dimension; the pattern is shared, and so is its analysis. The
 * gradient of a datum that the batch shares is the sum over the batch; that of Q is symmetric. Where l = u, or lower =
 * upper, each gets half of the gradient.
 *
 * With `createGraph: true` the gradient may be differentiated again, to any order and by any rule, on the active set as it is.
 *
 * An item that fails raises an `OptimizationError`; with `onFailure: "mask"` its results and its gradient are zero, and
 * `solution.status` says why. Bad data are refused as by `sparseQuadraticBatch`.
 */
export function sparseQuadraticLayer(
  data: SparseQuadraticBatchData,
  options: SparseQuadraticLayerOptions = {},
): SparseQuadraticLayerResult {
  const { solver = sparseInteriorPoint(), differentiation = sparseImplicit(), smoothing } = options;
  checkOnFailure(options.onFailure);
  checkMethod("solver", solver, "solve", "a solver such as sparseInteriorPoint()");
  checkMethod("differentiation", differentiation, "vjp", "a rule such as sparseImplicit()");
  const asGiven = readSparseQuadraticBatch(data);
  const { problem, dtype, numbers } = smoothing
    ? readSparseQuadraticBatch(smoothedSparse(data, asGiven.problem.n, smoothing))
    : asGiven;
  const stated = { name: "sparseQuadraticLayer", names: sparseDatumNames, data: numbers, problem, dtype };
  const seen = problem.n <= largestSeen ? { sight } : {};
  const result = solveOnTape(
    { ...stated, ...seen, kkt: sparseKkt(problem) },
    sparseBatchSolver(solver),
    differentiation,
    options,
  );
  return { ...result, solution: withDegeneracy({ ...result.solution }, (own) => degeneracyOfSparse(problem, own)) };
}

/** Up to this many variables a report tells of vertices; it takes a factorization of the active rows. */
const largestSeen = 300;

const sight: Sight<SparseQuadraticBatch, SparseDatumName> = {
  degeneracyOf: degeneracyOfSparse,
  cost: "q",
  advice: "the layer's option smoothing gives x a slope",
};
