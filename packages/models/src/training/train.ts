import { setImmediate } from "node:timers/promises";
import { type Random, random } from "@solvegrad/autograd";
import { batchCount, batches } from "../datasets/batches.ts";
import type { LabelledImages } from "../datasets/mnist.ts";
import { type Classifier, type StepOutcome, type Stepper, score, takeStep } from "./take-step.ts";

export interface StepEvent extends StepOutcome {
  readonly kind: "step";
  readonly epoch: number;
  /** Counted from 1 over all epochs. */
  readonly step: number;
}

export interface Evaluation {
  readonly loss: number;
  readonly accuracy: number;
  readonly correct: number;
  readonly count: number;
  readonly milliseconds: number;
}

export interface EvaluationEvent extends Evaluation {
  readonly kind: "evaluation";
  readonly epoch: number;
  /** The step after which the network was evaluated. */
  readonly step: number;
}

export type TrainingEvent = StepEvent | EvaluationEvent;

export interface TrainingOptions {
  readonly epochs: number;
  readonly batchSize: number;
  /** The order of the images in epoch e depends on the seed and e alone. */
  readonly seed: number;
  /**
   * The share of all steps, at their end, over which the learning rate falls linearly to zero; 0 (the default) keeps it
   * constant. With a constant rate the weights end wherever the last steps' noise throws them.
   */
  readonly cooldown?: number;
  /** Stops after the step under way. */
  readonly signal?: AbortSignal;
  /** Ends after this step, for a run that is shorter than its epochs. */
  readonly maxSteps?: number;
  /** Steps that an earlier run has taken: they are skipped. */
  readonly stepsTaken?: number;
}

/**
 * Trains a classifier by stochastic gradient descent on the negative log-likelihood, and evaluates it on the test
 * images after every epoch, and at the end. Yields what happens, step by step; between two steps other work of the process gets its
 * turn. Same data, network, optimizer and seed: same events but for the times.
 */
export async function* train(
  network: Classifier,
  optimizer: Stepper,
  data: { readonly train: LabelledImages; readonly test: LabelledImages },
  options: TrainingOptions,
): AsyncGenerator<TrainingEvent, void> {
  const { epochs, batchSize, seed, signal, maxSteps = Number.POSITIVE_INFINITY, stepsTaken = 0 } = options;
  const stepsPerEpoch = batchCount(data.train, batchSize);
  const cooldownSteps = (options.cooldown ?? 0) * epochs * stepsPerEpoch;
  const rateFactor = (step: number) => Math.min(1, (epochs * stepsPerEpoch - step + 1) / (cooldownSteps + 1));
  for (let epoch = Math.floor(stepsTaken / stepsPerEpoch) + 1; epoch <= epochs; epoch++) {
    let step = (epoch - 1) * stepsPerEpoch;
    for (const batch of batches(data.train, { batchSize, random: epochRandom(seed, epoch) })) {
      if (step++ < stepsTaken) continue;
      if (signal?.aborted) return;
      yield { kind: "step", epoch, step, ...takeStep(network, optimizer, batch, rateFactor(step)) };
      await setImmediate();
      if (step >= maxSteps) break;
    }
    const evaluation = await evaluate(network, data.test, signal);
    if (evaluation === null) return;
    yield { kind: "evaluation", epoch, step, ...evaluation };
    if (step >= maxSteps) return;
  }
}

/** Loss and accuracy over a whole data set; null when the signal stops it before its end. */
export async function evaluate(
  network: Classifier,
  set: LabelledImages,
  signal?: AbortSignal,
): Promise<Evaluation | null> {
  const start = performance.now();
  let loss = 0;
  let correct = 0;
  for (const batch of batches(set, { batchSize: 100 })) {
    if (signal?.aborted) return null;
    const part = score(network, batch);
    loss += part.loss;
    correct += part.correct;
    await setImmediate();
  }
  const { count } = set;
  return { loss: loss / count, accuracy: correct / count, correct, count, milliseconds: performance.now() - start };
}

/** A stream of its own for every epoch, so that a resumed run shuffles as the uninterrupted one. */
function epochRandom(seed: number, epoch: number): Random {
  return random((Math.imul(seed, 0x9e3779b1) + Math.imul(epoch, 0x85ebca6b)) >>> 0);
}
