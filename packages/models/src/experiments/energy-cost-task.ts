import { add, log, mean, mseLoss, mul, noGrad, random, square, type Tensor } from "@solvegrad/autograd";
import type { LoadBatch, LoadSplit } from "../datasets/load-windows.ts";
import { CostScheduler, type NormalForecast } from "../networks/cost-scheduler.ts";
import { realizedCost } from "../networks/generation-cost.ts";
import { convexMethod, type Differentiation } from "../networks/layer-method.ts";
import { NetworkOptimizer } from "../training/network-optimizer.ts";
import type { Task } from "../training/task.ts";

/**
 * What the forecast learns from: what its schedule costs (end to end), the likelihood of the demand, or the demand's squared
 * error with one deviation for each hour of the day (two stages: the schedule comes after).
 */
export const costTrainings = ["end-to-end", "likelihood", "squared-error"] as const;
export type CostTraining = (typeof costTrainings)[number];

export interface CostSettings {
  readonly layer: CostTraining;
  readonly differentiation: Differentiation;
  readonly seed: number;
  readonly batchSize: number;
  readonly tolerance: number;
  readonly onFailure: "raise" | "mask";
  /** Largest change of the generation in an hour, GW. */
  readonly ramp: number;
  /** What a GW too little and too much costs in an hour. */
  readonly under: number;
  readonly over: number;
  readonly learningRate: number;
  /** The loads, in GW, that the data set scales to 0 and 1. */
  readonly low: number;
  readonly high: number;
}

/** Settings with the published costs and ramp for what is not given. */
export function costSettings(given: Partial<CostSettings> = {}): CostSettings {
  const { differentiation = "implicit", layer = "end-to-end" } = given;
  return {
    layer,
    differentiation,
    seed: given.seed ?? 0,
    batchSize: given.batchSize ?? 64,
    tolerance: given.tolerance ?? (differentiation === "implicit" ? 1e-6 : 1e-3),
    onFailure: given.onFailure ?? "raise",
    ramp: given.ramp ?? 0.4,
    under: given.under ?? 50,
    over: given.over ?? 0.5,
    learningRate: given.learningRate ?? 1e-3,
    low: given.low ?? 0,
    high: given.high ?? 1,
  };
}

export interface CostTask extends Task<LoadBatch> {
  readonly settings: CostSettings & Task["settings"];
  readonly network: CostScheduler;
}

/** The scheduler of these settings, freshly drawn from their seed. */
export function costScheduler({ layer, differentiation, tolerance, under, over, ...settings }: CostSettings) {
  return new CostScheduler(random(settings.seed), {
    ...convexMethod(differentiation, { tolerance }),
    ...settings,
    costs: { under, over },
    constantDeviation: layer === "squared-error",
  });
}

/**
 * Cost-weighted scheduling of a day's generation. The task's loss is what the schedule costs once the demand is known, the mean over
 * the hours; in two stages the forecast's own loss is minimized, and the measure `cost` is the task's loss all the same.
 */
export function costTask(settings: CostSettings, { train, test }: LoadSplit): CostTask {
  const network = costScheduler(settings);
  const costOf = (forecast: NormalForecast, demand: Tensor) =>
    mean(realizedCost(network.schedule(forecast), demand, network.costs));
  return {
    name: "energy",
    settings: { ...settings, cost: "weighted" },
    network,
    optimizer: new NetworkOptimizer(network, { learningRate: settings.learningRate }),
    train,
    test,
    headline: { measure: "cost", words: "schedule's cost an hour", better: "lower", share: false },
    loss(batch) {
      const demand = network.inGigawatts(batch.demand);
      const forecast = network.forecast(batch.past);
      const measures = (cost: Tensor) => ({ cost: cost.item(), forecast: mseLoss(forecast.mean, demand).item() });
      if (settings.layer === "end-to-end") {
        const loss = costOf(forecast, demand);
        return { loss, measures: measures(loss) };
      }
      return {
        loss: forecastLoss[settings.layer](forecast, demand),
        measures: noGrad(() => measures(costOf(forecast, demand))),
      };
    },
    layerSolution: () => network.lastSolution,
  };
}

const forecastLoss = {
  likelihood: ({ mean, deviation }: NormalForecast, demand: Tensor) => surprise(mean, deviation, demand),
  /** Squared error for the mean, and for the deviations the likelihood of what the mean misses. */
  "squared-error": ({ mean, deviation }: NormalForecast, demand: Tensor) =>
    add(mseLoss(mean, demand), surprise(mean.detach(), deviation, demand)),
} as const;

/** The mean of -log density of the demand, but for a constant: log sigma + ((D - mu) / sigma)^2 / 2. */
function surprise(mu: Tensor, sigma: Tensor, demand: Tensor): Tensor {
  const z = demand.sub(mu).div(sigma);
  return mean(add(log(sigma), mul(square(z), 0.5)));
}
