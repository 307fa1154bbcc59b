import {
  cooldown,
  type Differentiation,
  firstOf,
  type ImageSettings,
  type ImageTask,
  imageSettings,
  imageTask,
  type LayerKind,
  layerKinds,
  layerProblem,
  loadMnist,
  type Mnist,
  type Normalization,
} from "@solvegrad/models";
import { compareProblem } from "../comparison/compare-problem.ts";
import * as text from "../output/numbers.ts";
import { choice } from "./choice.ts";
import { cooldownWords } from "./learning-rate.ts";
import type { PreparedTask, TaskOptions, TaskWords } from "./prepared-task.ts";

/** The image classifier on MNIST. */
export async function mnistTraining(options: TaskOptions): Promise<PreparedTask> {
  return imageTraining("mnist", "MNIST", loadMnist({ folder: options.data }), options);
}

/** The same network on another data set of MNIST's form, whose pixels are scaled as given (as MNIST's by default). */
export function imageTraining(
  name: string,
  title: string,
  data: Mnist,
  options: TaskOptions,
  normalization?: Normalization,
): PreparedTask {
  const layer: LayerKind = choice("--layer", options.layer ?? "fixed", layerKinds);
  const settings = imageSettings({ ...options, differentiation: options.differentiation as Differentiation, layer });
  const task = imageTask(settings, data, { name, normalization });
  const { seed, batchSize } = settings;
  return {
    task,
    seed,
    batchSize,
    schedule: cooldown(settings.cooldown),
    words: words(title, settings, data),
    compare: layer === "none" ? null : (signal) => compareOnTestBatch(task, batchSize, signal),
  };
}

/** The three gradients of the optimization layer for the loss of the first test images. */
function compareOnTestBatch({ network, test }: ImageTask, batchSize: number, signal: AbortSignal) {
  const batch = firstOf(test, batchSize);
  const { problem, cotangent } = layerProblem(network, batch);
  return compareProblem(problem, cotangent, { signal });
}

function words(dataset: string, settings: ImageSettings, { train, test, folder }: Mnist): TaskWords {
  const { layer, differentiation, tolerance, batchSize } = settings;
  const none = layer === "none";
  const method = `${differentiation}, tolerance ${text.tolerance(tolerance)}`;
  return {
    title: `A network with an optimization layer, trained on ${dataset}`,
    data: `${text.thousands(train.count)} training and ${text.thousands(test.count)} test images from ${folder}`,
    network: none ? "no optimization layer" : `optimization layer ${layerWords[layer]}, ${method}`,
    lead: `${leadOf(settings)}. Batches of ${batchSize}, Adam at 1e-3${cooldownWords(settings.cooldown)}.`,
    examples: "images",
    loss: "negative log-likelihood",
    headline: "classified rightly",
    comparison: `The optimization layer after training, on the first ${Math.min(batchSize, test.count)} test images, for the loss of that batch`,
  };
}

const layerWords: Record<Exclude<LayerKind, "none">, string> = {
  fixed: "with fixed data",
  "learned-A": "with A learned",
  optnet: "of OptNet, all of it learned",
};

const programWords: Record<Exclude<LayerKind, "none">, string> = {
  fixed: "200 variables, 50 equalities and 50 inequalities as a layer (its data fixed at random)",
  "learned-A": "200 variables, 50 equalities and 50 inequalities as a layer (A learned, the rest fixed)",
  optnet: "200 variables and 50 inequalities as a layer (Q = LL' + 1e-4 I, G and h = G z0 + s0 learned, as in OptNet)",
};

function leadOf({ layer, differentiation, tolerance }: ImageSettings): string {
  const network = "The image classifier of Alt-Diff (section F.2)";
  if (layer === "none") return `${network} without its optimization layer`;
  return `${network}: a quadratic program of ${programWords[layer]}, differentiated by the ${differentiation} rule at tolerance ${text.tolerance(tolerance)}`;
}
