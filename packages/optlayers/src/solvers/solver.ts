import type { Degeneracy } from "../kkt/degeneracy.ts";
import type { QuadraticProgram } from "../problem/quadratic-program.ts";

/** How one item of a batch ended. */
export type Status =
  | "solved"
  | "solved_inaccurate"
  | "primal_infeasible"
  | "dual_infeasible"
  | "max_iterations"
  | "time_limit"
  | "numerical_error";

/**
 * Proof that an item has no solution. Primal infeasible: nu, lambda >= 0 with A'nu + G'lambda = 0 and b'nu + h'lambda < 0.
 * Dual infeasible (unbounded): a direction d with Qd = 0, Ad = 0, Gd <= 0, q'd < 0.
 */
export type Certificate =
  | { readonly kind: "primal_infeasible"; readonly nu: Float64Array; readonly lambda: Float64Array }
  | { readonly kind: "dual_infeasible"; readonly direction: Float64Array };

/**
 * KKT residuals of every item (infinity norms), recomputed from the returned point outside the iteration:
 * primal max(|Ax - b|, max(Gx - h, 0)); dual |Qx + q + A'nu + G'lambda|; gap |x'Qx + q'x + b'nu + h'lambda|.
 */
export interface Residuals {
  readonly primal: Float64Array;
  readonly dual: Float64Array;
  readonly gap: Float64Array;
}

/** What a solver found, for every item of the batch: x is batch x n, nu batch x p, lambda and s batch x m, row by row. */
export interface Solution {
  readonly solver: string;
  readonly x: Float64Array;
  readonly nu: Float64Array;
  readonly lambda: Float64Array;
  /** The duals of simple bounds on x (batch x n), where the kind of problem has them. */
  readonly zeta?: Float64Array;
  readonly s: Float64Array;
  readonly objective: Float64Array;
  readonly status: readonly Status[];
  readonly residuals: Residuals;
  readonly iterations: Int32Array;
  readonly milliseconds: number;
  readonly certificates: readonly (Certificate | null)[];
  /** Whole sentences on what else is to be known of an item: that its objective is not convex. */
  readonly notes?: readonly string[];
  /** What is special about each item, null where nothing is; worked out when it is asked for, and not copied with the fields. */
  readonly degeneracy?: readonly (Degeneracy | null)[];
  /** What the solver leaves behind for a differentiation rule (factors, penalties); a rule that does not know it starts afresh. */
  readonly state?: unknown;
}

/** Where a solve stands after an iteration, over the items that are still being solved. */
export interface IterationProgress {
  readonly iteration: number;
  /** The largest primal and dual residual in the solver's own measure (its scaling), and the gap where it has one. */
  readonly primal: number;
  readonly dual: number;
  readonly gap?: number;
  /** Items that are not finished. */
  readonly unfinished: number;
}

export interface SolveOptions {
  /** An earlier solution of a problem of the same shape to start from. */
  readonly warmStart?: Solution;
  /** Stops the solve between two iterations; the unfinished items get the status `time_limit`. */
  readonly signal?: AbortSignal;
  /** Called after every iteration (where the solver checks its residuals less often, after every check). */
  readonly onIteration?: (progress: IterationProgress) => void;
  /** Milliseconds for this solve, where that is less than the solver's own limit; unfinished items get the status `time_limit`. */
  readonly timeLimit?: number;
}

/**
 * A way to solve validated problems of the kind P. A solver never throws for a hard problem: the status of the item says
 * what happened.
 */
export interface Solver<P = QuadraticProgram, S extends Solution = Solution> {
  readonly name: string;
  solve(problem: P, options?: SolveOptions): S;
}

/** Whether a gradient may be taken at this item. */
export function isUsable(status: Status): boolean {
  return status === "solved" || status === "solved_inaccurate";
}
