import { setImmediate } from "node:timers/promises";
import { type Random, random } from "@solvegrad/autograd";
import { EarlyStopping } from "./early-stopping.ts";
import { batchCount, batches, type Examples } from "./examples.ts";
import { constantRate, type Schedule } from "./schedule.ts";
import { type StepOutcome, score, takeStep } from "./take-step.ts";
import type { Task } from "./task.ts";

export interface StepEvent extends StepOutcome {
  readonly kind: "step";
  readonly epoch: number;
  /** Counted from 1 over all epochs. */
  readonly step: number;
}

export interface Evaluation {
  /** Means over the whole test set. */
  readonly loss: number;
  readonly measures: Readonly<Record<string, number>>;
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
  /** The order of the examples in epoch e depends on the seed and e alone. */
  readonly seed: number;
  /** Of the learning rate; constant by default. */
  readonly schedule?: Schedule;
  /** Ends after this many evaluations in a row without a new best of the task's headline. */
  readonly patience?: number;
  /** Stops after the step under way. */
  readonly signal?: AbortSignal;
  /** Ends after this step, for a run that is shorter than its epochs. */
  readonly maxSteps?: number;
  /** What an earlier run has done: its steps are skipped. */
  readonly past?: { readonly stepsTaken: number; readonly evaluations: readonly EvaluationEvent[] };
  /** Items of a batch at an evaluation. Default 100. */
  readonly evaluationBatchSize?: number;
}

/**
 * Trains a task by stochastic gradient descent, and evaluates it on its test examples after every epoch, and at the end. Yields
 * what happens, step by step; between two steps other work of the process gets its turn. Same task and options: same
 * events but for the times.
 */
export async function* train<B>(task: Task<B>, options: TrainingOptions): AsyncGenerator<TrainingEvent, void> {
  const { epochs, batchSize, seed, signal, schedule = constantRate, maxSteps = Infinity, past } = options;
  const { stepsTaken, evaluations } = past ?? { stepsTaken: 0, evaluations: [] };
  const stepsPerEpoch = batchCount(task.train, batchSize);
  const steps = epochs * stepsPerEpoch;
  const stopping = new EarlyStopping(task.headline, options.patience ?? Infinity, evaluations);
  for (let epoch = Math.max(1, Math.ceil(stepsTaken / stepsPerEpoch)); epoch <= epochs; epoch++) {
    let step = Math.max(stepsTaken, (epoch - 1) * stepsPerEpoch);
    const skip = step - (epoch - 1) * stepsPerEpoch;
    for (const { batch } of batches(task.train, { batchSize, random: epochRandom(seed, epoch), skip })) {
      step++;
      if (signal?.aborted) return;
      yield { kind: "step", epoch, step, ...takeStep(task, batch, schedule(step, steps)) };
      await setImmediate();
      if (step >= maxSteps) break;
    }
    if (evaluations.some((event) => event.step === step)) continue;
    const evaluation = await evaluate(task, task.test, { signal, batchSize: options.evaluationBatchSize });
    if (evaluation === null) return;
    const event: EvaluationEvent = { kind: "evaluation", epoch, step, ...evaluation };
    yield event;
    if (step >= maxSteps || stopping.see(event)) return;
  }
}

/** Mean loss and measures over a whole set of examples; null when the signal stops it before its end. */
export async function evaluate<B>(
  task: Pick<Task<B>, "loss">,
  examples: Examples<B>,
  { signal, batchSize = 100 }: { readonly signal?: AbortSignal; readonly batchSize?: number } = {},
): Promise<Evaluation | null> {
  const start = performance.now();
  const { count } = examples;
  let loss = 0;
  const measures: Record<string, number> = {};
  for (const { batch, size } of batches(examples, { batchSize })) {
    if (signal?.aborted) return null;
    const part = score(task, batch);
    loss += (part.loss * size) / count;
    for (const [name, value] of Object.entries(part.measures)) {
      measures[name] = (measures[name] ?? 0) + value * size;
    }
    await setImmediate();
  }
  for (const name of Object.keys(measures)) measures[name] /= count;
  return { loss, measures, count, milliseconds: performance.now() - start };
}

/** A stream of its own for every epoch, so that a resumed run shuffles as the uninterrupted one. */
function epochRandom(seed: number, epoch: number): Random {
  return random((Math.imul(seed, 0x9e3779b1) + Math.imul(epoch, 0x85ebca6b)) >>> 0);
}
