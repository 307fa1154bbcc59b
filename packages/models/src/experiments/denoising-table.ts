import { random } from "@solvegrad/autograd";
import { generateSignals } from "../datasets/signals.ts";
import { cosine } from "../training/schedule.ts";
import { type DenoiserKind, denoisers, denoisingSettings, denoisingTask } from "./denoising-task.ts";
import type { Cell, Experiment, ResultFigure } from "./experiment.ts";
import { bestLambda, totalVariationError } from "./total-variation.ts";
import { epochSeconds, seriesOf, type TrainingCurve, trainingCurves } from "./training-curves.ts";

/** The perceptron's epochs cost next to nothing: it gets so many times as many. */
const perceptronEpochs = 20;

/** OptNet's denoising table: total variation with its best lambda, and three networks. */
export const denoisingTable: Experiment = {
  name: "denoising",
  title: "Denoising of piecewise constant signals",
  source: "OptNet, section 4.2",
  takes: ["epochs", "examples", "seed"],
  async run({ epochs = 5, examples = 9000, seed = 0 }, progress, signal) {
    const testCount = Math.max(1, Math.round(examples / 9));
    const data = { train: generateSignals(examples, random(seed)), test: generateSignals(testCount, random(seed + 1)) };
    const lambda = Math.round(10 * bestLambda(data.train).lambda) / 10;
    const variation = { train: totalVariationError(data.train, lambda), test: totalVariationError(data.test, lambda) };
    const settings = denoisers.map((layer) => {
      const chosen = denoisingSettings({ layer, seed, lambda, onFailure: "mask" });
      const length = layer === "perceptron" ? perceptronEpochs * epochs : epochs;
      const task = () => denoisingTask(chosen, data);
      return { label: layer, task, epochs: length, batchSize: chosen.batchSize, seed, schedule: cosine() };
    });
    const { curves, complete } = await trainingCurves(settings, { progress, signal });
    const words = caption(examples, testCount, lambda, seed);
    const best: Cell[] = ["total variation", null, variation.train, variation.test, 0, null, null, 16.5];
    const rows = [best, ...curves.map((curve, k) => row(curve, settings[k].epochs, variation.test))];
    return {
      tables: [{ columns, rows, caption: words }],
      figures: [figure(curves, variation.test, epochs)],
      complete,
    };
  },
};

/** The networks with a layer, over the same epochs, and the level of total variation. */
function figure(curves: readonly TrainingCurve[], variation: number, epochs: number): ResultFigure {
  const layered = curves.filter(({ label }) => label !== "perceptron");
  const level = { label: "total variation", points: [1, epochs].map((at) => [at, variation] as const) };
  return {
    title: "Test error by epoch",
    x: { label: "epoch" },
    y: { label: "mean squared error", scale: "log" },
    series: [level, ...layered.map((curve) => seriesOf(curve, ({ test }) => test.measures.error))],
    caption: "On the test signals, after every epoch; total variation learns nothing.",
  };
}

const columns = [
  { title: "method", unit: "text" },
  { title: "epochs", unit: "count" },
  { title: "training error", unit: "number" },
  { title: "test error", unit: "number" },
  { title: "to total variation", unit: "share" },
  { title: "s an epoch", unit: "seconds" },
  { title: "masked", unit: "count" },
  { title: "paper: test error", unit: "number", published: true },
] as const;

/** Test errors of OptNet's table; the middle ones are known to about a unit. */
const published: Record<DenoiserKind, Cell> = {
  perceptron: "about 30",
  "learned-differences": "about 50",
  optnet: 14.4,
};

function row(curve: TrainingCurve, epochs: number, variation: number): Cell[] {
  const last = curve.points.at(-1);
  const error = last?.test.measures.error ?? null;
  const trained = curve.label === "learned-differences" ? null : (last?.trainLoss ?? null);
  return [
    ...[curve.label, epochs, trained, error, error === null ? null : error / variation - 1, epochSeconds(curve)],
    ...[curve.masked, published[curve.label as DenoiserKind]],
  ];
}

function caption(examples: number, testCount: number, lambda: number, seed: number): string {
  return (
    `Signals of 100 samples with 1 to 9 constant segments and noise of deviation 10, ${examples} to learn from and ${testCount} to be tested on (seed ${seed}); mean squared errors. ` +
    `Total variation has the lambda that is best on the training signals, ${lambda} (the paper's, best on its test signals: about 13). perceptron: 100 - 50 - 100. learned-differences: total variation whose differencing matrix is learned from random numbers. ` +
    "optnet: a layer that starts as total variation, everything learned. Implicit to 1e-6, batches of 150, Adam at the paper's rates falling along a cosine. The training error is the mean over the last epoch's batches."
  );
}
