import { applyDatum, applyTransposedDatum } from "../problem/products.ts";
import type { LinearConstraints, QuadraticProgram } from "../problem/quadratic-program.ts";

/** One vector (x, nu, lambda) a slot: k x n, k x p and k x m, row by row. Right-hand sides have the same layout. */
export interface KktVector {
  readonly x: Float64Array;
  readonly nu: Float64Array;
  readonly lambda: Float64Array;
}

/**
 * Solves, for a selection of a batch's items (slot k holds item `items[k]`), the KKT systems
 *
 *     [Q  A'  G']  [x     ]   [r1]
 *     [A  0   0 ]  [nu    ] = [r2]      D = diag(d), d in [0, infinity]
 *     [G  0  -D ]  [lambda]   [r3]
 *
 * d_i = s_i / lambda_i in an interior-point step; d_i = 0 makes row i an equality; d_i = infinity takes it out
 * (lambda_i = 0). What is factored is slightly regularized: `solveRefined` makes up for it.
 */
export interface KktMethod {
  readonly name: "schur" | "condensed" | "dense";
  /** Factors the systems of these items with D (k x m). Slots that cannot be factored are 1 in the result. */
  factor(items: Int32Array, D: Float64Array): Uint8Array;
  /** Overwrites the right-hand sides of the slots last factored with the solutions. */
  solve(rhs: KktVector): void;
  /**
   * How independent the rows with d = 0 of a slot last factored are: the smallest pivot of a row relative to what the row
   * has before the others are taken off. Left out by a method that cannot tell.
   */
  independence?(slot: number): number;
  /** Bytes held by factors and workspace. */
  readonly bytes: number;
}

/** A vector of zeros for `slots` slots. */
export function kktVector(problem: LinearConstraints, slots: number): KktVector {
  return {
    x: new Float64Array(slots * problem.n),
    nu: new Float64Array(slots * problem.p),
    lambda: new Float64Array(slots * problem.m),
  };
}

/** r <- rhs - K z, with the unregularized K. Rows with d = infinity have the equation lambda_i = 0 and no residual. */
export function kktResidual(
  problem: QuadraticProgram,
  items: Int32Array,
  D: Float64Array,
  z: KktVector,
  rhs: KktVector,
  r: KktVector,
): void {
  const { p, m } = problem;
  r.x.set(rhs.x);
  r.nu.set(rhs.nu);
  r.lambda.set(rhs.lambda);
  applyDatum(-1, problem.Q, z.x, 1, r.x, items);
  if (p > 0) {
    applyTransposedDatum(-1, problem.A, z.nu, 1, r.x, items);
    applyDatum(-1, problem.A, z.x, 1, r.nu, items);
  }
  if (m === 0) return;
  applyTransposedDatum(-1, problem.G, z.lambda, 1, r.x, items);
  applyDatum(-1, problem.G, z.x, 1, r.lambda, items);
  for (let k = 0; k < r.lambda.length; k++) {
    if (D[k] === Infinity) r.lambda[k] = 0;
    else r.lambda[k] += D[k] * z.lambda[k];
  }
}
