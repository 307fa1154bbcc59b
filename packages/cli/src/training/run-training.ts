import { batchCount, type Mnist, type StepEvent, type TrainingEvent, train } from "@solvegrad/models";
import * as text from "../output/numbers.ts";
import { progress } from "../output/progress.ts";
import { type Session, saveSession } from "./session.ts";

export interface RunLength {
  readonly epochs: number;
  /** Ends after this step, where it comes before the end of the epochs. */
  readonly maxSteps?: number;
}

/**
 * Trains until the end or the signal, shows how far it is, and keeps the folder up to date: every event as it happens,
 * the weights at the end of each epoch and however it ends. Returns the number of steps taken in all.
 */
export async function runTraining(
  session: Session,
  data: Mnist,
  length: RunLength,
  signal: AbortSignal,
): Promise<number> {
  const { network, optimizer, settings } = session.run;
  const { seed, batchSize, cooldown } = settings;
  const total = Math.min(
    length.maxSteps ?? Number.POSITIVE_INFINITY,
    length.epochs * batchCount(data.train, batchSize),
  );
  const display = progress("training", total, session.stepsTaken);
  signal.addEventListener("abort", () => display.stop(), { once: true }); // before anyone writes that it stops
  let stepsTaken = session.stepsTaken;
  try {
    const options = { ...length, seed, batchSize, cooldown, signal, stepsTaken };
    for await (const event of train(network, optimizer, data, options)) {
      session.history.push(event);
      session.folder.record(event);
      stepsTaken = event.step;
      if (event.kind === "step") display.update(event.step, stepNote(session.history));
      else saveSession(session, stepsTaken);
    }
  } finally {
    display.stop();
    saveSession(session, stepsTaken);
  }
  return stepsTaken;
}

/** Loss and accuracy over the last steps, and how hard the layer's solver worked. */
function stepNote(history: readonly TrainingEvent[]): string {
  const recent = history.slice(-50).filter((event): event is StepEvent => event.kind === "step");
  const mean = (value: (event: StepEvent) => number) =>
    recent.reduce((sum, event) => sum + value(event), 0) / recent.length;
  const iterations = recent.at(-1)?.layer?.iterations;
  const solver = iterations === undefined ? "" : `  ${iterations} iterations`;
  return `loss ${mean((event) => event.loss).toFixed(3)}  accuracy ${text.percent(
    mean((event) => event.accuracy),
    1,
  )}${solver}`;
}
