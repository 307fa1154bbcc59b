import type { DType, SparseMatrix } from "@solvegrad/linalg";
import { DatumRangeError, DatumTypeError } from "../errors.ts";
import { checkFinite } from "./check-values.ts";
import {
  denseLayout,
  emptyLayout,
  gather,
  type MatrixLayout,
  type PatternInput,
  sparseLayout,
} from "./matrix-layout.ts";
import { type Datum, itemOf } from "./quadratic-program.ts";
import { type DataSchema, readData, zeroDatum } from "./read-data.ts";
import type { DatumInput } from "./read-datum.ts";

/** The names of a box projection's data, in the order that every report keeps. */
export const boxProjectionNames = ["y", "A", "b", "lower", "upper"] as const;
export type BoxProjectionName = (typeof boxProjectionNames)[number];

/**
 * A validated batch of projections on a box cut by a few equations, the general form of constrained sparsemax,
 *
 *     minimize 1/2 |x - y|^2   subject to  Ax = b (nu),  lower <= x <= upper (zeta),
 *
 * with p rows of any signs. The dual zeta of the bounds is positive at the upper and negative at the lower one: x - y +
 * A'nu + zeta = 0. Of A the data are the caller's numbers: its stored entries, or those of a dense one row by row.
 */
export interface BoxProjection extends Readonly<Record<BoxProjectionName, Datum>> {
  readonly kind: "box_projection";
  readonly n: number;
  readonly p: number;
  /** There are no inequalities besides the bounds. */
  readonly m: 0;
  readonly batch: number;
  readonly batched: boolean;
  readonly layout: MatrixLayout;
}

/** The data of a box projection as a user has them. */
export interface BoxProjectionData {
  /** n. */
  readonly y: DatumInput;
  /** p x n with b, dense or in compressed columns, whose entries `data` are a datum: (nnz), or (B, nnz). Left out: no equations. */
  readonly A?: DatumInput | (PatternInput & { readonly data: DatumInput });
  /** p. */
  readonly b?: DatumInput;
  /** n; entries may be -Infinity, and are where it is left out. */
  readonly lower?: DatumInput;
  /** n; entries may be Infinity, and are where it is left out. */
  readonly upper?: DatumInput;
}

/**
 * Checks the data of a box projection and copies them, in float64 whatever they came in; shapes and batches as for
 * `quadraticProgram`. Throws a `DatumTypeError` or a `DatumRangeError` for data of the wrong type, shape or values. Data
 * that contradict each other are no error here: such an item is infeasible.
 */
export function boxProjection(data: BoxProjectionData): BoxProjection {
  return readBoxProjection(data).problem;
}

/** The same, with the dtype that the data came in. */
export function readBoxProjection(input: BoxProjectionData): { problem: BoxProjection; dtype: DType } {
  const { A } = input;
  const numbers = numbersOf(input);
  const { data, sizes, batch, batched, dtype } = readData(schemaOf(isSparse(A)), numbers);
  const { n, p } = sizes;
  const layout = layoutOf(A, p, n);
  if (data.A && isSparse(A) && data.A.shape[0] !== A.indices.length) {
    const expected = `${A.indices.length}, one for each of its indices`;
    const facts = { argument: "A", shape: data.A.shape, item: null, expected };
    throw new DatumRangeError(`A has ${data.A.shape[0]} entries in data; expected ${expected}`, facts);
  }
  const problem: BoxProjection = {
    kind: "box_projection",
    ...{ n, p, m: 0, batch, batched, layout },
    y: data.y ?? zeroDatum(n),
    A: data.A ?? zeroDatum(0),
    b: data.b ?? zeroDatum(0),
    lower: data.lower ?? constantDatum(n, -Infinity),
    upper: data.upper ?? constantDatum(n, Infinity),
  };
  checkFinite("y", problem.y);
  checkFinite("A", problem.A);
  checkFinite("b", problem.b);
  checkFinite("lower", problem.lower, "lower bound");
  checkFinite("upper", problem.upper, "upper bound");
  return { problem, dtype };
}

/** What is a number in every datum: of a sparse A its entries. */
export function numbersOf({ A, ...rest }: BoxProjectionData): Partial<Record<BoxProjectionName, DatumInput>> {
  if ((A === undefined) !== (rest.b === undefined)) {
    const [missing, there] = A === undefined ? ["A", "b"] : ["b", "A"];
    const expected = "A and b together";
    const facts = { argument: missing, shape: null, item: null, expected };
    throw new DatumTypeError(`${there} came without ${missing}; expected ${expected}`, facts);
  }
  if (A === undefined) return rest;
  if (!isSparse(A)) return { ...rest, A };
  return A.indices.length > 0 ? { ...rest, A: A.data } : rest;
}

/** The matrix A of every item, in compressed columns; a shared one is one object. */
export function equationsOf({ A, layout, batch }: BoxProjection): SparseMatrix[] {
  const matrix = (values: Float64Array): SparseMatrix => ({ ...layout.pattern, data: gather(layout, values) });
  if (A.batched) return Array.from({ length: batch }, (_, i) => matrix(itemOf(A, i)));
  return new Array<SparseMatrix>(batch).fill(matrix(A.values));
}

function isSparse(A: BoxProjectionData["A"]): A is PatternInput & { readonly data: DatumInput } {
  return typeof A === "object" && A !== null && "indptr" in A && "indices" in A;
}

function schemaOf(sparse: boolean): DataSchema<BoxProjectionName, "n" | "p" | "nonzeros of A"> {
  return {
    problem: "a box projection",
    names: boxProjectionNames,
    dimensions: { y: ["n"], A: sparse ? ["nonzeros of A"] : ["p", "n"], b: ["p"], lower: ["n"], upper: ["n"] },
    extents: { n: "y", p: "b", "nonzeros of A": "A" },
    required: ["y"],
    partners: {},
  };
}

function layoutOf(A: BoxProjectionData["A"], p: number, n: number): MatrixLayout {
  if (A === undefined) return emptyLayout(0, n);
  if (!isSparse(A)) return denseLayout("A", p, n, false);
  const [rows, columns] = A.shape;
  if (rows === p && columns === n) return sparseLayout("A", A, false);
  const expected = `${p} x ${n}`;
  const facts = { argument: "A", shape: A.shape, item: null, expected };
  throw new DatumRangeError(`A is ${rows} x ${columns}; expected ${expected}`, facts);
}

function constantDatum(n: number, value: number): Datum {
  return { values: new Float64Array(n).fill(value), shape: [n], batched: false };
}
