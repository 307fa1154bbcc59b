import { DTypeError, GradientError, ShapeError } from "../errors.ts";
import { add } from "../ops/elementwise.ts";
import { describeShape, sameShape } from "../shape.ts";
import { Tensor } from "../tensor.ts";
import { zeroValues } from "../values.ts";
import { backpropagate, leavesOf } from "./backpropagate.ts";
import { withRecording } from "./recording.ts";

export interface BackwardOptions {
  /** Records the backward pass itself, so that its result can be differentiated again. */
  readonly createGraph?: boolean;
}

export interface GradOptions extends BackwardOptions {
  /** The cotangent of the output, of its shape; 1 for a single number, required otherwise. */
  readonly cotangent?: Tensor;
}

/**
 * The gradients of `output` (or of <cotangent, output>) with respect to `inputs`, each of its input's shape; zeros for
 * an input that `output` does not depend on. Touches no `.grad`. Throws a GradientError when `output` has more than
 * one entry and no cotangent is given.
 */
export function grad(output: Tensor, inputs: readonly Tensor[], options: GradOptions = {}): Tensor[] {
  const cotangent = checkedCotangent("grad", output, options.cotangent);
  const found = backpropagate(output, cotangent, new Set(inputs), options.createGraph ?? false);
  return inputs.map((input) => found.get(input) ?? new Tensor(zeroValues(input.dtype, input.shape)));
}

/** Adds the gradients of `output` to the `.grad` of every leaf that requires one. See `Tensor.backward`. */
export function backward(output: Tensor, cotangent?: Tensor, options: BackwardOptions = {}): void {
  if (!output.requiresGrad) {
    throw new GradientError(
      "backward: the tensor depends on no tensor that requires a gradient; create one with { requiresGrad: true }, outside noGrad",
    );
  }
  const createGraph = options.createGraph ?? false;
  const leaves = leavesOf(output);
  const start = checkedCotangent("backward", output, cotangent);
  const found = backpropagate(output, start, leaves, createGraph);
  const taken = new Set([start.value.data]);
  withRecording(createGraph, () => {
    for (const leaf of leaves) {
      const gradient = found.get(leaf);
      if (!gradient) continue;
      // without history a gradient is the leaf's own array: two leaves, or a leaf and the cotangent, may not change one another
      const own = !createGraph && taken.has(gradient.value.data) ? gradient.clone() : gradient;
      taken.add(own.value.data);
      leaf.grad = leaf.grad ? add(leaf.grad, own) : own;
    }
  });
}

function checkedCotangent(op: string, output: Tensor, cotangent: Tensor | undefined): Tensor {
  if (!cotangent) {
    if (output.size === 1) return oneLike(output);
    throw new GradientError(
      `${op}: the output has shape ${describeShape(output.shape)}, expected a single number; pass a cotangent of its shape, or sum() it first`,
    );
  }
  if (!sameShape(cotangent.shape, output.shape))
    throw new ShapeError(op, [cotangent.shape], `a cotangent of the output's shape ${describeShape(output.shape)}`);
  if (cotangent.dtype !== output.dtype) throw new DTypeError(op, [output.dtype, cotangent.dtype]);
  return cotangent;
}

function oneLike(output: Tensor): Tensor {
  const values = zeroValues(output.dtype, output.shape);
  values.data[0] = 1;
  return new Tensor(values);
}
