import { activeKernels, transposed, view } from "@solvegrad/linalg";
import { diagonalRatio, maxAbs } from "../arrays.ts";
import { applyDatum, applyTransposedDatum } from "../problem/products.ts";
import { itemOf, measured, type QuadraticProgram } from "../problem/quadratic-program.ts";
import type { KktMethod, KktVector } from "./kkt-method.ts";

/** The penalty on a row that must hold as an equality: this many times (largest entry of Q) / (its squared norm). */
const penalty = 1e7;
/** The multiple of (largest entry of Q) that is added to H's diagonal, and what it becomes where H is still singular. */
const regularizations = [1e-9, 1e-7, 1e-5, 1e-3] as const;
/** Both for a positive definite Q whose eigenvalues spread so far that these would hide the smallest of them. */
const finePenalty = 1e3;
const fineRegularizations = [1e-15, 1e-13, 1e-11, ...regularizations] as const;
/** The smallest over the largest pivot of such a Q. */
const hiddenPivot = 3e-5;

/**
 * The KKT system condensed to x, for Q that may be singular and for many rows:
 *
 *     H = Q + epsilon I + A'Omega A + G'WG,   W = (D + Omega^-1)^-1,
 *     x = H^-1 (r1 + A'Omega r2 + G'W r3),   nu = Omega (A x - r2),   lambda = W (G x - r3).
 *
 * The diagonal penalty Omega in the place of infinity (and epsilon) makes H positive definite whatever Q and A are; it is the
 * proximal method of multipliers, whose outer iteration is the refinement against the true system.
 */
export class CondensedKkt implements KktMethod {
  readonly name = "condensed";
  private readonly problem: QuadraticProgram;
  /** Whether each item's Q asks for the fine penalty and regularizations. */
  private readonly fine: readonly boolean[];
  /** Largest |Q_ij| of each item (1 when Q = 0). */
  private readonly scale: Float64Array;
  /** 1 / |row|^2 of A's and of G's rows, of each item (of the only one when the datum is shared). */
  private readonly sizesA: Float64Array;
  private readonly sizesG: Float64Array;
  private items: Int32Array = new Int32Array(0);
  private H: Float64Array = new Float64Array(0);
  /** The diagonals Omega and W of the slots last factored. */
  private Omega: Float64Array = new Float64Array(0);
  private W: Float64Array = new Float64Array(0);

  constructor(problem: QuadraticProgram) {
    this.problem = problem;
    const isFine = measured(problem.Q, (Q) => (hasHiddenPivots(Q, problem.n) ? 1 : 0));
    this.fine = Array.from({ length: problem.batch }, (_, i) => isFine(i) === 1);
    this.scale = Float64Array.from({ length: problem.batch }, (_, i) => maxAbs(itemOf(problem.Q, i)) || 1);
    this.sizesA = inverseSquaredRows(problem.A.values, problem.n);
    this.sizesG = inverseSquaredRows(problem.G.values, problem.n);
  }

  get bytes(): number {
    return 8 * (this.H.length + this.W.length + this.Omega.length + this.sizesA.length + this.sizesG.length);
  }

  factor(items: Int32Array, D: Float64Array): Uint8Array {
    const { n, p, m } = this.problem;
    this.items = items;
    if (this.H.length < items.length * n * n) this.H = new Float64Array(items.length * n * n);
    this.Omega = new Float64Array(items.length * p);
    this.W = new Float64Array(items.length * m);
    for (let k = 0; k < items.length; k++) {
      this.weigh(k, D);
      this.assemble(k, this.regularizationsOf(items[k])[0]);
    }
    const failures = activeKernels().potrfBatched(view(this.H, [items.length, n, n]));
    return Uint8Array.from(failures, (failure, k) => (failure === 0 ? 0 : this.retry(k)));
  }

  private regularizationsOf(item: number): readonly number[] {
    return this.fine[item] ? fineRegularizations : regularizations;
  }

  private weigh(k: number, D: Float64Array): void {
    const { p, m, A, G } = this.problem;
    const item = this.items[k];
    const strength = (this.fine[item] ? finePenalty : penalty) * this.scale[item];
    const atA = A.batched ? item * p : 0;
    const atG = G.batched ? item * m : 0;
    for (let i = 0; i < p; i++) this.Omega[k * p + i] = strength * this.sizesA[atA + i];
    for (let i = 0; i < m; i++) this.W[k * m + i] = 1 / (D[k * m + i] + 1 / (strength * this.sizesG[atG + i]));
  }

  private assemble(k: number, epsilon: number): void {
    const { n, p, m, Q, A, G } = this.problem;
    const item = this.items[k];
    this.H.set(itemOf(Q, item), k * n * n);
    for (let j = 0; j < n; j++) this.H[k * n * n + j * (n + 1)] += epsilon * this.scale[item];
    this.addWeighted(itemOf(A, item), this.Omega, k, p);
    this.addWeighted(itemOf(G, item), this.W, k, m);
  }

  /** H_k <- H_k + B' diag(weights of slot k) B for a matrix of `rows` rows. */
  private addWeighted(B: Float64Array, weights: Float64Array, k: number, rows: number): void {
    if (rows === 0) return;
    const { n } = this.problem;
    const weighted = new Float64Array(rows * n);
    for (let i = 0; i < rows; i++) {
      const root = Math.sqrt(weights[k * rows + i]);
      for (let j = i * n; j < (i + 1) * n; j++) weighted[j] = root * B[j];
    }
    activeKernels().syrk(1, transposed(view(weighted, [rows, n])), 1, view(this.H, [n, n], k * n * n));
  }

  private retry(k: number): 0 | 1 {
    const { n } = this.problem;
    for (const epsilon of this.regularizationsOf(this.items[k]).slice(1)) {
      this.assemble(k, epsilon);
      if (activeKernels().potrf(view(this.H, [n, n], k * n * n)) === 0) return 0;
    }
    return 1;
  }

  solve(rhs: KktVector): void {
    const { n, p, m, A, G } = this.problem;
    const { items, Omega, W } = this;
    const slots = items.length;
    const { x, nu, lambda } = rhs;
    for (let i = 0; i < nu.length; i++) nu[i] *= Omega[i];
    for (let i = 0; i < lambda.length; i++) lambda[i] *= W[i];
    if (p > 0) applyTransposedDatum(1, A, nu, 1, x, items);
    if (m > 0) applyTransposedDatum(1, G, lambda, 1, x, items);
    activeKernels().potrsBatched(view(this.H, [slots, n, n]), view(x, [slots, n, 1]));
    const Ax = new Float64Array(nu.length);
    const Gx = new Float64Array(lambda.length);
    applyDatum(1, A, x, 0, Ax, items);
    applyDatum(1, G, x, 0, Gx, items);
    for (let i = 0; i < nu.length; i++) nu[i] = Omega[i] * Ax[i] - nu[i];
    for (let i = 0; i < lambda.length; i++) lambda[i] = W[i] * Gx[i] - lambda[i];
  }
}

/** Whether Q is positive definite, with pivots that the usual regularization would hide. */
function hasHiddenPivots(Q: Float64Array, n: number): boolean {
  const L = view(Q.slice(), [n, n]);
  return activeKernels().potrf(L) === 0 && diagonalRatio(L.data, n) < hiddenPivot;
}

/** 1 / |row|^2 of every row of the matrices with n columns that `values` holds; 1 for a row of zeros. */
function inverseSquaredRows(values: Float64Array, n: number): Float64Array {
  return Float64Array.from({ length: values.length / n }, (_, row) => {
    let square = 0;
    for (let j = row * n; j < (row + 1) * n; j++) square += values[j] * values[j];
    return 1 / (square || 1);
  });
}
