import type { DType } from "@solvegrad/linalg";
import { DatumRangeError, DatumTypeError } from "../errors.ts";
import { checkConvexity, checkFinite } from "./check-values.ts";
import { type Datum, type DatumName, datumNames, type QuadraticProgram } from "./quadratic-program.ts";
import { type DatumInput, type ReadDatum, readDatum } from "./read-datum.ts";

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

/** The same, with the dtype that the data came in (float64 for nested numbers alone). */
export function readQuadraticProgram(data: QuadraticProgramData): { problem: QuadraticProgram; dtype: DType } {
  const read = readAll(data);
  const dtype = commonDtype(read);
  const sizes = sizesOf(read);
  const batch = batchOf(read);
  const datum = (name: DatumName): Datum => {
    const { values, shape, batched } = shaped(name, read, sizes, batch);
    return { values, shape, batched };
  };
  const problem: QuadraticProgram = {
    kind: "qp",
    ...sizes,
    batch: batch?.size ?? 1,
    batched: batch !== null,
    Q: datum("Q"),
    q: datum("q"),
    A: datum("A"),
    b: datum("b"),
    G: datum("G"),
    h: datum("h"),
  };
  for (const name of datumNames) checkFinite(name, problem[name]);
  checkConvexity(problem.Q, dtype);
  return { problem, dtype };
}

type ReadData = Partial<Record<DatumName, ReadDatum>>;
type Sizes = Pick<QuadraticProgram, "n" | "p" | "m">;

/** The rank of each datum of one problem, and its dimensions by letter. */
const dimensions: Record<DatumName, readonly (keyof Sizes)[]> = {
  Q: ["n", "n"],
  q: ["n"],
  A: ["p", "n"],
  b: ["p"],
  G: ["m", "n"],
  h: ["m"],
};
const partner: Partial<Record<DatumName, DatumName>> = { A: "b", b: "A", G: "h", h: "G" };

function readAll(data: QuadraticProgramData): ReadData {
  const read: ReadData = {};
  for (const [name, input] of Object.entries(data)) {
    if (!(datumNames as readonly string[]).includes(name)) {
      throw typeError(name, `${name} is not a datum of a QP`, `the names ${datumNames.join(", ")}`);
    }
    if (input !== undefined && input !== null) read[name as DatumName] = readDatum(name, input);
  }
  for (const name of datumNames) {
    const other = partner[name];
    if (read[name] === undefined && (name === "Q" || name === "q"))
      throw typeError(name, `${name} is missing`, "Q and q");
    if (other && read[name] && !read[other])
      throw typeError(other, `${name} came without ${other}`, `${name} and ${other} together`);
  }
  return read;
}

function commonDtype(read: ReadData): DType {
  let first: { name: string; dtype: DType } | null = null;
  for (const name of datumNames) {
    const dtype = read[name]?.dtype;
    if (!dtype) continue;
    first ??= { name, dtype };
    if (dtype !== first.dtype) {
      throw typeError(name, `${name} is ${dtype}, but ${first.name} is ${first.dtype}`, "one dtype for all data");
    }
  }
  return first?.dtype ?? "float64";
}

/** The batch size with the datum that sets it, or null when no datum is batched. */
function batchOf(read: ReadData): { name: DatumName; size: number } | null {
  for (const name of datumNames) {
    const datum = read[name];
    if (datum && datum.shape.length === dimensions[name].length + 1) return { name, size: datum.shape[0] };
  }
  return null;
}

function sizesOf(read: ReadData): Sizes {
  const last = (name: DatumName) => read[name]?.shape.at(-1) ?? 0;
  return { n: last("q"), p: last("b"), m: last("h") };
}

function shaped(name: DatumName, read: ReadData, sizes: Sizes, batch: { name: DatumName; size: number } | null): Datum {
  const shape = dimensions[name].map((letter) => sizes[letter]);
  const datum = read[name];
  if (!datum) return { values: new Float64Array(0), shape, batched: false };
  const batched = datum.shape.length === shape.length + 1;
  const expected = batched ? [batch?.size ?? 0, ...shape] : shape;
  const facts = { argument: name, shape: datum.shape, item: null };
  if (datum.values.length === 0) {
    const hint =
      name === "Q" || name === "q"
        ? ""
        : `; leave out ${name} and ${partner[name]} where there are no such constraints`;
    throw new DatumRangeError(`${name} is empty: shape ${text(datum.shape)}${hint}`, {
      ...facts,
      expected: "at least one entry",
    });
  }
  if (datum.shape.length !== expected.length || datum.shape.some((extent, axis) => extent !== expected[axis])) {
    const wish = `${text(shape)} or, batched, ${text([batch?.size ?? "B", ...shape])}`;
    const source = `from q with n = ${sizes.n}${batch && batched ? ` and ${batch.name} with B = ${batch.size}` : ""}`;
    throw new DatumRangeError(`${name} has shape ${text(datum.shape)}, expected ${wish} (${source})`, {
      ...facts,
      expected: wish,
    });
  }
  return { values: datum.values, shape, batched };
}

function text(shape: readonly (number | string)[]): string {
  return `(${shape.join(", ")})`;
}

function typeError(argument: string, problem: string, expected: string): DatumTypeError {
  return new DatumTypeError(`${problem}; expected ${expected}`, { argument, shape: null, item: null, expected });
}
