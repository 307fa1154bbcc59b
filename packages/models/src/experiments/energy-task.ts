import { mseLoss, noGrad, random } from "@solvegrad/autograd";
import type { LoadBatch, LoadSplit } from "../datasets/load-windows.ts";
import { EnergyScheduler } from "../networks/energy-scheduler.ts";
import { type Differentiation, layerMethod, trainingTolerance } from "../networks/layer-method.ts";
import { NetworkOptimizer } from "../training/network-optimizer.ts";
import type { Task } from "../training/task.ts";

/** What the forecast learns from: the schedule that follows it (end to end), or the demand itself (two stages). */
export const energyTrainings = ["end-to-end", "two-stage"] as const;
export type EnergyTraining = (typeof energyTrainings)[number];

export interface EnergySettings {
  readonly layer: EnergyTraining;
  readonly differentiation: Differentiation;
  readonly seed: number;
  readonly batchSize: number;
  readonly tolerance: number;
  readonly onFailure: "raise" | "mask";
  /** Largest change of the generation in an hour, in units of the load scaled to [0, 1]. */
  readonly ramp: number;
  readonly learningRate: number;
}

export function energySettings(given: Partial<EnergySettings> = {}): EnergySettings {
  const { differentiation = "alternating", layer = "end-to-end" } = given;
  return {
    layer,
    differentiation,
    seed: given.seed ?? 0,
    batchSize: given.batchSize ?? 64,
    tolerance: given.tolerance ?? trainingTolerance[differentiation],
    onFailure: given.onFailure ?? "raise",
    ramp: given.ramp ?? 0.05,
    learningRate: given.learningRate ?? 1e-3,
  };
}

export interface EnergyTask extends Task<LoadBatch> {
  readonly settings: EnergySettings & Task["settings"];
  readonly network: EnergyScheduler;
}

/** The scheduler of these settings, freshly drawn from their seed. */
export function energyScheduler({ differentiation, tolerance, seed, onFailure, ramp }: EnergySettings) {
  return new EnergyScheduler(random(seed), { ...layerMethod(differentiation, { tolerance }), onFailure, ramp });
}

/**
 * Scheduling of a day's generation. The task's loss is what the schedule misses of the true demand, mean squared; in two
 * stages the forecast's own error is minimized instead, and the measure `schedule` is the task's loss all the same.
 */
export function energyTask(settings: EnergySettings, { train, test }: LoadSplit): EnergyTask {
  const { layer, learningRate } = settings;
  const network = energyScheduler(settings);
  return {
    name: "energy",
    settings: { ...settings },
    network,
    optimizer: new NetworkOptimizer(network, { learningRate }),
    train,
    test,
    headline: { measure: "schedule", words: "schedule's mean squared error", better: "lower", share: false },
    loss({ past, demand }) {
      const forecast = network.forecast(past);
      if (layer === "end-to-end") {
        const loss = mseLoss(network.schedule(forecast), demand);
        return { loss, measures: { schedule: loss.item(), forecast: mseLoss(forecast.detach(), demand).item() } };
      }
      const loss = mseLoss(forecast, demand);
      const schedule = noGrad(() => mseLoss(network.schedule(forecast.detach()), demand).item());
      return { loss, measures: { schedule, forecast: loss.item() } };
    },
    layerSolution: () => network.lastSolution,
  };
}
