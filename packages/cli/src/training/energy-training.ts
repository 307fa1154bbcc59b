import { readFileSync } from "node:fs";
import { mseLoss, random } from "@solvegrad/autograd";
import {
  DataFileError,
  type Differentiation,
  type EnergySettings,
  type EnergyTask,
  energySettings,
  energyTask,
  energyTrainings,
  type LoadSeries,
  loadWindows,
  parseLoad,
  problemOfLayer,
  syntheticLoad,
} from "@solvegrad/models";
import { compareProblem } from "../comparison/compare-problem.ts";
import { InputError } from "../exit.ts";
import { reasonOf } from "../input/read-text.ts";
import * as text from "../output/numbers.ts";
import { choice } from "./choice.ts";
import { learningRate } from "./learning-rate.ts";
import type { PreparedTask, TaskOptions, TaskWords } from "./prepared-task.ts";

/** Days of load that are made up where no file is given. */
const syntheticDays = 1461;
const compared = 10;

/** Energy scheduling on hourly load from a file, or on a synthetic one. */
export async function energyTraining(options: TaskOptions): Promise<PreparedTask> {
  const series =
    options.data === undefined ? syntheticLoad(syntheticDays, random(options.seed)) : readLoad(options.data);
  const layer = choice("--layer", options.layer ?? "end-to-end", energyTrainings);
  const settings = energySettings({ ...options, differentiation: options.differentiation as Differentiation, layer });
  const rate = learningRate(options);
  const task = rate.recordedIn(energyTask(settings, windowsOf(series)));
  const { seed, batchSize } = settings;
  return {
    task,
    seed,
    batchSize,
    schedule: rate.schedule,
    words: words(task, settings, series, rate.words),
    compare: (signal) => compareOnTestDays(task, signal),
  };
}

function readLoad(file: string): LoadSeries {
  try {
    return parseLoad(readFileSync(file, "utf8"), file);
  } catch (error) {
    if (error instanceof DataFileError) throw error;
    throw new DataFileError(file, `cannot be read (${reasonOf(error)}), expected hourly load`);
  }
}

function windowsOf(series: LoadSeries) {
  try {
    return loadWindows(series);
  } catch (error) {
    if (error instanceof RangeError) throw new InputError(`${series.source}: ${error.message}`);
    throw error;
  }
}

/** The gradients of the trained layer for the loss of the first test days. */
function compareOnTestDays({ network, test }: EnergyTask, signal: AbortSignal) {
  const { past, demand } = test.batch(Int32Array.from({ length: Math.min(compared, test.count) }, (_, i) => i));
  const data = network.layerData(network.forecast(past).detach());
  const { problem, cotangent } = problemOfLayer(data, (x) => mseLoss(x, demand));
  return compareProblem(problem, cotangent, { signal });
}

function words({ train, test }: EnergyTask, settings: EnergySettings, series: LoadSeries, rate: string): TaskWords {
  const { layer, differentiation, tolerance, ramp, batchSize } = settings;
  const method = `${differentiation}, tolerance ${text.tolerance(tolerance)}`;
  const how =
    layer === "end-to-end" ? `trained end to end through the schedule, ${method}` : "trained on the demand alone";
  const made = series.synthetic ? " The load is synthetic: it was made up by this program." : "";
  return {
    title: "Energy scheduling: predict, then optimize",
    data: `${text.thousands(train.count)} training windows and ${text.thousands(test.count)} test days from ${series.source}${series.synthetic ? " (made up by this program)" : ""}`,
    network: `a forecast of 24 hours from 72, ramp ${ramp}, ${how}`,
    lead: `The demand of 24 hours is forecast from that of 72, and the generation follows it by at most ${ramp} of the load's range an hour (Alt-Diff, section 5.2); ${how}. Batches of ${batchSize}, Adam at ${settings.learningRate}${rate}.${made}`,
    examples: "days",
    loss: "mean squared error",
    headline: "schedule's mean squared error",
    comparison: `The optimization layer after training, on the first ${Math.min(compared, test.count)} test days, for their loss`,
  };
}
