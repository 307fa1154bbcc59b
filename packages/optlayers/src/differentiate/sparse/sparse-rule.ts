import { DatumRangeError } from "../../errors.ts";
import type { SparsePoint, SparseQuadraticProgram } from "../../problem/sparse-quadratic-program.ts";
import type { DifferentiationReport } from "../rule.ts";

/** The cotangents of a sparse solution; those that are missing are zero. */
export interface SparseCotangent {
  readonly x: Float64Array;
  readonly nu?: Float64Array;
  readonly lambda?: Float64Array;
  readonly zeta?: Float64Array;
}

/**
 * One array for each datum. Those of Q, A and G have one entry for each stored entry of the matrix; the cotangent of an entry (i, j)
 * of Q is that of the symmetric gradient, so a change of both Q_ij and Q_ji counts it twice off the diagonal.
 */
export interface SparseDataCotangents {
  readonly Q: Float64Array;
  readonly q: Float64Array;
  readonly A: Float64Array;
  readonly b: Float64Array;
  readonly G: Float64Array;
  readonly l: Float64Array;
  readonly u: Float64Array;
  readonly lower: Float64Array;
  readonly upper: Float64Array;
}

export type SparseDatumName = keyof SparseDataCotangents;

export interface SparseVjp {
  readonly gradients: SparseDataCotangents;
  readonly report: DifferentiationReport;
}

/**
 * Directions in which the data change, with the layout of `SparseDataCotangents`; those that are missing stay. An entry of
 * Q's stands for both of the symmetric direction, one of an infinite bound is ignored.
 */
export type SparseDataTangents = Partial<SparseDataCotangents>;

export interface SparseJvp {
  /** How x and the multipliers change. */
  readonly tangent: SparsePoint;
  readonly report: DifferentiationReport;
}

/** Each cotangent of a solution, zeros where it is missing. Throws a `DatumRangeError` for a wrong length. */
export function filledCotangent(
  { n, p, m }: SparseQuadraticProgram,
  { x, nu, lambda, zeta }: SparseCotangent,
): Required<SparseCotangent> {
  return {
    x: filled("the cotangent of x", "x", x, n),
    nu: filled("the cotangent of nu", "nu", nu, p),
    lambda: filled("the cotangent of lambda", "lambda", lambda, m),
    zeta: filled("the cotangent of zeta", "zeta", zeta, n),
  };
}

/** The tangent of every datum, zeros where it is missing. Throws a `DatumRangeError` for a wrong length. */
export function filledTangents(
  { n, p, m, Q, A, G }: SparseQuadraticProgram,
  tangents: SparseDataTangents,
): SparseDataCotangents {
  const of = (name: SparseDatumName, length: number) => filled(`the tangent of ${name}`, name, tangents[name], length);
  return {
    Q: of("Q", Q.data.length),
    q: of("q", n),
    A: of("A", A.data.length),
    b: of("b", p),
    G: of("G", G.data.length),
    l: of("l", m),
    u: of("u", m),
    lower: of("lower", n),
    upper: of("upper", n),
  };
}

function filled(what: string, argument: string, values: Float64Array | undefined, length: number): Float64Array {
  if (values === undefined) return new Float64Array(length);
  if (values.length === length) return values;
  const expected = `${length} numbers`;
  throw new DatumRangeError(`${what} has ${values.length} entries; expected ${expected}`, {
    argument,
    shape: [values.length],
    item: null,
    expected,
  });
}
