import { mseLoss, random, slice } from "@solvegrad/autograd";
import {
  bestLambda,
  type DenoiserKind,
  type DenoisingSettings,
  type Differentiation,
  denoisers,
  denoisingSettings,
  denoisingTask,
  firstOf,
  generateSignals,
  problemOfLayer,
  totalVariationError,
} from "@solvegrad/models";
import { compareProblem } from "../comparison/compare-problem.ts";
import { InputError } from "../exit.ts";
import * as text from "../output/numbers.ts";
import { choice } from "./choice.ts";
import { learningRate } from "./learning-rate.ts";
import type { PreparedTask, TaskOptions, TaskWords } from "./prepared-task.ts";

const [trainCount, testCount, compared] = [9000, 1000, 4];

/** Denoising of piecewise constant signals, generated from the seed; total variation with its best lambda is the mark to beat. */
export async function denoisingTraining(options: TaskOptions): Promise<PreparedTask> {
  if (options.data !== undefined) throw new InputError("train denoise generates its signals, expected no --data");
  const layer = choice("--layer", options.layer ?? "optnet", denoisers);
  const { seed } = options;
  const data = { train: generateSignals(trainCount, random(seed)), test: generateSignals(testCount, random(seed + 1)) };
  const lambda = Math.round(10 * bestLambda(data.train).lambda) / 10;
  const mark = totalVariationError(data.test, lambda);
  const differentiation = options.differentiation as Differentiation;
  const settings = denoisingSettings({ ...options, differentiation, layer, lambda });
  const rate = learningRate(options);
  const task = rate.recordedIn(denoisingTask(settings, data));
  const { batchSize } = settings;
  return {
    task,
    seed,
    batchSize,
    schedule: rate.schedule,
    words: words(settings, mark, rate.words),
    compare: task.network.layerData ? compareOnTestSignals : null,
  };

  function compareOnTestSignals(signal: AbortSignal) {
    const { noisy, clean } = firstOf(task.test, compared);
    const layerData = task.network.layerData?.(noisy);
    if (!layerData) return Promise.resolve(null);
    const loss = (x: Parameters<typeof slice>[0]) => mseLoss(slice(x, 1, 0, data.test.length), clean);
    const { problem, cotangent } = problemOfLayer(layerData, loss);
    return compareProblem(problem, cotangent, { rules: ["implicit", "alternating"], signal });
  }
}

const networkWords: Record<DenoiserKind, string> = {
  perceptron: "fully connected, 100 - 50 - 100 with ReLU",
  "learned-differences": "total variation with a learned differencing operator",
  optnet: "an optimization layer started at total variation, all of it learned",
};

function words(
  { layer, lambda, differentiation, tolerance, batchSize, learningRate }: DenoisingSettings,
  mark: number,
  rate: string,
): TaskWords {
  const method = layer === "perceptron" ? "" : `, ${differentiation}, tolerance ${text.tolerance(tolerance)}`;
  const network = `${networkWords[layer]}${method}`;
  const capital = text.capital(network);
  const best = `total variation with its best lambda (${lambda}) has ${mark.toFixed(2)}`;
  return {
    title: "Denoising of piecewise constant signals",
    data: `${text.thousands(trainCount)} training and ${text.thousands(testCount)} test signals of 100 samples, noise of deviation 10; ${best}`,
    network,
    lead: `${capital} (OptNet, section 4.2). Mean squared error; ${best}. Batches of ${batchSize}, Adam at ${learningRate}${rate}.`,
    examples: "signals",
    loss: "loss",
    headline: "mean squared error",
    comparison: `The optimization layer after training, on the first ${compared} test signals, for their loss`,
  };
}
