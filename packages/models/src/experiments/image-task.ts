import { nllLoss, random, type Tensor } from "@solvegrad/autograd";
import { type ImageBatch, imageExamples, type Normalization } from "../datasets/images.ts";
import type { Mnist } from "../datasets/mnist.ts";
import { type Differentiation, layerMethod, trainingTolerance } from "../networks/layer-method.ts";
import { MnistNetwork } from "../networks/mnist-network.ts";
import { OptNet } from "../networks/optnet.ts";
import { OptNetEq } from "../networks/optnet-eq.ts";
import { NetworkOptimizer } from "../training/network-optimizer.ts";
import type { BatchLoss, Task } from "../training/task.ts";

/** Which optimization layer the network has: with fixed data, with learned equalities, all of it learned, or none. */
export const layerKinds = ["fixed", "learned-A", "optnet", "none"] as const;
export type LayerKind = (typeof layerKinds)[number];

/** What decides the network and its training, beside the data and the run's length. */
export interface ImageSettings {
  readonly differentiation: Differentiation;
  readonly layer: LayerKind;
  readonly seed: number;
  readonly batchSize: number;
  /** Of the layer's solver, and of the alternating rule's recursion. */
  readonly tolerance: number;
  readonly onFailure: "raise" | "mask";
  /** The share of the run, at its end, over which Adam's 1e-3 falls linearly to zero; 0 keeps it constant, as published. */
  readonly cooldown: number;
}

/** Settings with the paper's values (batches of 64) for what is not given. */
export function imageSettings(given: Partial<ImageSettings> = {}): ImageSettings {
  const { differentiation = "alternating" } = given;
  return {
    differentiation,
    layer: given.layer ?? "fixed",
    seed: given.seed ?? 0,
    batchSize: given.batchSize ?? 64,
    tolerance: given.tolerance ?? trainingTolerance[differentiation],
    onFailure: given.onFailure ?? "raise",
    cooldown: given.cooldown ?? 0.2,
  };
}

/** The image classifier, freshly drawn from the seed, on a data set of MNIST's form. */
export interface ImageTask extends Task<ImageBatch> {
  readonly settings: ImageSettings & Task["settings"];
  readonly network: MnistNetwork;
  readonly optimizer: NetworkOptimizer;
}

export interface ImageTaskOptions {
  /** Default "mnist". */
  readonly name?: string;
  /** Default: MNIST's. */
  readonly normalization?: Normalization;
}

export function imageTask(
  settings: ImageSettings,
  data: Pick<Mnist, "train" | "test">,
  { name = "mnist", normalization }: ImageTaskOptions = {},
): ImageTask {
  const network = imageNetwork(settings);
  return {
    name,
    settings: { ...settings, ...(normalization && { mean: normalization.mean, deviation: normalization.deviation }) },
    network,
    optimizer: new NetworkOptimizer(network),
    train: imageExamples(data.train, normalization),
    test: imageExamples(data.test, normalization),
    headline: { measure: "accuracy", words: "test accuracy", better: "higher", share: true },
    loss: ({ images, labels }) => classificationLoss(network.forward(images), labels),
    layerSolution: () => network.quadratic?.lastSolution ?? null,
  };
}

/** The classifier of these settings, freshly drawn from their seed. */
export function imageNetwork(settings: ImageSettings): MnistNetwork {
  const { differentiation, layer, seed, tolerance, onFailure } = settings;
  const method = { ...layerMethod(differentiation, { tolerance }), onFailure };
  const layers: Record<LayerKind, ConstructorParameters<typeof MnistNetwork>[1]> = {
    none: null,
    fixed: (random) => new OptNetEq(random, method),
    "learned-A": (random) => new OptNetEq(random, { ...method, learnA: true }),
    optnet: (random) => new OptNet(random, method),
  };
  return new MnistNetwork(random(seed), layers[layer]);
}

/** Mean negative log-likelihood of log-probabilities (B x classes), and the share that is classified rightly. */
export function classificationLoss(logProbabilities: Tensor, labels: Int32Array): BatchLoss {
  const accuracy = countCorrect(logProbabilities, labels) / labels.length;
  return { loss: nllLoss(logProbabilities, labels), measures: { accuracy } };
}

/** How many rows have their largest entry at the label; the first of equal entries counts. */
function countCorrect(logProbabilities: Tensor, labels: Int32Array): number {
  return logProbabilities.argmax(1).reduce((correct, found, i) => correct + (found === labels[i] ? 1 : 0), 0);
}
