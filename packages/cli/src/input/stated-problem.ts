import { InputError } from "../exit.ts";
import type { NumericArray } from "./numeric-array.ts";
import { kindOfFile, type ProblemFile } from "./problem-file.ts";
import type { Problem } from "./problem-kinds.ts";

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
}

/**
 * Validates a problem file. Throws what the reader of its kind throws, and an InputError for a missing datum or a cotangent
 * of the wrong shape.
 */
export function statedProblem(file: ProblemFile): StatedProblem {
  const { data, cotangent } = file;
  const { names, required, implied, repeated: datum, problem } = kindOfFile(file);
  for (const [name, expected] of Object.entries(required)) {
    if (data[name] === undefined) throw new InputError(`${name} is missing, expected ${expected}`);
  }
  const stated = problem(data);
  const repeats = cotangent?.shape.length === 2 && !stated.batched;
  const batch = repeats ? cotangent.shape[0] : stated.batch;
  return {
    problem: repeats ? problem({ ...data, [datum]: repeat(data[datum], batch) }) : stated,
    cotangent: cotangent && rowsOf(cotangent, batch, stated.n),
    names: names.filter((name) => data[name] !== undefined || implied.includes(name)),
    repeated: repeats ? datum : null,
  };
}

function repeat({ values, shape }: NumericArray, times: number): NumericArray {
  const repeated = new Float64Array(times * values.length);
  for (let i = 0; i < times; i++) repeated.set(values, i * values.length);
  return { values: repeated, shape: [times, ...shape] };
}

/** The cotangent of every item; one without a batch dimension is shared. */
function rowsOf(cotangent: NumericArray, batch: number, n: number): Float64Array {
  const { shape, values } = cotangent;
  if (shape.length === 1 && shape[0] === n) return repeat(cotangent, batch).values;
  if (shape.length === 2 && shape[0] === batch && shape[1] === n) return values;
  const expected = batch === 1 ? `${n}` : `${batch} x ${n} or ${n}`;
  throw new InputError(`cotangent has the shape ${shape.join(" x ")}, expected ${expected} as x has`);
}
