import { batchCount } from "../training/examples.ts";
import type { Schedule } from "../training/schedule.ts";
import type { Task } from "../training/task.ts";
import { type Evaluation, type StepEvent, train } from "../training/train.ts";
import type { ExperimentProgress } from "./experiment.ts";
import { medianOf } from "./median.ts";

/** One training of a comparison of several. */
export interface CurveSetting {
  readonly label: string;
  /** Made when its turn comes. */
  readonly task: () => Task;
  readonly epochs: number;
  readonly batchSize: number;
  readonly seed: number;
  readonly schedule: Schedule;
  /** Default 100. */
  readonly evaluationBatchSize?: number;
}

/** How one epoch went. */
export interface EpochPoint {
  readonly epoch: number;
  /** Mean over the epoch's batches, each before its step. */
  readonly trainLoss: number;
  /** On the test examples, after the epoch. */
  readonly test: Pick<Evaluation, "loss" | "measures" | "count">;
  /** Of the epoch's steps, without the evaluation. */
  readonly seconds: number;
}

export interface TrainingCurve {
  readonly label: string;
  readonly points: readonly EpochPoint[];
  /** The training loss within the epochs: means over a thirtieth of the run, at their ends. */
  readonly trace: readonly (readonly [epoch: number, loss: number])[];
  /** Median over the steps of the largest number of solver iterations in a batch; null without an optimization layer. */
  readonly iterations: number | null;
  /** Items without a solution, over all steps: they had a zero output and a zero gradient. Null without an optimization layer. */
  readonly masked: number | null;
}

/** Trains one task after another, tells how far it is over all of them, and returns the curves; those that the signal cut short with what they have. */
export async function trainingCurves(
  settings: readonly CurveSetting[],
  { progress, signal }: { readonly progress: ExperimentProgress; readonly signal?: AbortSignal },
): Promise<{ readonly curves: readonly TrainingCurve[]; readonly complete: boolean }> {
  const curves: TrainingCurve[] = [];
  for (const [k, setting] of settings.entries()) {
    if (signal?.aborted) break;
    const tell: ExperimentProgress = (share, note) => progress((k + share) / settings.length, note);
    curves.push(await trainingCurve(setting, tell, signal));
  }
  return { curves, complete: !signal?.aborted };
}

async function trainingCurve(
  { label, task: make, ...options }: CurveSetting,
  progress: ExperimentProgress,
  signal: AbortSignal | undefined,
): Promise<TrainingCurve> {
  progress(0, label);
  const task = make();
  const total = options.epochs * batchCount(task.train, options.batchSize);
  const points: EpochPoint[] = [];
  const steps: StepEvent[] = [];
  for await (const event of train(task, { ...options, signal })) {
    if (event.kind === "step") {
      steps.push(event);
      progress(event.step / total, `${label}, loss ${event.loss.toPrecision(3)}`);
    } else {
      const { epoch, loss, measures, count } = event;
      points.push({ ...epochOf(steps, epoch), test: { loss, measures, count } });
    }
  }
  const layers = steps.flatMap(({ layer }) => layer ?? []);
  const trace = traceOf(steps, total, total / options.epochs);
  if (layers.length === 0) return { label, points, trace, iterations: null, masked: null };
  return {
    label,
    points,
    trace,
    iterations: medianOf(layers.map(({ iterations }) => iterations)),
    masked: layers.reduce((sum, { masked }) => sum + masked.length, 0),
  };
}

function epochOf(steps: readonly StepEvent[], epoch: number): Omit<EpochPoint, "test"> {
  const own = steps.filter((step) => step.epoch === epoch);
  const trainLoss = own.reduce((sum, { loss }) => sum + loss, 0) / own.length;
  return { epoch, trainLoss, seconds: own.reduce((sum, { milliseconds }) => sum + milliseconds, 0) / 1000 };
}

/** The mean loss of each of at most thirty parts of a run of so many steps, by epochs. */
function traceOf(steps: readonly StepEvent[], total: number, stepsPerEpoch: number): TrainingCurve["trace"] {
  const length = Math.ceil(total / 30);
  const parts = Array.from({ length: Math.ceil(steps.length / length) }, (_, k) =>
    steps.slice(k * length, (k + 1) * length),
  );
  return parts.map((part) => {
    const loss = part.reduce((sum, step) => sum + step.loss, 0) / part.length;
    return [part[part.length - 1].step / stepsPerEpoch, loss];
  });
}

/** Median seconds of an epoch; null where none was finished. */
export function epochSeconds({ points }: TrainingCurve): number | null {
  return points.length > 0 ? medianOf(points.map(({ seconds }) => seconds)) : null;
}

/** A curve as the points of a figure. */
export function seriesOf(
  { label, points }: TrainingCurve,
  value: (point: EpochPoint) => number,
): { readonly label: string; readonly points: readonly (readonly [number, number])[] } {
  return { label, points: points.map((point) => [point.epoch, value(point)] as const) };
}
