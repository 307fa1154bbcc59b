import type { SparseMatrix } from "@solvegrad/linalg";

/**
 * A validated quadratic program with sparse data,
 *
 *     minimize 1/2 x'Qx + q'x + constant
 *     subject to  Ax = b (nu),  l <= Gx <= u (lambda),  lower <= x <= upper (zeta),
 *
 * n variables, p equalities, m inequalities; Q = 0 is a linear program. Bounds may be infinite. A multiplier of a
 * two-sided constraint is positive at the upper and negative at the lower bound, so that at a solution
 *
 *     Qx + q + A'nu + G'lambda + zeta = 0.
 */
export interface SparseQuadraticProgram {
  readonly kind: "sparse_qp";
  readonly n: number;
  readonly p: number;
  readonly m: number;
  /** The upper triangle of the symmetric Q. */
  readonly Q: SparseMatrix;
  readonly q: Float64Array;
  readonly A: SparseMatrix;
  readonly b: Float64Array;
  readonly G: SparseMatrix;
  readonly l: Float64Array;
  readonly u: Float64Array;
  readonly lower: Float64Array;
  readonly upper: Float64Array;
  readonly constant: number;
}

/** A point of a sparse QP with its multipliers. */
export interface SparsePoint {
  readonly x: Float64Array;
  readonly nu: Float64Array;
  readonly lambda: Float64Array;
  readonly zeta: Float64Array;
}
