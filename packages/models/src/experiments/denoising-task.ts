import { abs, add, mseLoss, mul, random, type Tensor } from "@solvegrad/autograd";
import { type SignalBatch, type SignalSet, signalExamples } from "../datasets/signals.ts";
import { type Denoiser, DenoisingOptNet, DenoisingPerceptron, LearnedDifferences } from "../networks/denoising.ts";
import { type Differentiation, layerMethod } from "../networks/layer-method.ts";
import { NetworkOptimizer } from "../training/network-optimizer.ts";
import type { Task } from "../training/task.ts";

/** Which network denoises; total variation itself (`bestLambda`) learns nothing. */
export const denoisers = ["perceptron", "learned-differences", "optnet"] as const;
export type DenoiserKind = (typeof denoisers)[number];

export interface DenoisingSettings {
  readonly layer: DenoiserKind;
  readonly differentiation: Differentiation;
  readonly seed: number;
  readonly batchSize: number;
  readonly tolerance: number;
  readonly onFailure: "raise" | "mask";
  /** Where `optnet` starts: the best lambda of total variation. */
  readonly lambda: number;
  readonly learningRate: number;
}

/** The published rates of Adam. */
const learningRates: Record<DenoiserKind, number> = { perceptron: 1e-3, "learned-differences": 1e-2, optnet: 1e-4 };

/** Weight of |D|_1 in the loss of learned differences. */
const sparsity = 0.1;

export function denoisingSettings(given: Partial<DenoisingSettings> = {}): DenoisingSettings {
  const { layer = "optnet", differentiation = "implicit" } = given;
  return {
    layer,
    differentiation,
    seed: given.seed ?? 0,
    batchSize: given.batchSize ?? 150,
    tolerance: given.tolerance ?? 1e-6,
    onFailure: given.onFailure ?? "raise",
    lambda: given.lambda ?? 13,
    learningRate: given.learningRate ?? learningRates[layer],
  };
}

export function denoisingTask(
  settings: DenoisingSettings,
  data: { readonly train: SignalSet; readonly test: SignalSet },
): Task<SignalBatch> & { readonly network: Denoiser } {
  const { length } = data.train;
  const network = denoisingNetwork(settings, length);
  return {
    name: "denoise",
    settings: { ...settings, length },
    network,
    optimizer: new NetworkOptimizer(network, { learningRate: settings.learningRate }),
    train: signalExamples(data.train),
    test: signalExamples(data.test),
    headline: { measure: "error", words: "mean squared error", better: "lower", share: false },
    loss({ noisy, clean }) {
      const error = mseLoss(network.forward(noisy), clean);
      return { loss: withPenalty(network, error), measures: { error: error.item() } };
    },
    layerSolution: () => network.lastSolution,
  };
}

/** The network of these settings for signals of this length, freshly drawn from their seed. */
export function denoisingNetwork(settings: DenoisingSettings, length: number): Denoiser {
  const { layer, differentiation, tolerance, onFailure, seed, lambda } = settings;
  const options = { ...layerMethod(differentiation, { tolerance }), onFailure, length };
  switch (layer) {
    case "perceptron":
      return new DenoisingPerceptron(random(seed), { length });
    case "learned-differences":
      return new LearnedDifferences(random(seed), options);
    case "optnet":
      return new DenoisingOptNet(random(seed), { ...options, lambda });
  }
}

function withPenalty(network: Denoiser, error: Tensor): Tensor {
  return network instanceof LearnedDifferences ? add(error, mul(abs(network.D).sum(), sparsity)) : error;
}
