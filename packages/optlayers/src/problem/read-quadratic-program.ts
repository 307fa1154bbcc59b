import type { DType } from "@solvegrad/linalg";
import { checkConvexity, checkFinite } from "./check-values.ts";
import { type DatumName, datumNames, type QuadraticProgram } from "./quadratic-program.ts";
import { type DataSchema, readData, zeroDatum } from "./read-data.ts";
import type { DatumInput } from "./read-datum.ts";

/** The data of a QP as a user has them. A and b, or G and h, may be left out together. */
export interface QuadraticProgramData {
  /** n x n, symmetric positive semidefinite. */
  readonly Q: DatumInput;
  /** n. */
  readonly q: DatumInput;
  /** p x n. */
  readonly A?: DatumInput;
  /** p. */
  readonly b?: DatumInput;
  /** m x n. */
  readonly G?: DatumInput;
  /** m. */
  readonly h?: DatumInput;
}

/**
 * Checks the data of a QP and copies them into a `QuadraticProgram`, in float64 whatever they came in.
 *
 * Each datum is given for one problem, or with a leading batch dimension of the same length B as every other batched
 * one; data without it are shared by the B problems. Nested numbers take the precision of the rest; typed data must
 * all have one dtype. Q positive semidefinite is enough.
 *
 * Throws a `DatumTypeError` (not numbers, mixed dtypes, A without b, an unknown name) or a `DatumRangeError` (wrong
 * shape, empty, not finite, Q not symmetric or not positive semidefinite beyond rounding) before any work is done.
 * h must be finite: leave out the rows that never bind.
 */
export function quadraticProgram(data: QuadraticProgramData): QuadraticProgram {
  return readQuadraticProgram(data).problem;
}

const schema: DataSchema<DatumName, "n" | "p" | "m"> = {
  problem: "a QP",
  names: datumNames,
  dimensions: { Q: ["n", "n"], q: ["n"], A: ["p", "n"], b: ["p"], G: ["m", "n"], h: ["m"] },
  extents: { n: "q", p: "b", m: "h" },
  required: ["Q", "q"],
  partners: { A: "b", b: "A", G: "h", h: "G" },
};

/** The same, with the dtype that the data came in (float64 for nested numbers alone). */
export function readQuadraticProgram(input: QuadraticProgramData): { problem: QuadraticProgram; dtype: DType } {
  const { data, sizes, batch, batched, dtype } = readData(schema, input);
  const { n } = sizes;
  const problem: QuadraticProgram = {
    kind: "qp",
    ...sizes,
    batch,
    batched,
    Q: data.Q ?? zeroDatum(n, n),
    q: data.q ?? zeroDatum(n),
    A: data.A ?? zeroDatum(0, n),
    b: data.b ?? zeroDatum(0),
    G: data.G ?? zeroDatum(0, n),
    h: data.h ?? zeroDatum(0),
  };
  for (const name of datumNames) checkFinite(name, problem[name]);
  checkConvexity(problem.Q, dtype);
  return { problem, dtype };
}
