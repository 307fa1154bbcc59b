import { sizeOf } from "@solvegrad/linalg";

/** The names of a QP's data, in the order that every report keeps. */
export const datumNames = ["Q", "q", "A", "b", "G", "h"] as const;
export type DatumName = (typeof datumNames)[number];

/**
 * One datum of a problem: contiguous row-major float64. `shape` is the shape of one item; with `batched`, `values`
 * holds one item after another, otherwise one item that the whole batch shares.
 */
export interface Datum {
  readonly values: Float64Array;
  readonly shape: readonly number[];
  readonly batched: boolean;
}

/** The linear constraints of a batch of problems: Ax = b (p rows) and Gx <= h (m rows) on n variables. */
export interface LinearConstraints {
  readonly n: number;
  readonly p: number;
  readonly m: number;
  /** Number of items; 1 for a problem that was given without a batch dimension. */
  readonly batch: number;
  /** Whether any datum came with a batch dimension: results then have one too. */
  readonly batched: boolean;
  readonly A: Datum;
  readonly b: Datum;
  readonly G: Datum;
  readonly h: Datum;
}

/**
 * A validated batch of quadratic programs
 *
 *     minimize 1/2 x'Qx + q'x   subject to  Ax = b (nu),  Gx <= h (lambda >= 0),
 *
 * n variables, p equalities, m inequalities, `batch` items. A problem without equalities has p = 0 and empty A, b.
 */
export interface QuadraticProgram extends LinearConstraints {
  readonly kind: "qp";
  readonly Q: Datum;
  readonly q: Datum;
}

/** Item `i` of a datum, as a view into its values (the shared item when the datum is not batched). */
export function itemOf(datum: Datum, i: number): Float64Array {
  if (!datum.batched) return datum.values;
  const size = sizeOf(datum.shape);
  return datum.values.subarray(i * size, (i + 1) * size);
}

/** A measure of every item of a datum; of a shared one it is taken once. */
export function measured(datum: Datum, measure: (values: Float64Array) => number): (i: number) => number {
  if (datum.batched) return (i) => measure(itemOf(datum, i));
  const shared = measure(datum.values);
  return () => shared;
}
