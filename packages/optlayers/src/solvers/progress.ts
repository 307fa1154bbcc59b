import type { IterationProgress } from "./solver.ts";

type OnIteration = ((progress: IterationProgress) => void) | undefined;

/** The callback for a later part of a solve, whose iterations are counted on from those before it. */
export function countedFrom(before: number, onIteration: OnIteration): OnIteration {
  return onIteration && ((progress) => onIteration({ ...progress, iteration: before + progress.iteration }));
}
