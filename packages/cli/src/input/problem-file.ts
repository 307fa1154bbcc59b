import { type DatumName, datumNames } from "@solvegrad/optlayers";
import { InputError } from "../exit.ts";
import { described, isRecord, type NumericArray, numericArray } from "./numeric-array.ts";
import { parseJson } from "./parse-json.ts";
import { readText, sourceName } from "./read-text.ts";

/** A QP as its file states it: absent constraints are absent here, and the shapes are not yet checked against each other. */
export interface ProblemFile {
  readonly kind: "qp";
  readonly data: Partial<Record<DatumName, NumericArray>>;
  readonly cotangent: NumericArray | null;
  /** Fields of the file that mean nothing. */
  readonly unknownFields: readonly string[];
}

/** Problems that the file format knows and this version cannot solve. */
const laterKinds = ["sparsemax", "entropy", "cone"];
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
  checkKind(json.kind, source);
  const data: Partial<Record<DatumName, NumericArray>> = {};
  for (const name of datumNames) {
    const datum = json[name] === undefined || json[name] === null ? null : numericArray(json[name], name);
    if (datum !== null && !datum.shape.includes(0)) data[name] = datum;
  }
  const known = new Set<string>(["kind", "cotangent", ...datumNames]);
  return {
    kind: "qp",
    data,
    cotangent:
      json.cotangent === undefined || json.cotangent === null ? null : numericArray(json.cotangent, "cotangent"),
    unknownFields: Object.keys(json).filter((field) => !known.has(field)),
  };
}

function checkKind(kind: unknown, source: string): void {
  if (kind === "qp") return;
  if (typeof kind === "string" && laterKinds.includes(kind)) {
    throw new InputError(`${source}: problems of kind "${kind}" are not supported by this version, only "qp"`);
  }
  throw new InputError(`${source}: kind is ${described(kind)}, expected "qp"`);
}
