import { checkTimeLimit } from "../check-options.ts";
import type { SolveOptions } from "./solver.ts";

/**
 * Whether a solve that begins now has to stop, to be asked between two iterations: its signal was aborted, or the smaller
 * of its own limit and the solver's, in milliseconds, has passed. Throws an `OptionError` for a limit that is no positive number.
 */
export function interruption(
  { signal, timeLimit = Infinity }: Pick<SolveOptions, "signal" | "timeLimit">,
  solverLimit = Infinity,
): () => boolean {
  checkTimeLimit(timeLimit);
  const deadline = performance.now() + Math.min(timeLimit, solverLimit);
  return () => signal?.aborted === true || performance.now() > deadline;
}
