import { activeKernels, transposed, view } from "@solvegrad/linalg";
import { maxAbs } from "../arrays.ts";

/** Share of its diagonal entry by which each pivot of M is lifted, so that dependent rows do not stop the factorization. */
const lift = 1e-14;
const defaultRefinements = 3;
/** Below so many entries of K a product is a few hundred nanoseconds, less than a kernel's call. */
const smallProduct = 256;

/**
 * M = K diag(x) K' + diag(e) for a matrix K of r rows, factored: what is left of a KKT system whose Hessian is
 * diag(1/x) once x is eliminated (Woodbury, Schur). Solves are refined against M itself; where M is singular and the
 * right-hand side is in its range they give one of the solutions.
 */
export class ScaledGram {
  readonly r: number;
  private readonly n: number;
  private readonly K: Float64Array;
  private readonly M: Float64Array;
  private readonly L: Float64Array;
  private readonly scaled: Float64Array;

  /** K is r x n, row by row. */
  constructor(K: Float64Array, n: number) {
    this.r = K.length / n;
    this.n = n;
    this.K = K;
    this.M = new Float64Array(this.r * this.r);
    this.L = new Float64Array(this.r * this.r);
    this.scaled = new Float64Array(K.length);
  }

  /** Bytes of its arrays, K not counted. */
  get bytes(): number {
    return 8 * (this.M.length + this.L.length + this.scaled.length);
  }

  /** M itself, row by row. */
  get matrix(): Float64Array {
    return this.M;
  }

  /** Whether M could be factored for this x > 0 and e >= 0. */
  factor(x: Float64Array, e: Float64Array): boolean {
    const { r, n, K, M, L, scaled } = this;
    const roots = x.map(Math.sqrt);
    for (let i = 0, k = 0; i < r; i++) for (let j = 0; j < n; j++, k++) scaled[k] = K[k] * roots[j];
    activeKernels().syrk(1, view(scaled, [r, n]), 0, view(M, [r, r]));
    for (let i = 0; i < r; i++) M[i * (r + 1)] += e[i];
    L.set(M);
    const least = lift * maxAbs(M) * lift;
    for (let i = 0; i < r; i++) L[i * (r + 1)] = Math.max(M[i * (r + 1)] * (1 + lift), least) || 1;
    return activeKernels().potrf(view(L, [r, r])) === 0;
  }

  /** How far M is from singular: the smallest share of a row's diagonal entry that does not come from the rows before. */
  get independence(): number {
    let smallest = 1;
    for (let k = 0; k < this.M.length; k += this.r + 1)
      smallest = Math.min(smallest, this.L[k] ** 2 / (this.M[k] || 1));
    return smallest;
  }

  /** v with M v = rhs, refined this many times. */
  solve(rhs: Float64Array, refinements = defaultRefinements): Float64Array {
    const { r, M, L } = this;
    const kernels = activeKernels();
    const v = rhs.slice();
    kernels.potrs(view(L, [r, r]), view(v, [r, 1]));
    for (let step = 0; step < refinements; step++) {
      const residual = rhs.slice();
      kernels.gemv(-1, view(M, [r, r]), view(v, [r]), 1, view(residual, [r]));
      if (!(maxAbs(residual) > 1e-16 * maxAbs(rhs))) break;
      kernels.potrs(view(L, [r, r]), view(residual, [r, 1]));
      for (let i = 0; i < r; i++) v[i] += residual[i];
    }
    return v;
  }

  /** y <- alpha K x + beta y. */
  multiply(alpha: number, x: Float64Array, beta: number, y: Float64Array): void {
    if (this.r === 0) return;
    if (this.K.length < smallProduct) {
      for (let i = 0, k = 0; i < this.r; i++) {
        let sum = 0;
        for (let j = 0; j < this.n; j++, k++) sum += this.K[k] * x[j];
        y[i] = alpha * sum + (beta === 0 ? 0 : beta * y[i]);
      }
      return;
    }
    activeKernels().gemv(alpha, view(this.K, [this.r, this.n]), view(x, [this.n]), beta, view(y, [this.r]));
  }

  /** y <- alpha K'v + beta y. */
  multiplyTransposed(alpha: number, v: Float64Array, beta: number, y: Float64Array): void {
    if (this.K.length < smallProduct) {
      if (beta === 0) y.fill(0);
      else for (let j = 0; j < y.length; j++) y[j] *= beta;
      for (let i = 0, k = 0; i < this.r; i++) {
        for (let j = 0; j < this.n; j++, k++) y[j] += alpha * v[i] * this.K[k];
      }
      return;
    }
    const K = transposed(view(this.K, [this.r, this.n]));
    activeKernels().gemv(alpha, K, view(v, [this.r]), beta, view(y, [this.n]));
  }
}
