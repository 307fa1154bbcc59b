import { loadFashionMnist } from "../datasets/fashion-mnist.ts";
import { pixelNormalization } from "../datasets/images.ts";
import type { Experiment } from "./experiment.ts";
import { compareImageTrainings, type ImageTraining } from "./image-comparison.ts";

const trainings: readonly ImageTraining[] = [
  { label: "no layer", layer: "none" },
  { label: "layer, data fixed", layer: "fixed" },
  { label: "layer, A learned", layer: "learned-A" },
];

const remark =
  "The layer is a QP of 200 variables, 50 equalities and 50 inequalities, alternating to 1e-3. The report gives no numbers in our copy.";

/** Fashion-MNIST with and without the optimization layer (section 3.1 of a report on OptNet and on cone programs). */
export const fashionTable: Experiment = {
  name: "fashion-mnist",
  title: "Fashion-MNIST with and without the layer",
  source: "Report on OptNet, section 3.1",
  takes: ["epochs", "examples", "seed", "data"],
  async run(options, progress, signal) {
    const data = loadFashionMnist({ folder: options.data });
    const normalization = pixelNormalization(data.train);
    const comparison = { trainings, data, name: "fashion-mnist", normalization, remark };
    return compareImageTrainings(comparison, options, progress, signal);
  },
};
