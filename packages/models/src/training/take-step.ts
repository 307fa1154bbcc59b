import { noGrad } from "@solvegrad/autograd";
import { isUsable, type Solution, type Status } from "@solvegrad/optlayers";
import type { BatchLoss, Task } from "./task.ts";

/** How the optimization layer fared on one batch. */
export interface LayerStatistics {
  /** The largest number of solver iterations of an item. */
  readonly iterations: number;
  readonly statuses: Partial<Record<Status, number>>;
  /** Items of the batch that failed: they have a zero output and a zero gradient. */
  readonly masked: readonly number[];
}

export interface StepOutcome {
  /** Mean loss of the batch before the step. */
  readonly loss: number;
  /** The task's other measures of the batch before the step. */
  readonly measures: Readonly<Record<string, number>>;
  readonly milliseconds: number;
  readonly layer: LayerStatistics | null;
}

/** Forward, backward, and one step of the optimizer on one batch. */
export function takeStep<B>(
  task: Pick<Task<B>, "optimizer" | "loss" | "layerSolution">,
  batch: B,
  rateFactor = 1,
): StepOutcome {
  const start = performance.now();
  task.optimizer.zeroGrad();
  const { loss, measures } = task.loss(batch);
  loss.backward();
  task.optimizer.step(rateFactor);
  const solution = task.layerSolution?.() ?? null;
  return {
    loss: loss.item(),
    measures,
    milliseconds: performance.now() - start,
    layer: solution && layerStatistics(solution),
  };
}

/** Loss and measures on a batch, without a tape. */
export function score<B>(task: Pick<Task<B>, "loss">, batch: B): { loss: number; measures: BatchLoss["measures"] } {
  return noGrad(() => {
    const { loss, measures } = task.loss(batch);
    return { loss: loss.item(), measures };
  });
}

function layerStatistics({ iterations, status }: Pick<Solution, "iterations" | "status">): LayerStatistics {
  const statuses: Partial<Record<Status, number>> = {};
  for (const s of status) statuses[s] = (statuses[s] ?? 0) + 1;
  const masked = status.flatMap((s, i) => (isUsable(s) ? [] : [i]));
  return { iterations: iterations.reduce((most, count) => Math.max(most, count), 0), statuses, masked };
}
