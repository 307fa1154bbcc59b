import { type DType, sizeOf } from "@solvegrad/linalg";
import { DatumRangeError, DatumTypeError } from "../errors.ts";
import type { Datum } from "./quadratic-program.ts";
import { type DatumInput, type ReadDatum, readDatum } from "./read-datum.ts";

/** What data a kind of problem has: their names N, and the letters L of their dimensions. */
export interface DataSchema<N extends string, L extends string> {
  /** How messages name the problem: "a QP". */
  readonly problem: string;
  readonly names: readonly N[];
  /** The dimensions of each datum of one problem, by letter; none for a number. */
  readonly dimensions: Readonly<Record<N, readonly L[]>>;
  /** For each letter, the datum whose last dimension it is. The first letter is the number of variables. */
  readonly extents: Readonly<Record<L, N>>;
  readonly required: readonly N[];
  /** Data that come together or not at all. */
  readonly partners: Readonly<Partial<Record<N, N>>>;
}

/** Data of the right shapes. A datum that was left out is absent; its sizes are then 0. */
export interface ShapedData<N extends string, L extends string> {
  readonly data: Partial<Record<N, Datum>>;
  readonly sizes: Readonly<Record<L, number>>;
  /** Number of items; 1 where no datum has a batch dimension. */
  readonly batch: number;
  readonly batched: boolean;
  /** That of the typed data; float64 for nested numbers alone. */
  readonly dtype: DType;
}

/**
 * Reads the data of one problem or a batch, by its schema: each datum of the shape of one problem, or with a leading
 * batch dimension of the same length as every other batched one. Nested numbers take the precision of the rest; typed
 * data must all have one dtype.
 *
 * Throws a `DatumTypeError` (not numbers, mixed dtypes, a missing or unknown name) or a `DatumRangeError` (wrong shape,
 * empty). The values are not looked at.
 */
export function readData<N extends string, L extends string>(
  schema: DataSchema<N, L>,
  input: Readonly<Partial<Record<N, DatumInput | number>>>,
): ShapedData<N, L> {
  const read = readAll(schema, input);
  const dtype = commonDtype(schema, read);
  const sizes = sizesOf(schema, read);
  const batch = batchOf(schema, read);
  const data: Partial<Record<N, Datum>> = {};
  for (const name of schema.names) {
    const datum = read[name];
    if (datum) data[name] = shaped(schema, name, datum, sizes, batch);
  }
  return { data, sizes, batch: batch?.size ?? 1, batched: batch !== null, dtype };
}

type Read<N extends string> = Partial<Record<N, ReadDatum>>;

interface Batch {
  readonly name: string;
  readonly size: number;
}

function readAll<N extends string, L extends string>(
  { problem, names, dimensions, required, partners }: DataSchema<N, L>,
  input: Readonly<Partial<Record<N, DatumInput | number>>>,
): Read<N> {
  const read: Read<N> = {};
  if (!input) throw typeError("data", `the data of ${problem} are ${input}`, `an object with ${required.join(", ")}`);
  for (const [key, value] of Object.entries(input) as [N, DatumInput | number | undefined | null][]) {
    if (!names.includes(key)) {
      throw typeError(key, `${key} is not a datum of ${problem}`, `the names ${names.join(", ")}`);
    }
    if (value === undefined || value === null) continue;
    const isNumber = typeof value === "number" && dimensions[key].length === 0;
    read[key] = isNumber
      ? { values: Float64Array.of(value), shape: [], dtype: null }
      : readDatum(key, value as DatumInput);
  }
  for (const name of names) {
    const other = partners[name];
    if (!read[name] && required.includes(name)) throw typeError(name, `${name} is missing`, required.join(" and "));
    if (other && read[name] && !read[other])
      throw typeError(other, `${name} came without ${other}`, `${name} and ${other} together`);
  }
  return read;
}

function commonDtype<N extends string, L extends string>({ names }: DataSchema<N, L>, read: Read<N>): DType {
  let first: { name: string; dtype: DType } | null = null;
  for (const name of names) {
    const dtype = read[name]?.dtype;
    if (!dtype) continue;
    first ??= { name, dtype };
    if (dtype !== first.dtype) {
      const wish = "one dtype for all data: convert one with to(dtype), or give constants as nested arrays";
      throw typeError(name, `${name} is ${dtype}, but ${first.name} is ${first.dtype}`, wish);
    }
  }
  return first?.dtype ?? "float64";
}

/** The batch size with the datum that sets it, or null when no datum is batched. */
function batchOf<N extends string, L extends string>(schema: DataSchema<N, L>, read: Read<N>): Batch | null {
  for (const name of schema.names) {
    const datum = read[name];
    if (datum && datum.shape.length === schema.dimensions[name].length + 1) return { name, size: datum.shape[0] };
  }
  return null;
}

function sizesOf<N extends string, L extends string>({ extents }: DataSchema<N, L>, read: Read<N>): Record<L, number> {
  const letters = Object.keys(extents) as L[];
  const sizes = letters.map((letter) => [letter, read[extents[letter]]?.shape.at(-1) ?? 0]);
  return Object.fromEntries(sizes) as Record<L, number>;
}

function shaped<N extends string, L extends string>(
  { dimensions, extents, required, partners }: DataSchema<N, L>,
  name: N,
  datum: ReadDatum,
  sizes: Readonly<Record<L, number>>,
  batch: Batch | null,
): Datum {
  const shape = dimensions[name].map((letter) => sizes[letter]);
  const batched = datum.shape.length === shape.length + 1;
  const expected = batched ? [batch?.size ?? 0, ...shape] : shape;
  const facts = { argument: name, shape: datum.shape, item: null };
  if (datum.values.length === 0) {
    const left = [name, partners[name]].filter((part) => part !== undefined).join(" and ");
    const hint = required.includes(name) ? "" : `; leave out ${left} where there are no such constraints`;
    throw new DatumRangeError(`${name} is empty: shape ${text(datum.shape)}${hint}`, {
      ...facts,
      expected: "at least one entry",
    });
  }
  if (datum.shape.length !== expected.length || datum.shape.some((extent, axis) => extent !== expected[axis])) {
    const wish = `${text(shape)} or, batched, ${text([batch?.size ?? "B", ...shape])}`;
    const sources = [...new Set(dimensions[name])]
      .filter((letter) => extents[letter] !== name)
      .map((letter) => `${extents[letter]} with ${letter} = ${sizes[letter]}`);
    if (batch && batched) sources.push(`${batch.name} with B = ${batch.size}`);
    const reason = sources.length > 0 ? ` (from ${sources.join(" and ")})` : "";
    throw new DatumRangeError(`${name} has shape ${text(datum.shape)}, expected ${wish}${reason}`, {
      ...facts,
      expected: wish,
    });
  }
  return { values: datum.values, shape, batched };
}

/** A datum of zeros that all items share; with no entries, the stand-in for constraints that are not there. */
export function zeroDatum(...shape: number[]): Datum {
  return { values: new Float64Array(sizeOf(shape)), shape, batched: false };
}

function text(shape: readonly (number | string)[]): string {
  return `(${shape.join(", ")})`;
}

function typeError(argument: string, problem: string, expected: string): DatumTypeError {
  return new DatumTypeError(`${problem}; expected ${expected}`, { argument, shape: null, item: null, expected });
}
