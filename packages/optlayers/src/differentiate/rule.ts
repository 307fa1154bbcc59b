import type { DatumName, QuadraticProgram } from "../problem/quadratic-program.ts";
import type { Solution } from "../solvers/solver.ts";

/**
 * The cotangents of a solution: of x (batch x n), and where the loss uses the duals, of nu (batch x p), lambda (batch x m) and
 * of the duals of simple bounds, zeta (batch x n).
 */
export interface Cotangent {
  readonly x: Float64Array;
  readonly nu?: Float64Array;
  readonly lambda?: Float64Array;
  readonly zeta?: Float64Array;
}

/**
 * The cotangents of the data, each in the layout of its datum: a batched datum's has one item after another, a shared
 * datum's is the *sum* over the batch. Q's is symmetric.
 */
export type DataCotangents<N extends string = DatumName> = Partial<Record<N, Float64Array>>;

/** How a rule got its answer. */
export interface DifferentiationReport {
  /** Iterations of the recursion; 0 for a direct solve. */
  readonly iterations: number;
  readonly milliseconds: number;
  /** Bytes of the arrays that the rule held at its peak, its inputs and the solution not counted. */
  readonly peakBytes: number;
  /** Largest residual, over the batch, of the linear system or fixed point that defines the gradient. */
  readonly residual: number;
  /** Whole sentences on what the reader should know: weakly active constraints, an unsettled pattern, a truncated recursion. */
  readonly notes: readonly string[];
}

export interface Vjp<N extends string = DatumName> {
  readonly gradients: DataCotangents<N>;
  readonly report: DifferentiationReport;
}

export interface VjpOptions<N extends string = DatumName> {
  /** The data whose cotangents are wanted; all of them by default. */
  readonly wanted?: readonly N[];
}

/** Directions in which the data change, each in the layout of its datum (shared data have one direction); those that are missing stay. */
export type DataTangents<N extends string = DatumName> = Partial<Readonly<Record<N, Float64Array>>>;

/** How the solution changes along a direction of the data: x and, where there is one, zeta are batch x n, nu batch x p, lambda batch x m. */
export interface SolutionTangent {
  readonly x: Float64Array;
  readonly nu: Float64Array;
  readonly lambda: Float64Array;
  readonly zeta?: Float64Array;
}

/** The parts of a solution that can be differentiated. */
export type SolutionPart = "x" | "nu" | "lambda";

/**
 * The Jacobian of one part of the solution with respect to one datum: `values` is batch x width x d row by row, width that
 * of the part and d the entries of one item of the datum. Zero at items whose status is not usable. Q's is symmetric in its indices.
 */
export interface Jacobian {
  readonly values: Float64Array;
  readonly shape: readonly [batch: number, width: number, d: number];
  readonly report: DifferentiationReport;
}

export interface Jvp {
  readonly tangent: SolutionTangent;
  readonly report: DifferentiationReport;
}

/**
 * How to differentiate the solution map of problems of the kind P, whose data have the names N: a value that the caller
 * passes, independent of the solver.
 */
export interface DifferentiationRule<P = QuadraticProgram, N extends string = DatumName> {
  readonly name: string;
  /** The vector-Jacobian product. Items whose status is not usable contribute zero. */
  vjp(problem: P, solution: Solution, cotangent: Cotangent, options?: VjpOptions<N>): Vjp<N>;
  /**
   * The Jacobian-vector product: the derivative of the solution along a direction of the data. Items whose status is not
   * usable have a tangent of zero. A rule may leave it out: its Jacobians are then assembled from its vjp.
   */
  jvp?(problem: P, solution: Solution, tangents: DataTangents<N>): Jvp;
  /** The whole Jacobian, where the rule has a way of its own to it; `solutionJacobian` gives it for any rule. */
  jacobian?(problem: P, solution: Solution, datum: N, of?: SolutionPart): Jacobian;
}
