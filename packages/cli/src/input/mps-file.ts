import { type SparseMatrix, view } from "@solvegrad/linalg";
import {
  MpsError,
  type MpsProblem,
  readMps,
  type SparseDatumName,
  type SparseQuadraticBatchData,
  type SparseQuadraticProgramData,
} from "@solvegrad/optlayers";
import { InputError } from "../exit.ts";
import type { Problem, StatedColumns } from "./problem.ts";
import { sparseProblemOf } from "./problem-kinds.ts";

const dataNames: readonly SparseDatumName[] = ["Q", "q", "A", "b", "G", "l", "u", "lower", "upper"];

/** A linear or quadratic program of an MPS or QPS file. */
export interface NamedProblem {
  readonly problem: Problem;
  readonly file: MpsProblem;
  /** The data that the file has. */
  readonly names: readonly SparseDatumName[];
}

/** Throws an InputError with the line of the first mistake. */
export function readMpsProblem(text: string, source: string): NamedProblem {
  const file = parsed(text, source);
  const { data } = file;
  const given: Record<string, unknown> = { constant: data.constant };
  const columns: Record<string, StatedColumns> = {};
  const names = dataNames.filter((name) => isPresent(data, name));
  for (const name of names) {
    const datum = data[name];
    if (datum === undefined) continue;
    if ("indptr" in datum) {
      given[name] = { ...datum, data: view(datum.data, [datum.data.length]) };
      columns[name] = stated(datum);
    } else given[name] = view(Float64Array.from(datum), [datum.length]);
  }
  const own = Object.fromEntries(names.map((name) => [name, name]));
  return { problem: sparseProblemOf(given as unknown as SparseQuadraticBatchData, own, columns), file, names };
}

/** An empty Q is a linear program's; A without rows, and G, are not there. */
function isPresent(data: SparseQuadraticProgramData, name: SparseDatumName): boolean {
  if (name === "Q") return (data.Q?.indices.length ?? 0) > 0;
  if (name === "A" || name === "b") return (data.A?.shape[0] ?? 0) > 0;
  if (name === "G" || name === "l" || name === "u") return (data.G?.shape[0] ?? 0) > 0;
  return true;
}

function stated({ shape, indptr, indices, data }: SparseMatrix): StatedColumns {
  const numbers = { values: data, shape: [data.length] };
  const columns = { shape, indptr: Float64Array.from(indptr), indices: Float64Array.from(indices), data: numbers };
  return { columns, place: (k) => k };
}

function parsed(text: string, source: string): MpsProblem {
  try {
    return readMps(text);
  } catch (error) {
    if (error instanceof MpsError) throw new InputError(`${source}, ${error.message}`);
    throw error;
  }
}
