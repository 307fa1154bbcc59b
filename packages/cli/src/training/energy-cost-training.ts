import {
  type CostSettings,
  type CostTask,
  type CostTraining,
  costSettings,
  costTask,
  costTrainings,
  type Differentiation,
  type LoadSeries,
} from "@solvegrad/models";
import * as text from "../output/numbers.ts";
import { choice } from "./choice.ts";
import { daysOf, energyLoad, energyWindows, syntheticNote } from "./energy-load.ts";
import { learningRate } from "./learning-rate.ts";
import type { PreparedTask, TaskOptions, TaskWords } from "./prepared-task.ts";

/** Hours between training windows: overlapping ones teach little more, and the layer takes most of a step's time. */
const every = 6;

/** Scheduling where a shortage costs more than an excess, on hourly load from a file, or on a synthetic one. */
export function energyCostTraining(options: TaskOptions): PreparedTask {
  const series = energyLoad(options);
  const split = energyWindows(series, options, { every });
  const layer = choice("--layer", options.layer ?? "end-to-end", costTrainings);
  const differentiation = options.differentiation as Differentiation;
  const [low, high] = [split.low, split.high].map((load) => load * series.gigawatts);
  const settings = costSettings({ ...options, differentiation, layer, low, high });
  const rate = learningRate(options);
  const task = rate.recordedIn(costTask(settings, split));
  const { seed, batchSize } = settings;
  return {
    task,
    seed,
    batchSize,
    schedule: rate.schedule,
    words: words(task, settings, series, rate.words),
    compare: null,
  };
}

const trainingWords: Record<CostTraining, string> = {
  "end-to-end": "trained end to end through the schedule, on what it costs",
  likelihood: "trained on the likelihood of the demand alone",
  "squared-error": "trained on the demand's squared error alone, with one deviation for each hour of the day",
};

function words(task: CostTask, settings: CostSettings, series: LoadSeries, rate: string): TaskWords {
  const { layer, differentiation, tolerance, ramp, under, over, batchSize } = settings;
  const how = `${trainingWords[layer]}${layer === "end-to-end" ? `, ${differentiation}, tolerance ${text.tolerance(tolerance)}` : ""}`;
  return {
    title: "Energy scheduling where a shortage costs more than an excess",
    data: daysOf(task, series),
    network: `a normal forecast of 24 hours from 72, ramp ${ramp} GW, ${how}`,
    lead: `The demand of 24 hours is forecast from that of 72 as normal, and the generation has the least expected cost: ${under} for a GW too little, ${over} for one too much, and half the square, each hour, with at most ${ramp} GW of change in an hour (Donti, Amos and Kolter 2017); the network is ${how}. Batches of ${batchSize}, Adam at ${settings.learningRate}${rate}.${syntheticNote(series)}`,
    examples: "days",
    loss: layer === "end-to-end" ? "cost an hour" : "loss of the forecast",
    headline: "schedule's cost an hour",
    comparison: "",
  };
}
