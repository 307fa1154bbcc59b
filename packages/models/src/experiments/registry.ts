import { batchTimes } from "./batch-times.ts";
import { denoisingTable } from "./denoising-table.ts";
import { denseSizes } from "./dense-sizes.ts";
import { denseTolerances } from "./dense-tolerances.ts";
import { energyFigure } from "./energy-figure.ts";
import type { Experiment } from "./experiment.ts";
import { fashionTable } from "./fashion-table.ts";
import { jacobianFigure } from "./jacobian-figure.ts";
import { mnistTable } from "./mnist-table.ts";
import { piecewiseLinear } from "./piecewise-linear.ts";
import { softmaxSizes } from "./softmax-sizes.ts";
import { sparsemaxSizes } from "./sparsemax-sizes.ts";
import { sparsemaxTolerances } from "./sparsemax-tolerances.ts";
import { sudokuFigure } from "./sudoku-figure.ts";
import { threePlanes } from "./three-planes.ts";

/** Every table and figure that can be made again, in the order of a report. */
export const experiments: readonly Experiment[] = [
  denseSizes,
  denseTolerances,
  jacobianFigure,
  sparsemaxSizes,
  sparsemaxTolerances,
  softmaxSizes,
  energyFigure,
  mnistTable,
  fashionTable,
  batchTimes,
  denoisingTable,
  sudokuFigure,
  piecewiseLinear,
  threePlanes,
];

/** The experiment of this name, if there is one. */
export function experimentNamed(name: string): Experiment | undefined {
  return experiments.find((experiment) => experiment.name === name);
}
