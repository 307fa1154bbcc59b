import type { ExplanationNames } from "@solvegrad/optlayers";
import { InputError } from "../exit.ts";
import type { NamedProblem } from "./mps-file.ts";
import type { NumericArray } from "./numeric-array.ts";
import type { Problem } from "./problem.ts";
import { kindOfFile, type ProblemFile } from "./problem-file.ts";
import type { FileData } from "./problem-kinds.ts";
import { isColumns } from "./sparse-columns.ts";

/** A validated problem with the cotangent of the loss, one row an item; null where the file has none. */
export interface StatedProblem {
  readonly problem: Problem;
  readonly cotangent: Float64Array | null;
  /** The data that gradients are reported for: those that the file states, and those that it implies. */
  readonly names: readonly string[];
  /**
   * The datum that was repeated because only the cotangent has a batch dimension: its gradient is the sum over the batch.
   * Null where there was no need.
   */
  readonly repeated: string | null;
  /** What the file calls the rows and the variables; null where it has no names. */
  readonly rowNames: ExplanationNames | null;
  /** Whether the file maximizes the negative of the problem's objective. */
  readonly maximize: boolean;
}

/**
 * Validates a problem file. Throws what the reader of its kind throws, and an InputError for a missing datum or a cotangent
 * of the wrong shape.
 */
export function statedProblem(file: ProblemFile, cotangent: NumericArray | null = file.cotangent): StatedProblem {
  const { data } = file;
  const { names, required, implied, repeated: datum, problem } = kindOfFile(file);
  for (const [name, expected] of Object.entries(required)) {
    if (data[name] === undefined) throw new InputError(`${name} is missing, expected ${expected}`);
  }
  const stated = problem(data);
  const repeats = cotangent?.shape.length === 2 && !stated.batched;
  const batch = repeats ? cotangent.shape[0] : stated.batch;
  return {
    problem: repeats ? problem({ ...data, [datum]: repeat(vectorOf(data, datum), batch) }) : stated,
    cotangent: cotangent && rowsOf(cotangent, batch, stated.n),
    names: names.filter((name) => data[name] !== undefined || implied(data).includes(name)),
    repeated: repeats ? datum : null,
    rowNames: null,
    maximize: false,
  };
}

function vectorOf(data: FileData, name: string): NumericArray {
  const vector = data[name];
  if (isColumns(vector)) throw new InputError(`${name} is a sparse matrix, expected a list of numbers`);
  return vector;
}

function repeat({ values, shape }: NumericArray, times: number): NumericArray {
  const repeated = new Float64Array(times * values.length);
  for (let i = 0; i < times; i++) repeated.set(values, i * values.length);
  return { values: repeated, shape: [times, ...shape] };
}

/** The same for a problem of an MPS or QPS file: it has a gradient where a cotangent is given. */
export function statedMps({ problem, file, names }: NamedProblem, cotangent: NumericArray | null): StatedProblem {
  return {
    ...{ problem, names },
    cotangent: cotangent && rowsOf(cotangent, 1, problem.n),
    repeated: null,
    rowNames: file,
    maximize: file.maximize,
  };
}

/** The cotangent of every item; one without a batch dimension is shared. */
function rowsOf(cotangent: NumericArray, batch: number, n: number): Float64Array {
  const { shape, values } = cotangent;
  if (shape.length === 1 && shape[0] === n) return repeat(cotangent, batch).values;
  if (shape.length === 2 && shape[0] === batch && shape[1] === n) return values;
  const expected = batch === 1 ? `${n}` : `${batch} x ${n} or ${n}`;
  throw new InputError(`cotangent has the shape ${shape.join(" x ")}, expected ${expected} as x has`);
}
