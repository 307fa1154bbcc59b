import type { DType } from "@solvegrad/linalg";
import { checkFinite } from "./check-values.ts";
import { offsetOf } from "./products.ts";
import type { Datum, QuadraticProgram } from "./quadratic-program.ts";
import { type DataSchema, readData, zeroDatum } from "./read-data.ts";
import type { DatumInput } from "./read-datum.ts";

/** The names of a sparsemax problem's data, in the order that every report keeps. */
export const sparsemaxNames = ["y", "u", "total"] as const;
export type SparsemaxName = (typeof sparsemaxNames)[number];

/**
 * A validated batch of projections on a simplex with upper bounds (constrained sparsemax, Alt-Diff appendix B.2)
 *
 *     minimize 1/2 |x - y|^2   subject to  1'x = total (nu),  x >= 0,  x <= u (lambda, in this order).
 *
 * In the terms of a QP, p = 1 and G = [-I; I]; without upper bounds u is null, and G = -I.
 */
export interface SparsemaxProblem {
  readonly kind: "sparsemax";
  readonly n: number;
  readonly batch: number;
  readonly batched: boolean;
  readonly y: Datum;
  readonly u: Datum | null;
  /** One number an item. */
  readonly total: Datum;
}

/** The data of a sparsemax problem as a user has them. */
export interface SparsemaxData {
  /** n. */
  readonly y: DatumInput;
  /** n; entries may be Infinity. Left out, there are no upper bounds. */
  readonly u?: DatumInput;
  /** The sum of x, 1 by default; a number, or one an item. */
  readonly total?: DatumInput | number;
}

const schema: DataSchema<SparsemaxName, "n"> = {
  problem: "a sparsemax problem",
  names: sparsemaxNames,
  dimensions: { y: ["n"], u: ["n"], total: [] },
  extents: { n: "y" },
  required: ["y"],
  partners: {},
};

/**
 * Checks the data of a sparsemax problem and copies them, in float64 whatever they came in; shapes and batches as for
 * `quadraticProgram`.
 *
 * Throws a `DatumTypeError` or a `DatumRangeError` for data of the wrong type, shape, or values that are not finite. Data
 * that contradict each other (a negative u or total, bounds that sum to less than total) are no error here: such an item
 * is infeasible.
 */
export function sparsemaxProblem(data: SparsemaxData): SparsemaxProblem {
  return readSparsemaxProblem(data).problem;
}

/** The same, with the dtype that the data came in. */
export function readSparsemaxProblem(input: SparsemaxData): { problem: SparsemaxProblem; dtype: DType } {
  const { data, sizes, batch, batched, dtype } = readData(schema, input);
  const y = data.y ?? zeroDatum(sizes.n);
  const u = data.u ?? null;
  const total = data.total ?? { values: Float64Array.of(1), shape: [], batched: false };
  checkFinite("y", y);
  if (u) checkFinite("u", u, "upper bound");
  checkFinite("total", total);
  return { problem: { kind: "sparsemax", n: sizes.n, batch, batched, y, u, total }, dtype };
}

/**
 * The same problem as a QP for the general solvers and rules: Q = I, q = -y, A = 1', b = total, G = [-I; I], h = [0; u].
 * Dense matrices of n^2 entries: for small n. An infinite u becomes one that cannot bind, total + 1.
 */
export function sparsemaxAsQuadratic(problem: SparsemaxProblem): QuadraticProgram {
  const { n, batch, batched, y, u, total } = problem;
  const m = u ? 2 * n : n;
  const identity = (sign: number, rows: number, first = 0) => {
    const values = new Float64Array(rows * n);
    for (let i = 0; i < rows; i++) values[i * n + (i % n)] = i < first ? -sign : sign;
    return { values, shape: [rows, n], batched: false };
  };
  return {
    kind: "qp",
    n,
    p: 1,
    m,
    batch,
    batched,
    Q: identity(1, n),
    q: { ...y, values: y.values.map((value) => -value) },
    A: { values: new Float64Array(n).fill(1), shape: [1, n], batched: false },
    b: { ...total, shape: [1] },
    G: identity(u ? 1 : -1, m, u ? n : 0),
    h: u ? upperBounds(problem, u) : zeroDatum(n),
  };
}

/** h = [0; u], batched where u is, or where an infinite u takes its stand-in from batched totals. */
function upperBounds({ n, batch, total }: SparsemaxProblem, u: Datum): Datum {
  const batched = u.batched || (total.batched && !u.values.every(Number.isFinite));
  const items = batched ? batch : 1;
  const values = new Float64Array(items * 2 * n);
  for (let i = 0; i < items; i++) {
    const never = total.values[offsetOf(total, i)] + 1;
    for (let j = 0, at = offsetOf(u, i); j < n; j++) {
      const bound = u.values[at + j];
      values[(2 * i + 1) * n + j] = bound === Infinity ? never : bound;
    }
  }
  return { values, shape: [2 * n], batched };
}
