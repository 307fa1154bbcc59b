import type { ExplanationNames } from "@solvegrad/optlayers";
import { InputError } from "../exit.ts";
import { complain } from "../output/streams.ts";
import { readMpsProblem } from "./mps-file.ts";
import { described, isRecord, type NumericArray, nestedArray } from "./numeric-array.ts";
import { parseJson } from "./parse-json.ts";
import { parseProblem, readCotangent, readProblem } from "./problem-file.ts";
import { readText, sourceName } from "./read-text.ts";
import { type StatedProblem, statedMps, statedProblem } from "./stated-problem.ts";

/**
 * The problem of a file in any format, with the cotangent that `--cotangent` names: "ones", for the loss sum(x), or a JSON file of a
 * list of numbers or of numbers by the variables' names. Without it, the cotangent is the file's own, and an MPS file has none.
 * Throws an InputError with the reason in one line.
 */
export async function loadProblem(file: string, cotangent?: string): Promise<StatedProblem> {
  const source = sourceName(file);
  const stated = await readProblem(file);
  if (stated.format === "mps") {
    const named = readMpsProblem(stated.text, source);
    const { integers, variables } = named.file;
    if (integers.length > 0) {
      complain(
        `warning: ${integers.length} of ${variables.length} variables are integer in ${source}, this solves the relaxation`,
      );
    }
    return statedMps(named, await cotangentOf(cotangent, named.problem.n, named.file));
  }
  const problemFile = parseProblem(stated.json, source);
  for (const field of problemFile.unknownFields)
    complain(`warning: the field ${JSON.stringify(field)} means nothing and is ignored`);
  if (cotangent === undefined) return statedProblem(problemFile);
  const { n } = statedProblem(problemFile, null).problem;
  return statedProblem(problemFile, await cotangentOf(cotangent, n, {}));
}

async function cotangentOf(
  option: string | undefined,
  n: number,
  names: ExplanationNames,
): Promise<NumericArray | null> {
  if (option === undefined) return null;
  if (option === "ones") return { shape: [n], values: new Float64Array(n).fill(1) };
  const json = parseJson(await readText(option), sourceName(option));
  return isRecord(json) ? byName(json, names.variables ?? [], option) : readCotangent(json);
}

/** Numbers by the names of variables; those that are not there are 0. */
function byName(json: Readonly<Record<string, unknown>>, variables: readonly string[], source: string): NumericArray {
  const place = new Map(variables.map((name, j) => [name, j]));
  const values = new Float64Array(variables.length);
  for (const [name, value] of Object.entries(json)) {
    const j = place.get(name);
    if (j === undefined) {
      const expected =
        variables.length > 0 ? `a variable such as ${variables[0]}` : "a list: the problem's variables have no names";
      throw new InputError(`${source} names ${described(name)}, expected ${expected}`);
    }
    values[j] = nestedArray([value], `cotangent of ${name}`).values[0];
  }
  return { shape: [values.length], values };
}
