import type { MatrixLayout } from "./matrix-layout.ts";
import type { Datum } from "./quadratic-program.ts";
import type { SparseQuadraticProgram } from "./sparse-quadratic-program.ts";

/** The names of the data of a sparse QP, in the order that every report keeps. */
export const sparseDatumNames = ["Q", "q", "A", "b", "G", "l", "u", "lower", "upper"] as const;
export type SparseDatumName = (typeof sparseDatumNames)[number];

/** The matrices among them. */
export const sparseMatrixNames = ["Q", "A", "G"] as const;
export type SparseMatrixName = (typeof sparseMatrixNames)[number];

/**
 * A validated batch of sparse QPs over one pattern,
 *
 *     minimize 1/2 x'Qx + q'x   subject to  Ax = b (nu),  l <= Gx <= u (lambda),  lower <= x <= upper (zeta),
 *
 * each item a `SparseQuadraticProgram`. The data are the caller's numbers: of a matrix in compressed columns its stored
 * entries, of a dense one its entries row by row.
 */
export interface SparseQuadraticBatch extends Readonly<Record<SparseDatumName, Datum>> {
  readonly kind: "sparse_qp_batch";
  readonly n: number;
  readonly p: number;
  readonly m: number;
  /** Number of items; 1 for a problem that was given without a batch dimension. */
  readonly batch: number;
  readonly batched: boolean;
  readonly layouts: Readonly<Record<SparseMatrixName, MatrixLayout>>;
  /** One program for each item; items with the same numbers share their arrays. */
  readonly items: readonly SparseQuadraticProgram[];
}

export function isMatrixName(name: SparseDatumName): name is SparseMatrixName {
  return name === "Q" || name === "A" || name === "G";
}
