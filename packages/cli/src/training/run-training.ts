import {
  batchCount,
  headlineOf,
  type RunOptions,
  type StepEvent,
  type Task,
  type TrainingEvent,
  type TrainingRun,
} from "@solvegrad/models";
import * as text from "../output/numbers.ts";
import { progress } from "../output/progress.ts";

/** Trains until the end or the signal, and shows how far it is and how long it will take. */
export async function runTraining(run: TrainingRun, options: RunOptions & { signal: AbortSignal }): Promise<void> {
  const { epochs, batchSize, maxSteps = Number.POSITIVE_INFINITY, signal } = options;
  const total = Math.min(maxSteps, epochs * batchCount(run.task.train, batchSize));
  const display = progress("training", total, run.stepsTaken);
  signal.addEventListener("abort", () => display.stop(), { once: true }); // before anyone writes that it stops
  try {
    for await (const event of run.train(options)) {
      if (event.kind === "step") display.update(event.step, stepNote(run.task, run.history));
    }
  } finally {
    display.stop();
  }
}

/** Loss and the headline over the last steps, and how hard the layer's solver worked. */
function stepNote({ headline }: Task, history: readonly TrainingEvent[]): string {
  const recent = history.slice(-50).filter((event): event is StepEvent => event.kind === "step");
  const mean = (value: (event: StepEvent) => number) =>
    recent.reduce((sum, event) => sum + value(event), 0) / recent.length;
  const iterations = recent.at(-1)?.layer?.iterations;
  const solver = iterations === undefined ? "" : `  ${iterations} iterations`;
  const loss = `loss ${text.short(mean(({ loss }) => loss))}`;
  if (headline.measure === "loss") return `${loss}${solver}`;
  const value = mean((event) => headlineOf(headline, event));
  return `${loss}  ${headline.measure} ${headline.share ? text.percent(value, 1) : text.short(value)}${solver}`;
}
