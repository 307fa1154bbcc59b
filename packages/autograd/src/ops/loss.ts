import type { FloatArray } from "@solvegrad/linalg";
import { normalizeAxis } from "../axes.ts";
import { ShapeError } from "../errors.ts";
import { type Shape, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { contiguous, dtypeOfValues, type Values, zeroValues } from "../values.ts";
import { exp, mul, neg, square, sub } from "./elementwise.ts";
import { apply, type Op } from "./op.ts";
import { mean, sum } from "./reduction.ts";
import { checkIndices, pick } from "./selection.ts";

export interface LossAttributes {
  logSoftmax: number;
}

/** y = x - log sum_j e^(x_j), so  xbar = ybar - e^y sum_j ybar_j. */
const logSoftmaxOp: Op<number> & { name: "logSoftmax" } = {
  name: "logSoftmax",
  shape: ([x]) => x,
  forward: ([x], axis) => logSoftmaxValues(x, axis),
  vjp: ({ cotangent, output, attributes: axis }) => [sub(cotangent, mul(exp(output), sum(cotangent, axis, true)))],
};

export const lossOps = { logSoftmax: logSoftmaxOp };

/** log(e^(x_i) / sum_j e^(x_j)) along an axis, stable for entries of any size: the largest is subtracted first. */
export function logSoftmax(x: Tensor, axis = -1): Tensor {
  return apply(logSoftmaxOp, [x], normalizeAxis("logSoftmax", axis, x.rank));
}

/** The mean over the batch of -log probability of the true class: logProbabilities (N, C), labels N integers 0..C-1. */
export function nllLoss(logProbabilities: Tensor, labels: Int32Array): Tensor {
  checkClasses("nllLoss", logProbabilities.shape, labels);
  return neg(mean(pick(logProbabilities, labels)));
}

/** `nllLoss` of the `logSoftmax` of logits (N, C). */
export function crossEntropy(logits: Tensor, labels: Int32Array): Tensor {
  checkClasses("crossEntropy", logits.shape, labels);
  return neg(mean(pick(logSoftmax(logits, 1), labels)));
}

/** The mean of (a - b)^2 over all entries, of tensors that broadcast. */
export function mseLoss(a: Tensor, b: Tensor): Tensor {
  return mean(square(sub(a, b)));
}

function checkClasses(op: string, shape: Shape, labels: Int32Array): void {
  if (shape.length !== 2 || sizeOf(shape) === 0)
    throw new ShapeError(op, [shape], "(N, C) with N rows of C classes, not empty");
  checkIndices(op, labels, shape[0], shape[1]);
}

function logSoftmaxValues(x: Values, axis: number): Values {
  const { data, offset, shape } = contiguous(x);
  const y = zeroValues(dtypeOfValues(x), shape);
  const extent = shape[axis];
  const inner = sizeOf(shape.slice(axis + 1));
  const outer = sizeOf(shape.slice(0, axis));
  for (let i = 0; i < outer; i++) {
    for (let j = 0; j < inner; j++) {
      const start = i * extent * inner + j;
      logSoftmaxRow(data, offset + start, y.data, start, extent, inner);
    }
  }
  return y;
}

/** y_k <- (x_k - M) - log sum_j e^(x_j - M) with M the largest: nothing overflows, and no large numbers cancel at the end. */
function logSoftmaxRow(x: FloatArray, x0: number, y: FloatArray, y0: number, extent: number, step: number): void {
  let largest = Number.NEGATIVE_INFINITY;
  for (let k = 0; k < extent; k++) largest = Math.max(largest, x[x0 + k * step]);
  let total = 0;
  for (let k = 0; k < extent; k++) total += Math.exp(x[x0 + k * step] - largest);
  const logTotal = Math.log(total);
  for (let k = 0; k < extent; k++) y[y0 + k * step] = x[x0 + k * step] - largest - logTotal;
}
