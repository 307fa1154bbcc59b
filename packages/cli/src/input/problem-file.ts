import { InputError } from "../exit.ts";
import { described, isRecord, type NumericArray, nestedArray, numericArray } from "./numeric-array.ts";
import { parseJson } from "./parse-json.ts";
import { type FileData, type ProblemKind, problemKinds } from "./problem-kinds.ts";
import { readText, sourceName } from "./read-text.ts";
import { isColumns, type SparseColumns } from "./sparse-columns.ts";

/** A problem as its file states it: absent data are absent here, and the shapes are not yet checked against each other. */
export interface ProblemFile {
  readonly kind: string;
  readonly data: FileData;
  readonly cotangent: NumericArray | null;
  /** Fields of the file that mean nothing. */
  readonly unknownFields: readonly string[];
}

/** Problems that the file format knows and this version cannot solve. */
const laterKinds = ["cone"];
const mpsNames = /\.(qps|mps|sif)$/i;
const otherFormats = /\.(dat-s|sdpa)$/i;
/** The heading of a section, in the first column, with which MPS text begins after its comments. */
const mpsHeading = /^(NAME|ROWS|OBJSENSE|OBJSENSE\s.*|NAME\s.*)\s*$/i;

/** Text in a format that states a problem. */
export type ProblemText =
  | { readonly format: "json"; readonly json: unknown }
  | { readonly format: "mps"; readonly text: string };

/**
 * Reads a problem from a file or, for "-", from the standard input: MPS or QPS where the file's name or its first line says so,
 * otherwise JSON. Throws an InputError with the reason in one line.
 */
export async function readProblem(file: string): Promise<ProblemText> {
  if (otherFormats.test(file)) {
    throw new InputError(`${file}: SDPA files are not supported by this version, expected a JSON, MPS or QPS problem`);
  }
  const text = await readText(file);
  if (mpsNames.test(file) || isMps(text)) return { format: "mps", text };
  return { format: "json", json: parseJson(text, sourceName(file)) };
}

function isMps(text: string): boolean {
  const first = text
    .slice(0, 10_000)
    .split(/\r?\n/)
    .find((line) => line.trim() !== "" && !line.startsWith("*"));
  return first !== undefined && mpsHeading.test(first);
}

/** Checks the kind and reads every datum that is there; empty ones count as absent. */
export function parseProblem(json: unknown, source: string): ProblemFile {
  if (!isRecord(json))
    throw new InputError(`${source} is ${described(json)}, expected an object like {"kind": "qp", "Q": ..}`);
  const kind = kindOf(json.kind, source);
  const { names, bounds } = problemKinds[kind];
  const data: Record<string, NumericArray | SparseColumns> = {};
  for (const name of names) {
    const datum = readDatum(json[name], name, bounds[name]);
    if (datum !== null && !datum.shape.includes(0)) data[name] = datum;
  }
  const known = new Set<string>(["kind", "cotangent", ...names]);
  return {
    kind,
    data,
    cotangent: readCotangent(json.cotangent),
    unknownFields: Object.keys(json).filter((field) => !known.has(field)),
  };
}

/** A datum of the file, null where it has none. Only a total may be a lone number. */
function readDatum(json: unknown, name: string, none: number | undefined): NumericArray | SparseColumns | null {
  if (json === undefined || json === null) return null;
  if (name === "total" && typeof json === "number") return { shape: [], values: nestedArray([json], name).values };
  const array = numericArray(json, name, none);
  if (isColumns(array) && !matrices.has(name)) {
    throw new InputError(`${name} is a sparse matrix, expected a list of numbers`);
  }
  return array;
}

/** The data that may come in compressed columns. */
const matrices = new Set(["Q", "A", "G"]);

/** Nested lists; null where there are none. */
export function readCotangent(json: unknown): NumericArray | null {
  if (json === undefined || json === null) return null;
  if (Array.isArray(json)) return nestedArray(json, "cotangent");
  throw new InputError(`cotangent is ${described(json)}, expected a list of numbers, one for each entry of x`);
}

function kindOf(kind: unknown, source: string): string {
  const kinds = Object.keys(problemKinds);
  if (typeof kind === "string" && kinds.includes(kind)) return kind;
  const expected = `"${kinds.slice(0, -1).join('", "')}" or "${kinds.at(-1)}"`;
  if (typeof kind === "string" && laterKinds.includes(kind)) {
    throw new InputError(`${source}: problems of kind "${kind}" are not supported by this version, only ${expected}`);
  }
  throw new InputError(`${source}: kind is ${described(kind)}, expected ${expected}`);
}

/** The kind of a problem that was read. */
export function kindOfFile({ kind }: ProblemFile): ProblemKind {
  return problemKinds[kind];
}
