import { random } from "@solvegrad/autograd";
import { type Differentiation, layerMethod, trainingTolerance } from "../networks/layer-method.ts";
import { MnistNetwork } from "../networks/mnist-network.ts";
import { NetworkOptimizer } from "../training/network-optimizer.ts";

/** Which optimization layer the network has: with fixed data, with learned equalities, or none. */
export const layerKinds = ["fixed", "learned-A", "none"] as const;
export type LayerKind = (typeof layerKinds)[number];

/** What decides a training run of the image classifier: equal settings, equal run. */
export interface MnistRunSettings {
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

export interface MnistRun {
  readonly settings: MnistRunSettings;
  readonly network: MnistNetwork;
  readonly optimizer: NetworkOptimizer;
}

/** Settings with the paper's values (batches of 64) for what is not given. */
export function mnistRunSettings(given: Partial<MnistRunSettings> = {}): MnistRunSettings {
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

/** The network, freshly drawn from the seed, and its optimizer. */
export function mnistRun(settings: MnistRunSettings): MnistRun {
  const { differentiation, layer, seed, tolerance, onFailure } = settings;
  const options = { ...layerMethod(differentiation, { tolerance }), onFailure, learnA: layer === "learned-A" };
  const network = new MnistNetwork(random(seed), layer === "none" ? null : options);
  return { settings, network, optimizer: new NetworkOptimizer(network) };
}
