import { InputError } from "../exit.ts";
import { described, isRecord, type NumericArray, numericArray } from "./numeric-array.ts";
import { parseJson } from "./parse-json.ts";
import { type FileData, type ProblemKind, problemKinds } from "./problem-kinds.ts";
import { readText, sourceName } from "./read-text.ts";

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
const otherFormats = /\.(qps|mps|sif|dat-s|sdpa)$/i;

/** Reads a problem from a JSON file or, for "-", from the standard input. Throws an InputError with the reason in one line. */
export async function readProblem(file: string): Promise<ProblemFile> {
  if (otherFormats.test(file)) {
    throw new InputError(`${file}: QPS, MPS and SDPA files are not supported by this version, expected a JSON problem`);
  }
  return parseProblem(parseJson(await readText(file), sourceName(file)), sourceName(file));
}

/** Checks the kind and reads every datum that is there; empty ones count as absent. */
export function parseProblem(json: unknown, source: string): ProblemFile {
  if (!isRecord(json))
    throw new InputError(`${source} is ${described(json)}, expected an object like {"kind": "qp", "Q": ..}`);
  const kind = kindOf(json.kind, source);
  const { names } = problemKinds[kind];
  const data: Record<string, NumericArray> = {};
  for (const name of names) {
    const datum = readDatum(json[name], name);
    if (datum !== null && !datum.shape.includes(0)) data[name] = datum;
  }
  const known = new Set<string>(["kind", "cotangent", ...names]);
  return {
    kind,
    data,
    cotangent: readDatum(json.cotangent, "cotangent"),
    unknownFields: Object.keys(json).filter((field) => !known.has(field)),
  };
}

/** A datum of the file, null where it has none. Only a total may be a lone number. */
function readDatum(json: unknown, name: string): NumericArray | null {
  if (json === undefined || json === null) return null;
  if (name === "total" && typeof json === "number") return { shape: [], values: numericArray([json], name).values };
  return numericArray(json, name);
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
