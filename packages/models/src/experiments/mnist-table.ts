import { random } from "@solvegrad/autograd";
import { loadMnist, type Mnist } from "../datasets/mnist.ts";
import { selected } from "../training/examples.ts";
import { cooldown } from "../training/schedule.ts";
import type { Task } from "../training/task.ts";
import { type Cell, type Experiment, notInOurCopy } from "./experiment.ts";
import { type ImageSettings, imageSettings, imageTask } from "./image-task.ts";
import { epochSeconds, seriesOf, type TrainingCurve, trainingCurves } from "./training-curves.ts";

const trainings: readonly (Partial<ImageSettings> & { readonly label: string })[] = [
  { label: "implicit", differentiation: "implicit" },
  ...[1e-1, 1e-2, 1e-3].map((tolerance) => ({
    label: `alternating, ${tolerance.toExponential()}`,
    differentiation: "alternating" as const,
    tolerance,
  })),
  { label: "no layer", layer: "none" },
];

/** Table 7 and Figure 4 of Alt-Diff: the image classifier on MNIST, implicit and alternating at three tolerances. */
export const mnistTable: Experiment = {
  name: "table-7",
  title: "MNIST: accuracy and time by rule and tolerance",
  source: "Alt-Diff, Table 7 and Figure 4",
  takes: ["epochs", "examples", "seed", "data"],
  async run({ epochs = 1, examples, seed = 0, data: folder }, progress, signal) {
    const data = loadMnist({ folder });
    const settings = trainings.map(({ label, ...given }) => {
      const chosen = imageSettings({ ...given, seed, onFailure: "mask" });
      const { batchSize } = chosen;
      const task = () => shortened(imageTask(chosen, data), examples, seed);
      return { label, task, epochs, batchSize, seed, schedule: cooldown(chosen.cooldown) };
    });
    const { curves, complete } = await trainingCurves(settings, { progress, signal });
    const words = caption(data, Math.min(examples ?? data.train.count, data.train.count), epochs, seed);
    return { tables: [{ columns, rows: curves.map(row), caption: words }], figures: figures(curves, words), complete };
  },
};

function figures(curves: readonly TrainingCurve[], caption: string) {
  return [
    {
      title: "Test accuracy",
      x: { label: "epoch" },
      y: { label: "classified rightly", percent: true },
      series: curves.map((curve) => seriesOf(curve, ({ test }) => test.measures.accuracy)),
      caption,
    },
    {
      title: "Training loss",
      x: { label: "epoch" },
      y: { label: "negative log-likelihood", scale: "log" as const },
      series: curves.map((curve) => seriesOf(curve, ({ trainLoss }) => trainLoss)),
      caption: "Mean over the batches of each epoch, each before its step.",
    },
  ];
}

const columns = [
  { title: "rule, tolerance", unit: "text" },
  { title: "test accuracy", unit: "share" },
  { title: "test loss", unit: "number" },
  { title: "training loss", unit: "number" },
  { title: "s an epoch", unit: "seconds" },
  { title: "iterations", unit: "count" },
  { title: "masked", unit: "count" },
  { title: "paper: accuracy, s", unit: "text", published: true },
] as const;

function row(curve: TrainingCurve): Cell[] {
  const { label, points, iterations, masked } = curve;
  const last = points.at(-1);
  const paper = label === "implicit" || label === "alternating, 1e-3" ? notInOurCopy : null;
  return [
    ...[label, last?.test.measures.accuracy ?? null, last?.test.loss ?? null, last?.trainLoss ?? null],
    ...[epochSeconds(curve), iterations, masked, paper],
  ];
}

function caption({ train, test }: Mnist, examples: number, epochs: number, seed: number): string {
  return (
    `The image classifier of section F.2 (a QP of 200 variables, 50 equalities and 50 inequalities as a layer, its data fixed at random) on ${examples} of ${train.count} training images, tested on ${test.count}; ` +
    `${epochs} ${epochs === 1 ? "epoch" : "epochs"} of the paper's 30, batches of 64, Adam at 1e-3 falling to zero over the last fifth, seed ${seed}. Implicit (in the paper OptNet) to 1e-6; alternating (Alt-Diff) stopped at the tolerance. ` +
    "The table's numbers were lost from our copy of the paper."
  );
}

/** Training images at random, as many as are wanted. */
function shortened<B>(task: Task<B>, examples: number | undefined, seed: number): Task {
  const { train } = task;
  const whole = examples === undefined || examples >= train.count;
  const part = whole ? train : selected(train, random(seed).permutation(train.count).slice(0, examples));
  return { ...task, train: part } as Task;
}
