import type { Status } from "../solvers/solver.ts";

/** What an item's solution says about its constraints, as plain data; `formatExplanation` prints it. */
export interface Explanation {
  readonly kind: string;
  readonly status: Status;
  /** Null where there is no solution. */
  readonly objective: number | null;
  /** The constraints that hold the solution, those of the largest effect on the objective first. */
  readonly binding: readonly BindingConstraint[];
  /** The others, those nearest to binding (relatively) first. */
  readonly slack: readonly ExplainedConstraint[];
  /** Why no x satisfies the constraints; null where one does, or where the solver found no proof. */
  readonly conflict: Conflict | null;
  /** Along which direction the objective falls without end; null where it does not. */
  readonly descent: EndlessDescent | null;
  /** Whole sentences on how to read this. */
  readonly notes: readonly string[];
}

/** One constraint, row = bound, row <= bound or row >= bound; a two-sided row is two of them. */
export interface ExplainedConstraint {
  /** The name that the caller has for it, or "A[2]", "G[0]", "x[5]". */
  readonly constraint: string;
  readonly relation: "=" | "<=" | ">=";
  /** The datum that holds the bound and the place in it; a bound that is no datum (x >= 0 of a simplex) has "0". */
  readonly datum: string;
  readonly index: number;
  readonly bound: number;
  readonly value: number;
  /** How far the bound may be tightened until it binds, in the constraint's own unit; negative where it is violated. */
  readonly slack: number;
  /** The slack over the size of the bound or of the row. */
  readonly relativeSlack: number;
}

export interface BindingConstraint extends ExplainedConstraint {
  /** nu, lambda or zeta: positive where an upper, negative where a lower bound of a two-sided row binds. */
  readonly dual: number;
  /** By how much the objective rises when the bound rises by one unit: -dual. */
  readonly price: number;
  /** Where the same constraints go on to bind while this bound alone moves; null where it was not computed. */
  readonly range: BoundRange | null;
}

/** An interval of a bound; null for an end that does not come. A single point where the bound cannot move alone. */
export interface BoundRange {
  readonly lower: RangeEnd | null;
  readonly upper: RangeEnd | null;
}

export interface RangeEnd {
  readonly bound: number;
  /** The constraint that changes there, the side of it, and how. */
  readonly constraint: string;
  readonly relation: "=" | "<=" | ">=";
  readonly change: "starts to bind" | "stops binding";
}

/**
 * Rows that cannot hold together: weighted and added up they read 0 <= -shortfall. The largest weight is 1, so relaxing
 * their bounds by less than `shortfall` in total (the sum of the changes) leaves them contradictory.
 */
export interface Conflict {
  readonly shortfall: number;
  readonly rows: readonly ConflictingRow[];
}

export interface ConflictingRow {
  readonly constraint: string;
  readonly relation: "=" | "<=" | ">=";
  readonly bound: number;
  readonly weight: number;
  /** The least change of this bound that would resolve the contradiction if it alone were relaxed, with its sign. */
  readonly relaxation: number;
}

/** x + t d is feasible for every t >= 0 where x is, and the objective falls by `slope` t. */
export interface EndlessDescent {
  /** The components that are not zero, those of the largest size first, which is 1. */
  readonly direction: readonly { readonly variable: string; readonly component: number }[];
  readonly slope: number;
}
