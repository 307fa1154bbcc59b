import { type View, view } from "@solvegrad/linalg";
import { type DatumName, datumNames, type QuadraticProgram, quadraticProgram } from "@solvegrad/optlayers";
import { InputError } from "../exit.ts";
import type { NumericArray } from "./numeric-array.ts";
import type { ProblemFile } from "./problem-file.ts";

/** A validated problem with the cotangent of the loss, one row an item; null where the file has none. */
export interface StatedProblem {
  readonly program: QuadraticProgram;
  readonly cotangent: Float64Array | null;
  /** The data that the file states: gradients are reported for these. */
  readonly names: readonly DatumName[];
  /** Whether only the cotangent has a batch dimension: q was then repeated, and its gradient is the sum over the batch. */
  readonly repeated: boolean;
}

/**
 * Validates a problem file. Throws what `quadraticProgram` throws, and an InputError for a missing Q or q or a
 * cotangent of the wrong shape.
 */
export function toProgram({ data, cotangent }: ProblemFile): StatedProblem {
  const { Q, q } = data;
  if (Q === undefined) throw new InputError("Q is missing, expected an n x n matrix");
  if (q === undefined) throw new InputError("q is missing, expected a list of n numbers");
  const names = datumNames.filter((name) => data[name] !== undefined);
  const stated = program(data);
  const repeated = cotangent?.shape.length === 2 && !stated.batched;
  const batch = repeated ? cotangent.shape[0] : stated.batch;
  return {
    program: repeated ? program({ ...data, q: repeat(q, batch) }) : stated,
    cotangent: cotangent && rowsOf(cotangent, batch, stated.n),
    names,
    repeated,
  };
}

function program(data: ProblemFile["data"]): QuadraticProgram {
  const views = Object.entries(data).map(([name, { values, shape }]): [string, View] => [name, view(values, shape)]);
  return quadraticProgram(Object.fromEntries(views) as unknown as Parameters<typeof quadraticProgram>[0]);
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
