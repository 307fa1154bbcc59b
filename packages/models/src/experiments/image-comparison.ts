import { random } from "@solvegrad/autograd";
import type { Normalization } from "../datasets/images.ts";
import type { Mnist } from "../datasets/mnist.ts";
import { selected } from "../training/examples.ts";
import { cooldown } from "../training/schedule.ts";
import type { Task } from "../training/task.ts";
import type {
  Cell,
  Column,
  ExperimentOptions,
  ExperimentProgress,
  ExperimentResult,
  ResultFigure,
} from "./experiment.ts";
import { type ImageSettings, imageSettings, imageTask } from "./image-task.ts";
import { epochSeconds, seriesOf, type TrainingCurve, trainingCurves } from "./training-curves.ts";

/** One of the trainings that are compared. */
export type ImageTraining = Partial<ImageSettings> & {
  readonly label: string;
  /** What the paper says of it. */
  readonly published?: string;
};

export interface ImageComparison {
  readonly trainings: readonly ImageTraining[];
  readonly data: Mnist;
  readonly name: string;
  readonly normalization?: Normalization;
  /** What the table's last sentences say. */
  readonly remark: string;
}

/** Trains the image classifier several ways on the same images: a table, and figures of accuracy and loss by epoch. */
export async function compareImageTrainings(
  { trainings, data, name, normalization, remark }: ImageComparison,
  { epochs = 1, examples, seed = 0 }: ExperimentOptions,
  progress: ExperimentProgress,
  signal?: AbortSignal,
): Promise<ExperimentResult> {
  const settings = trainings.map(({ label, published, ...given }) => {
    const chosen = imageSettings({ ...given, seed, onFailure: "mask" });
    const { batchSize } = chosen;
    const task = () => shortened(imageTask(chosen, data, { name, normalization }), examples, seed);
    return { label, published, task, epochs, batchSize, seed, schedule: cooldown(chosen.cooldown) };
  });
  const { curves, complete } = await trainingCurves(settings, { progress, signal });
  const words = `${caption(data, examples, epochs, seed)} ${remark}`;
  const rows = curves.map((curve, k) => row(curve, settings[k].published ?? null));
  return { tables: [{ columns, rows, caption: words }], figures: figures(curves), complete };
}

function figures(curves: readonly TrainingCurve[]): ResultFigure[] {
  return [
    {
      title: "Test accuracy",
      x: { label: "epoch" },
      y: { label: "classified rightly", percent: true },
      series: curves.map((curve) => seriesOf(curve, ({ test }) => test.measures.accuracy)),
      caption: "On the test images, after every epoch.",
    },
    {
      title: "Training loss",
      x: { label: "epoch" },
      y: { label: "negative log-likelihood", scale: "log" },
      series: curves.map(({ label, trace }) => ({ label, points: trace })),
      caption: "Means over a thirtieth of the run, of each batch before its step.",
    },
  ];
}

const columns: readonly Column[] = [
  { title: "training", unit: "text" },
  { title: "test accuracy", unit: "share" },
  { title: "test loss", unit: "number" },
  { title: "training loss", unit: "number" },
  { title: "s an epoch", unit: "seconds" },
  { title: "iterations", unit: "count" },
  { title: "masked", unit: "count" },
  { title: "paper: accuracy, s", unit: "text", published: true },
];

function row(curve: TrainingCurve, published: string | null): Cell[] {
  const { label, points, iterations, masked } = curve;
  const last = points.at(-1);
  return [
    ...[label, last?.test.measures.accuracy ?? null, last?.test.loss ?? null, last?.trainLoss ?? null],
    ...[epochSeconds(curve), iterations, masked, published],
  ];
}

function caption({ train, test }: Mnist, examples: number | undefined, epochs: number, seed: number): string {
  const used = Math.min(examples ?? train.count, train.count);
  return (
    `The image classifier of Alt-Diff's section F.2 on ${used} of ${train.count} training images, tested on ${test.count}; ` +
    `${epochs} ${epochs === 1 ? "epoch" : "epochs"}, batches of 64, Adam at 1e-3 falling to zero over the last fifth, seed ${seed}.`
  );
}

/** Training images at random, as many as are wanted. */
function shortened<B>(task: Task<B>, examples: number | undefined, seed: number): Task<B> {
  const { train } = task;
  const whole = examples === undefined || examples >= train.count;
  const part = whole ? train : selected(train, random(seed).permutation(train.count).slice(0, examples));
  return { ...task, train: part };
}
