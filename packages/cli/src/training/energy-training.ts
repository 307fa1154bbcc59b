import { mseLoss } from "@solvegrad/autograd";
import {
  type Differentiation,
  type EnergySettings,
  type EnergyTask,
  energySettings,
  energyTask,
  energyTrainings,
  firstOf,
  type LoadSeries,
  problemOfLayer,
} from "@solvegrad/models";
import { compareProblem } from "../comparison/compare-problem.ts";
import * as text from "../output/numbers.ts";
import { choice } from "./choice.ts";
import { energyCostTraining } from "./energy-cost-training.ts";
import { daysOf, energyLoad, energyWindows, syntheticNote } from "./energy-load.ts";
import { learningRate } from "./learning-rate.ts";
import type { PreparedTask, TaskOptions, TaskWords } from "./prepared-task.ts";

const compared = 10;

/** Energy scheduling on hourly load from a file, or on a synthetic one. */
export async function energyTraining(options: TaskOptions): Promise<PreparedTask> {
  return options.cost === "weighted" ? energyCostTraining(options) : squaredCostTraining(options);
}

function squaredCostTraining(options: TaskOptions): PreparedTask {
  const series = energyLoad(options);
  const layer = choice("--layer", options.layer ?? "end-to-end", energyTrainings);
  const settings = energySettings({ ...options, differentiation: options.differentiation as Differentiation, layer });
  const rate = learningRate(options);
  const task = rate.recordedIn(energyTask(settings, energyWindows(series, options)));
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

/** The gradients of the trained layer for the loss of the first test days. */
function compareOnTestDays({ network, test }: EnergyTask, signal: AbortSignal) {
  const { past, demand } = firstOf(test, compared);
  const data = network.layerData(network.forecast(past).detach());
  const { problem, cotangent } = problemOfLayer(data, (x) => mseLoss(x, demand));
  return compareProblem(problem, cotangent, { signal });
}

function words({ train, test }: EnergyTask, settings: EnergySettings, series: LoadSeries, rate: string): TaskWords {
  const { layer, differentiation, tolerance, ramp, batchSize } = settings;
  const method = `${differentiation}, tolerance ${text.tolerance(tolerance)}`;
  const how =
    layer === "end-to-end" ? `trained end to end through the schedule, ${method}` : "trained on the demand alone";
  return {
    title: "Energy scheduling: predict, then optimize",
    data: daysOf({ train, test }, series),
    network: `a forecast of 24 hours from 72, ramp ${ramp}, ${how}`,
    lead: `The demand of 24 hours is forecast from that of 72, and the generation follows it by at most ${ramp} of the load's range an hour (Alt-Diff, section 5.2); ${how}. Batches of ${batchSize}, Adam at ${settings.learningRate}${rate}.${syntheticNote(series)}`,
    examples: "days",
    loss: "mean squared error",
    headline: "schedule's mean squared error",
    comparison: `The optimization layer after training, on the first ${Math.min(compared, test.count)} test days, for their loss`,
  };
}
