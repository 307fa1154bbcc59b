import { itemOf, type QuadraticProgram } from "../problem/quadratic-program.ts";
import type { KktMethod, KktVector } from "./kkt-method.ts";
import { leastNormSolution } from "./least-norm.ts";

/**
 * The KKT system as it stands, by an orthogonal decomposition of its n + p + m rows for every right-hand side: nothing is squared
 * and nothing regularized, at a cost of (n + p + m)^3. For steps that the condensed system is too inexact for.
 */
export class DenseKkt implements KktMethod {
  readonly name = "dense";
  private readonly problem: QuadraticProgram;
  private items: Int32Array = new Int32Array(0);
  private D: Float64Array = new Float64Array(0);

  constructor(problem: QuadraticProgram) {
    this.problem = problem;
  }

  get bytes(): number {
    const { n, p, m } = this.problem;
    return 24 * (n + p + m) ** 2;
  }

  factor(items: Int32Array, D: Float64Array): Uint8Array {
    this.items = items;
    this.D = D;
    return new Uint8Array(items.length);
  }

  solve({ x, nu, lambda }: KktVector): void {
    const { n, p, m } = this.problem;
    const size = n + p + m;
    this.items.forEach((item, k) => {
      const rhs = new Float64Array(size);
      rhs.set(x.subarray(k * n, (k + 1) * n));
      rhs.set(nu.subarray(k * p, (k + 1) * p), n);
      for (let i = 0; i < m; i++) rhs[n + p + i] = this.D[k * m + i] === Infinity ? 0 : lambda[k * m + i];
      const z = leastNormSolution(this.matrixOf(item, k), size, rhs).x;
      x.set(z.subarray(0, n), k * n);
      nu.set(z.subarray(n, n + p), k * p);
      lambda.set(z.subarray(n + p), k * m);
    });
  }

  /** [Q A' G'; A 0 0; G 0 -D], with the equation lambda_i = 0 where d_i is infinite. */
  private matrixOf(item: number, k: number): Float64Array {
    const { n, p, m, Q, A, G } = this.problem;
    const size = n + p + m;
    const M = new Float64Array(size * size);
    for (let r = 0; r < n; r++) M.set(itemOf(Q, item).subarray(r * n, (r + 1) * n), r * size);
    for (let i = 0; i < p + m; i++) {
      const d = i < p ? 0 : this.D[k * m + i - p];
      const r = n + i;
      M[r * (size + 1)] = d === Infinity ? 1 : -d;
      const row = i < p ? itemOf(A, item) : itemOf(G, item);
      const at = (i < p ? i : i - p) * n;
      for (let j = 0; j < n; j++) {
        M[j * size + r] = row[at + j];
        if (d !== Infinity) M[r * size + j] = row[at + j];
      }
    }
    return M;
  }
}
