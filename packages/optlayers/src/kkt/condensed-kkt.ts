import { activeKernels, transposed, view } from "@solvegrad/linalg";
import { applyDatum, applyTransposedDatum, matrixView, offsetOf } from "../problem/products.ts";
import { itemOf, type QuadraticProgram } from "../problem/quadratic-program.ts";
import type { KktMethod, KktVector } from "./kkt-method.ts";

/** The penalty on a row that must hold as an equality: this many times (largest entry of Q) / (largest squared row). */
const penalty = 1e7;
/** The multiple of (largest entry of Q) that is added to H's diagonal, and what it becomes where H is still singular. */
const regularizations = [1e-9, 1e-7, 1e-5, 1e-3] as const;

/**
 * The KKT system condensed to x, for Q that may be singular and for many rows:
 *
 *     H = Q + epsilon I + omega A'A + G'WG,   W = (D + 1/omega)^-1,
 *     x = H^-1 (r1 + omega A'r2 + G'W r3),   nu = omega (A x - r2),   lambda = W (G x - r3).
 *
 * The penalty omega in the place of infinity (and epsilon) makes H positive definite whatever Q and A are; it is the
 * proximal method of multipliers, whose outer iteration is the refinement against the true system.
 */
export class CondensedKkt implements KktMethod {
  readonly name = "condensed";
  private readonly problem: QuadraticProgram;
  /** Of each item: largest |Q_ij| (1 when Q = 0), and the penalty omega. */
  private readonly scale: Float64Array;
  private readonly omega: Float64Array;
  private items: Int32Array = new Int32Array(0);
  private H: Float64Array = new Float64Array(0);
  private W: Float64Array = new Float64Array(0);

  constructor(problem: QuadraticProgram) {
    this.problem = problem;
    this.scale = new Float64Array(problem.batch);
    this.omega = new Float64Array(problem.batch);
    for (let i = 0; i < problem.batch; i++) {
      this.scale[i] = largest(itemOf(problem.Q, i)) || 1;
      const row = Math.max(largestRow(itemOf(problem.A, i), problem.n), largestRow(itemOf(problem.G, i), problem.n));
      this.omega[i] = (penalty * this.scale[i]) / (row || 1);
    }
  }

  get bytes(): number {
    return 8 * (this.H.length + this.W.length + this.scale.length + this.omega.length);
  }

  factor(items: Int32Array, D: Float64Array): Uint8Array {
    const { n, m } = this.problem;
    this.items = items;
    if (this.H.length < items.length * n * n) this.H = new Float64Array(items.length * n * n);
    this.W = new Float64Array(items.length * m);
    for (let k = 0; k < items.length; k++) {
      for (let i = k * m; i < (k + 1) * m; i++) this.W[i] = 1 / (D[i] + 1 / this.omega[items[k]]);
      this.assemble(k, regularizations[0]);
    }
    const failures = activeKernels().potrfBatched(view(this.H, [items.length, n, n]));
    return Uint8Array.from(failures, (failure, k) => (failure === 0 ? 0 : this.retry(k)));
  }

  private assemble(k: number, epsilon: number): void {
    const { n, p, m, Q, A, G } = this.problem;
    const item = this.items[k];
    this.H.set(itemOf(Q, item), k * n * n);
    for (let j = 0; j < n; j++) this.H[k * n * n + j * (n + 1)] += epsilon * this.scale[item];
    const H = view(this.H, [n, n], k * n * n);
    if (p > 0) activeKernels().syrk(this.omega[item], matrixView(A, item, true), 1, H);
    if (m === 0) return;
    const weighted = new Float64Array(m * n);
    const start = offsetOf(G, item);
    for (let i = 0; i < m; i++) {
      const root = Math.sqrt(this.W[k * m + i]);
      for (let j = 0; j < n; j++) weighted[i * n + j] = root * G.values[start + i * n + j];
    }
    activeKernels().syrk(1, transposed(view(weighted, [m, n])), 1, H);
  }

  private retry(k: number): 0 | 1 {
    const { n } = this.problem;
    for (const epsilon of regularizations.slice(1)) {
      this.assemble(k, epsilon);
      if (activeKernels().potrf(view(this.H, [n, n], k * n * n)) === 0) return 0;
    }
    return 1;
  }

  solve(rhs: KktVector): void {
    const { n, p, m, A, G } = this.problem;
    const { items } = this;
    const slots = items.length;
    const { x, nu, lambda } = rhs;
    for (let i = 0; i < nu.length; i++) nu[i] *= this.omega[items[Math.floor(i / p)]];
    for (let i = 0; i < lambda.length; i++) lambda[i] *= this.W[i];
    if (p > 0) applyTransposedDatum(1, A, nu, 1, x, items);
    if (m > 0) applyTransposedDatum(1, G, lambda, 1, x, items);
    activeKernels().potrsBatched(view(this.H, [slots, n, n]), view(x, [slots, n, 1]));
    const Ax = new Float64Array(nu.length);
    const Gx = new Float64Array(lambda.length);
    applyDatum(1, A, x, 0, Ax, items);
    applyDatum(1, G, x, 0, Gx, items);
    for (let i = 0; i < nu.length; i++) nu[i] = this.omega[items[Math.floor(i / p)]] * Ax[i] - nu[i];
    for (let i = 0; i < lambda.length; i++) lambda[i] = this.W[i] * Gx[i] - lambda[i];
  }
}

function largest(values: Float64Array): number {
  let result = 0;
  for (const value of values) result = Math.max(result, Math.abs(value));
  return result;
}

/** The largest squared norm of the rows of a matrix with n columns. */
function largestRow(values: Float64Array, n: number): number {
  let result = 0;
  for (let start = 0; start < values.length; start += n) {
    let square = 0;
    for (let j = start; j < start + n; j++) square += values[j] * values[j];
    result = Math.max(result, square);
  }
  return result;
}
