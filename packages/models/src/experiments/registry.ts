import { batchTimes } from "./batch-times.ts";
import { denseSizes } from "./dense-sizes.ts";
import { denseTolerances } from "./dense-tolerances.ts";
import type { Experiment } from "./experiment.ts";
import { jacobianFigure } from "./jacobian-figure.ts";
import { softmaxSizes } from "./softmax-sizes.ts";
import { sparsemaxSizes } from "./sparsemax-sizes.ts";
import { sparsemaxTolerances } from "./sparsemax-tolerances.ts";

/** Every table and figure that can be made again, in the order of a report. */
export const experiments: readonly Experiment[] = [
  denseSizes,
  denseTolerances,
  jacobianFigure,
  sparsemaxSizes,
  sparsemaxTolerances,
  softmaxSizes,
  batchTimes,
];

/** The experiment of this name, if there is one. */
export function experimentNamed(name: string): Experiment | undefined {
  return experiments.find((experiment) => experiment.name === name);
}
