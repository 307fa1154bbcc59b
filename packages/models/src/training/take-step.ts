import { type Module, nllLoss, noGrad, type Tensor } from "@solvegrad/autograd";
import { isUsable, type Solution, type Status } from "@solvegrad/optlayers";
import type { Batch } from "../datasets/batches.ts";
import type { QuadraticModule } from "../networks/quadratic-module.ts";

/** A network that gives log-probabilities, with its optimization layer where it has one. */
export interface Classifier extends Module {
  readonly quadratic: QuadraticModule | null;
}

/** Something that takes one step along the gradients of the parameters it was made for. */
export interface Stepper {
  /** Moves the parameters; `rateFactor` multiplies the learning rate of this step. */
  step(rateFactor?: number): void;
  zeroGrad(): void;
}

/** How the optimization layer fared on one batch. */
export interface LayerStatistics {
  /** The largest number of solver iterations of an item. */
  readonly iterations: number;
  readonly statuses: Partial<Record<Status, number>>;
  /** Items of the batch that failed: they have a zero output and a zero gradient. */
  readonly masked: readonly number[];
}

export interface StepOutcome {
  /** Mean negative log-likelihood of the batch before the step. */
  readonly loss: number;
  /** Share of the batch that was classified rightly before the step. */
  readonly accuracy: number;
  readonly milliseconds: number;
  readonly layer: LayerStatistics | null;
}

/** Forward, backward, and one step of the optimizer on one batch. */
export function takeStep(network: Classifier, optimizer: Stepper, batch: Batch, rateFactor = 1): StepOutcome {
  const start = performance.now();
  optimizer.zeroGrad();
  const logProbabilities = network.forward(batch.images);
  const loss = nllLoss(logProbabilities, batch.labels);
  loss.backward();
  optimizer.step(rateFactor);
  return {
    loss: loss.item(),
    accuracy: countCorrect(logProbabilities, batch.labels) / batch.labels.length,
    milliseconds: performance.now() - start,
    layer: network.quadratic?.lastSolution ? layerStatistics(network.quadratic.lastSolution) : null,
  };
}

/** Summed loss and right answers on a batch, without a tape. */
export function score(network: Classifier, batch: Batch): { loss: number; correct: number } {
  return noGrad(() => {
    const logProbabilities = network.forward(batch.images);
    const loss = nllLoss(logProbabilities, batch.labels).item() * batch.labels.length;
    return { loss, correct: countCorrect(logProbabilities, batch.labels) };
  });
}

/** How many rows have their largest entry at the label; the first of equal entries counts. */
function countCorrect(logProbabilities: Tensor, labels: Int32Array): number {
  return logProbabilities.argmax(1).reduce((correct, found, i) => correct + (found === labels[i] ? 1 : 0), 0);
}

function layerStatistics({ iterations, status }: Solution): LayerStatistics {
  const statuses: Partial<Record<Status, number>> = {};
  for (const s of status) statuses[s] = (statuses[s] ?? 0) + 1;
  const masked = status.flatMap((s, i) => (isUsable(s) ? [] : [i]));
  return { iterations: Math.max(...iterations), statuses, masked };
}
