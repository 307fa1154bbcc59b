import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { random } from "@solvegrad/autograd";
import { DataFileError } from "../data-file-error.ts";
import { type LoadSeries, parseLoad } from "../datasets/load-series.ts";
import { type LoadSplit, loadWindows } from "../datasets/load-windows.ts";
import { syntheticLoad } from "../datasets/synthetic-load.ts";
import { selected } from "../training/examples.ts";
import { cosine } from "../training/schedule.ts";
import { type EnergySettings, energySettings, energyTask } from "./energy-task.ts";
import type { Cell, Experiment, ResultFigure } from "./experiment.ts";
import { epochSeconds, seriesOf, type TrainingCurve, trainingCurves } from "./training-curves.ts";

/** Days of load that are made up where no file is given. */
const syntheticDays = 1461;

/** What is trained: the first is what the others are measured against (in the paper CvxpyLayer). */
const trainings: readonly (Partial<EnergySettings> & { readonly label: string })[] = [
  { label: "implicit", differentiation: "implicit" },
  ...[1e-1, 1e-2, 1e-3].map((tolerance) => ({
    label: `alternating, ${tolerance.toExponential()}`,
    differentiation: "alternating" as const,
    tolerance,
  })),
  { label: "two-stage", layer: "two-stage" },
];

/** Figure 2 of Alt-Diff: energy scheduling, losses and time by tolerance, and the two-stage baseline. */
export const energyFigure: Experiment = {
  name: "figure-2",
  title: "Energy scheduling by tolerance",
  source: "Alt-Diff, Figure 2",
  takes: ["epochs", "examples", "seed", "data"],
  async run({ epochs = 5, examples, seed = 0, data }, progress, signal) {
    const series = data === undefined ? syntheticLoad(syntheticDays, random(seed)) : readLoad(data);
    const split = shortened(windowsOf(series), examples, seed);
    const settings = trainings.map(({ label, ...given }) => {
      const chosen = energySettings({ ...given, seed, onFailure: "mask" });
      const { batchSize } = chosen;
      return { label, task: () => energyTask(chosen, split), epochs, batchSize, seed, schedule: cosine() };
    });
    const { curves, complete } = await trainingCurves(settings, { progress, signal });
    const words = caption(series, split, epochs, seed);
    return {
      tables: [{ columns, rows: curves.map((curve) => row(curve, curves[0])), caption: words }],
      figures: figures(curves),
      complete,
    };
  },
};

function figures(curves: readonly TrainingCurve[]): ResultFigure[] {
  return [
    {
      title: "Test loss",
      x: { label: "epoch" },
      y: { label: "schedule's mean squared error", scale: "log" },
      series: curves.map((curve) => seriesOf(curve, ({ test }) => test.measures.schedule)),
      caption: "On the held-out days, after every epoch.",
    },
    {
      title: "Training loss",
      x: { label: "epoch" },
      y: { label: "mean squared error", scale: "log" },
      series: curves.map(({ label, trace }) => ({ label, points: trace })),
      caption:
        "Means over a thirtieth of the run. Of the two stages this is the forecast's error, of the others the schedule's.",
    },
  ];
}

const columns = [
  { title: "training", unit: "text" },
  { title: "test loss", unit: "number" },
  { title: "to implicit", unit: "share" },
  { title: "forecast's error", unit: "number" },
  { title: "s an epoch", unit: "seconds" },
  { title: "iterations", unit: "count" },
  { title: "masked", unit: "count" },
] as const;

function row(curve: TrainingCurve, reference: TrainingCurve): Cell[] {
  const { label, points, iterations, masked } = curve;
  const lossOf = ({ points }: TrainingCurve) => points.at(-1)?.test.measures.schedule ?? null;
  const [loss, base] = [lossOf(curve), lossOf(reference)];
  const relative = loss === null || base === null ? null : loss / base - 1;
  const forecast = points.at(-1)?.test.measures.forecast ?? null;
  return [label, loss, relative, forecast, epochSeconds(curve), iterations, masked];
}

function caption({ source, synthetic }: LoadSeries, { train, test }: LoadSplit, epochs: number, seed: number): string {
  const load = synthetic ? "a load that was made up by this program" : basename(source);
  return (
    `The schedule of 24 hours from the 72 before, ramp 0.05 of the load's range, learned on ${train.count} windows of ${load}, tested on ${test.count} held-out days; ` +
    `${epochs} ${epochs === 1 ? "epoch" : "epochs"}, batches of 64, Adam at 1e-3 falling along a cosine, seed ${seed}. Losses are mean squared errors of the load scaled to [0, 1]; “to implicit” is the test loss beside the implicit one's. ` +
    "Implicit: interior point to 1e-6 (in the paper CvxpyLayer at 1e-3). Alternating: ADMM and its recursion, both stopped at the tolerance. Two-stage learns the demand alone. The paper has two pictures, without numbers in our copy."
  );
}

function readLoad(file: string): LoadSeries {
  try {
    return parseLoad(readFileSync(file, "utf8"), file);
  } catch (error) {
    if (error instanceof DataFileError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new DataFileError(file, `cannot be read (${reason}), expected hourly load`, { cause: error });
  }
}

function windowsOf(series: LoadSeries): LoadSplit {
  try {
    return loadWindows(series);
  } catch (error) {
    if (error instanceof RangeError) throw new DataFileError(series.source, error.message);
    throw error;
  }
}

/** Training windows at random, as many as are wanted. */
function shortened(split: LoadSplit, examples: number | undefined, seed: number): LoadSplit {
  if (examples === undefined || examples >= split.train.count) return split;
  const places = random(seed).permutation(split.train.count).slice(0, examples);
  return { ...split, train: selected(split.train, places) };
}
