import type { DType, SparseMatrix } from "@solvegrad/linalg";
import { maxAbs } from "../arrays.ts";
import { DatumRangeError, describeDatum } from "../errors.ts";
import { checkFinite, roundingOf } from "./check-values.ts";
import { denseLayout, emptyLayout, gather, type MatrixLayout, sparseLayout } from "./matrix-layout.ts";
import { type Datum, itemOf } from "./quadratic-program.ts";
import { type DataSchema, readData, type ShapedData, zeroDatum } from "./read-data.ts";
import type { DatumInput } from "./read-datum.ts";
import { checkSparseConvexity } from "./read-sparse-quadratic-program.ts";
import {
  type SparseDatumName,
  type SparseMatrixName,
  type SparseQuadraticBatch,
  sparseDatumNames,
  sparseMatrixNames,
} from "./sparse-quadratic-batch.ts";
import {
  type GivenData,
  givenData,
  isSparseMatrix,
  numbersOf,
  type SparseQuadraticBatchData,
} from "./sparse-quadratic-data.ts";
import type { SparseQuadraticProgram } from "./sparse-quadratic-program.ts";

/**
 * Checks the data of a sparse QP, or of a batch over one pattern, and copies them into float64. Any vector and the entries
 * of any matrix may have a leading batch dimension, the same for all; data without it are shared. Bounds may be infinite
 * outwards. Keep the pattern's arrays (`indptr`, `indices`) from call to call and leave them unchanged: they are analysed once.
 *
 * Throws a `DatumTypeError` (not numbers, mixed dtypes, a missing partner, an unknown name) or a `DatumRangeError` (wrong
 * shape, no valid pattern, not finite, Q not symmetric or not positive semidefinite) before any work is done.
 */
export function sparseQuadraticBatch(data: SparseQuadraticBatchData): SparseQuadraticBatch {
  return readSparseQuadraticBatch(data).problem;
}

/** The same, with the dtype that the data came in (float64 for nested numbers alone), and the numbers under their names. */
export function readSparseQuadraticBatch(input: SparseQuadraticBatchData): {
  problem: SparseQuadraticBatch;
  dtype: DType;
  numbers: Partial<Record<SparseDatumName, DatumInput>>;
} {
  const { constant = 0 } = input;
  if (!Number.isFinite(constant)) throw rangeError("constant", [], `constant is ${constant}`, "a finite number");
  const given = givenData(input);
  const numbers = numbersOf(given);
  const shaped = readData(schemaOf(given), numbers);
  const { batch, batched, dtype } = shaped;
  const sizes = { n: shaped.sizes.n, p: shaped.sizes.p, m: shaped.sizes.m };
  const layouts = layoutsOf(given, sizes);
  const data = dataOf(shaped.data, layouts, sizes);
  for (const name of sparseDatumNames) checkFinite(name, data[name], kindOf(name));
  checkSymmetry(data.Q, layouts.Q, roundingOf[dtype]);
  const items = itemsOf(data, layouts, { ...sizes, batch, constant }, roundingOf[dtype]);
  return { problem: { kind: "sparse_qp_batch", ...sizes, batch, batched, ...data, layouts, items }, dtype, numbers };
}

type Letter = "n" | "p" | "m" | "nonzeros of Q" | "nonzeros of A" | "nonzeros of G";
interface Sizes {
  readonly n: number;
  readonly p: number;
  readonly m: number;
}

function schemaOf(given: GivenData): DataSchema<SparseDatumName, Letter> {
  const matrix = (name: SparseMatrixName, rows: Letter): readonly Letter[] =>
    isSparseMatrix(given[name]) ? [`nonzeros of ${name}`] : [rows, "n"];
  return {
    problem: "a sparse QP",
    names: sparseDatumNames,
    dimensions: {
      Q: matrix("Q", "n"),
      q: ["n"],
      A: matrix("A", "p"),
      b: ["p"],
      G: matrix("G", "m"),
      l: ["m"],
      u: ["m"],
      lower: ["n"],
      upper: ["n"],
    },
    extents: {
      n: "q",
      p: "b",
      m: given.u === undefined ? "l" : "u",
      "nonzeros of Q": "Q",
      "nonzeros of A": "A",
      "nonzeros of G": "G",
    },
    required: ["q"],
    partners: {},
  };
}

function layoutsOf(given: GivenData, { n, p, m }: Sizes): Record<SparseMatrixName, MatrixLayout> {
  const layout = (name: SparseMatrixName, rows: number): MatrixLayout => {
    const value = given[name];
    if (value === undefined) return emptyLayout(rows, n);
    if (!isSparseMatrix(value)) return denseLayout(name, rows, n, name === "Q");
    const [actualRows, columns] = value.shape;
    if (actualRows === rows && columns === n) return sparseLayout(name, value, name === "Q");
    throw rangeError(name, value.shape, `${name} is ${actualRows} x ${columns}`, `${rows} x ${n}`);
  };
  return { Q: layout("Q", n), A: layout("A", p), G: layout("G", m) };
}

function dataOf(
  data: ShapedData<SparseDatumName, Letter>["data"],
  layouts: Record<SparseMatrixName, MatrixLayout>,
  { n, m }: Sizes,
): Record<SparseDatumName, Datum> {
  const bound = (size: number, value: number): Datum => ({
    values: new Float64Array(size).fill(value),
    shape: [size],
    batched: false,
  });
  const matrix = (name: SparseMatrixName): Datum => {
    const datum = data[name] ?? zeroDatum(0);
    const { count } = layouts[name];
    const [own] = datum.shape;
    if (datum.shape.length === 2 || own === count) return datum;
    throw rangeError(name, datum.shape, `${name} has ${own} entries in data and ${count} in its pattern`, "as many");
  };
  return {
    Q: matrix("Q"),
    q: data.q ?? zeroDatum(n),
    A: matrix("A"),
    b: data.b ?? zeroDatum(0),
    G: matrix("G"),
    l: data.l ?? bound(m, -Infinity),
    u: data.u ?? bound(m, Infinity),
    lower: data.lower ?? bound(n, -Infinity),
    upper: data.upper ?? bound(n, Infinity),
  };
}

function kindOf(name: SparseDatumName): "value" | "upper bound" | "lower bound" {
  if (name === "l" || name === "lower") return "lower bound";
  return name === "u" || name === "upper" ? "upper bound" : "value";
}

function checkSymmetry(Q: Datum, { pattern, source, mirror }: MatrixLayout, rounding: number): void {
  if (mirror === null) return;
  const items = Q.batched ? Q.values.length / Math.max(1, itemOf(Q, 0).length) : 1;
  for (let i = 0; i < items; i++) {
    const values = itemOf(Q, i);
    const limit = rounding * maxAbs(values);
    const at = source.findIndex((from, k) => Math.abs(values[from] - values[mirror[k]]) > limit);
    if (at < 0) continue;
    const row = pattern.indices[at];
    const column = pattern.indptr.findIndex((end) => end > at) - 1;
    const item = Q.batched ? i : null;
    const pair = `Q[${row}][${column}] is ${values[source[at]]}, Q[${column}][${row}] is ${values[mirror[at]]}`;
    throw rangeError("Q", Q.shape, `${describeDatum("Q", item)} is not symmetric: ${pair}`, "a symmetric matrix", item);
  }
}

/** The items, with one array for every datum that they share. */
function itemsOf(
  data: Record<SparseDatumName, Datum>,
  layouts: Record<SparseMatrixName, MatrixLayout>,
  { n, p, m, batch, constant }: Sizes & { readonly batch: number; readonly constant: number },
  rounding: number,
): SparseQuadraticProgram[] {
  const matrices = (name: SparseMatrixName) =>
    eachItem(
      data[name],
      batch,
      (values): SparseMatrix => ({ ...layouts[name].pattern, data: gather(layouts[name], values) }),
    );
  const [Q, A, G] = sparseMatrixNames.map(matrices);
  Q.forEach((matrix, i) => {
    if (i === 0 || data.Q.batched) checkSparseConvexity(matrix, rounding, data.Q.batched ? i : null);
  });
  return Array.from({ length: batch }, (_, i) => ({
    kind: "sparse_qp",
    n,
    p,
    m,
    Q: Q[i],
    q: itemOf(data.q, i),
    A: A[i],
    b: itemOf(data.b, i),
    G: G[i],
    l: itemOf(data.l, i),
    u: itemOf(data.u, i),
    lower: itemOf(data.lower, i),
    upper: itemOf(data.upper, i),
    constant,
  }));
}

/** What `make` gives for every item; for a shared datum it is called once. */
function eachItem<T>(datum: Datum, batch: number, make: (values: Float64Array) => T): T[] {
  if (datum.batched) return Array.from({ length: batch }, (_, i) => make(itemOf(datum, i)));
  return new Array<T>(batch).fill(make(datum.values));
}

function rangeError(
  argument: string,
  shape: readonly number[],
  what: string,
  expected: string,
  item: number | null = null,
): DatumRangeError {
  return new DatumRangeError(`${what}; expected ${expected}`, { argument, shape, item, expected });
}
