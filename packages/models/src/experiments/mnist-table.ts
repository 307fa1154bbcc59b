import { loadMnist } from "../datasets/mnist.ts";
import { type Experiment, notInOurCopy } from "./experiment.ts";
import { compareImageTrainings, type ImageTraining } from "./image-comparison.ts";

const trainings: readonly ImageTraining[] = [
  { label: "implicit", differentiation: "implicit", published: notInOurCopy },
  ...[1e-1, 1e-2, 1e-3].map((tolerance) => ({
    label: `alternating, ${tolerance.toExponential()}`,
    differentiation: "alternating" as const,
    tolerance,
    published: notInOurCopy,
  })),
  { label: "no layer", layer: "none" },
];

const remark =
  "The layer is a QP of 200 variables, 50 equalities and 50 inequalities, its data fixed at random. Implicit (in the paper OptNet) to 1e-6; alternating (Alt-Diff) stopped at the tolerance. " +
  "The paper trains for 30 epochs; its numbers were lost from our copy.";

/** Table 7 and Figure 4 of Alt-Diff: the image classifier on MNIST, implicit and alternating at three tolerances. */
export const mnistTable: Experiment = {
  name: "table-7",
  title: "MNIST: accuracy and time by rule and tolerance",
  source: "Alt-Diff, Table 7 and Figure 4",
  takes: ["epochs", "examples", "seed", "data"],
  async run(options, progress, signal) {
    const data = loadMnist({ folder: options.data });
    return compareImageTrainings({ trainings, data, name: "mnist", remark }, options, progress, signal);
  },
};
