import { normalizeAxes, normalizeAxis } from "../axes.ts";
import { ShapeError } from "../errors.ts";
import { argmaxValues, sumValues } from "../loops/reduce.ts";
import { reducedShape, type Shape, sameShape, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { broadcastValues } from "../values.ts";
import { mul } from "./elementwise.ts";
import { linear } from "./factories.ts";
import { reshape } from "./layout.ts";
import { apply } from "./op.ts";
import { takeAlong } from "./selection.ts";

export interface ReductionAttributes {
  sum: { readonly axes: readonly number[]; readonly keepDims: boolean };
  broadcastTo: Shape;
}

/** Summing over an axis and repeating along it are each other's transpose. */
export const reductionOps = {
  sum: linear<"sum", ReductionAttributes["sum"]>(
    "sum",
    (x, { axes, keepDims }) => reducedShape(x, axes, keepDims),
    (x, { axes }, shape) => sumValues(x, axes, shape),
    (cotangent, { axes }, x) => broadcastTo(reshape(cotangent, reducedShape(x.shape, axes, true)), x.shape),
  ),
  broadcastTo: linear<"broadcastTo", Shape>(
    "broadcastTo",
    (_, shape) => shape,
    (x, shape) => broadcastValues("broadcastTo", x, shape),
    (cotangent, _, x) => sumTo(cotangent, x.shape),
  ),
};

/** The sum over one axis, several, or all of them. A reduced axis is dropped, or kept with extent 1 under `keepDims`. */
export function sum(x: Tensor, axis?: number | readonly number[], keepDims = false): Tensor {
  const axes = normalizeAxes("sum", axis, x.rank);
  return axes.length === 0 && x.rank > 0 ? x : apply(reductionOps.sum, [x], { axes, keepDims });
}

/** The mean over one axis, several, or all of them. */
export function mean(x: Tensor, axis?: number | readonly number[], keepDims = false): Tensor {
  const axes = normalizeAxes("mean", axis, x.rank);
  const count = sizeOf(axes.map((i) => x.shape[i]));
  if (count === 0) throw new ShapeError("mean", [x.shape], "at least one entry to take the mean of");
  return mul(sum(x, axes, keepDims), 1 / count);
}

/** The largest entry along an axis; where several are equal the derivative goes to the first. */
export function max(x: Tensor, axis: number, keepDims = false): Tensor {
  const at = normalizeAxis("max", axis, x.rank);
  if (x.shape[at] === 0) throw new ShapeError("max", [x.shape], "at least one entry along the axis");
  const taken = takeAlong(x, at, argmaxValues(x.value, at));
  return keepDims ? reshape(taken, reducedShape(x.shape, [at], true)) : taken;
}

/** The index of the largest entry along an axis, in row-major order of the remaining axes; the first of equals. */
export function argmax(x: Tensor, axis: number): Int32Array {
  const at = normalizeAxis("argmax", axis, x.rank);
  if (x.shape[at] === 0) throw new ShapeError("argmax", [x.shape], "at least one entry along the axis");
  return argmaxValues(x.value, at);
}

/** A view of the given shape that repeats x along new leading axes and along axes of extent 1. */
export function broadcastTo(x: Tensor, shape: Shape): Tensor {
  return sameShape(x.shape, shape) ? x : apply(reductionOps.broadcastTo, [x], [...shape]);
}

/** The transpose of broadcasting: the sum over the axes along which a tensor of `shape` was repeated. */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  const lead = x.rank - shape.length;
  const repeated = x.shape
    .map((_, axis) => axis)
    .filter((axis) => axis < lead || (shape[axis - lead] === 1 && x.shape[axis] !== 1));
  return reshape(sum(x, repeated), shape);
}
