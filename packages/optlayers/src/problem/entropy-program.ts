import type { DType } from "@solvegrad/linalg";
import { checkFinite } from "./check-values.ts";
import type { Datum, LinearConstraints } from "./quadratic-program.ts";
import { type DataSchema, readData, zeroDatum } from "./read-data.ts";
import type { DatumInput } from "./read-datum.ts";

/** The names of an entropy program's data, in the order that every report keeps. */
export const entropyNames = ["y", "A", "b", "G", "h"] as const;
export type EntropyName = (typeof entropyNames)[number];

/**
 * A validated batch of entropy programs (constrained softmax; Alt-Diff appendix B.2, Table 6)
 *
 *     minimize -y'x + sum_j x_j log x_j   subject to  Ax = b (nu),  Gx <= h (lambda >= 0),
 *
 * with x > 0 by the domain of the logarithm. Its KKT conditions are log x + 1 - y + A'nu + G'lambda = 0 and those of the
 * constraints. The objective grows faster than any linear function: a program that is feasible is never unbounded.
 */
export interface EntropyProgram extends LinearConstraints {
  readonly kind: "entropy";
  readonly y: Datum;
}

/** The data of an entropy program as a user has them. A and b, or G and h, may be left out together. */
export interface EntropyProgramData {
  /** n. */
  readonly y: DatumInput;
  /** p x n. */
  readonly A?: DatumInput;
  /** p. */
  readonly b?: DatumInput;
  /** m x n. */
  readonly G?: DatumInput;
  /** m. */
  readonly h?: DatumInput;
}

const schema: DataSchema<EntropyName, "n" | "p" | "m"> = {
  problem: "an entropy program",
  names: entropyNames,
  dimensions: { y: ["n"], A: ["p", "n"], b: ["p"], G: ["m", "n"], h: ["m"] },
  extents: { n: "y", p: "b", m: "h" },
  required: ["y"],
  partners: { A: "b", b: "A", G: "h", h: "G" },
};

/**
 * Checks the data of an entropy program and copies them, in float64 whatever they came in; shapes and batches as for
 * `quadraticProgram`. Throws a `DatumTypeError` or a `DatumRangeError` for data of the wrong type, shape, or values that
 * are not finite.
 */
export function entropyProgram(data: EntropyProgramData): EntropyProgram {
  return readEntropyProgram(data).problem;
}

/** The same, with the dtype that the data came in. */
export function readEntropyProgram(input: EntropyProgramData): { problem: EntropyProgram; dtype: DType } {
  const { data, sizes, batch, batched, dtype } = readData(schema, input);
  const { n } = sizes;
  const problem: EntropyProgram = {
    kind: "entropy",
    ...sizes,
    batch,
    batched,
    y: data.y ?? zeroDatum(n),
    A: data.A ?? zeroDatum(0, n),
    b: data.b ?? zeroDatum(0),
    G: data.G ?? zeroDatum(0, n),
    h: data.h ?? zeroDatum(0),
  };
  for (const name of entropyNames) checkFinite(name, problem[name]);
  return { problem, dtype };
}
