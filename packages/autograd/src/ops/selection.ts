import { normalizeAxis } from "../axes.ts";
import { ArgumentRangeError, ShapeError } from "../errors.ts";
import { reducedShape, type Shape, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { contiguous, dtypeOfValues, zeroValues } from "../values.ts";
import { add, atLeast, gate, sub } from "./elementwise.ts";
import { linear } from "./factories.ts";
import { apply } from "./op.ts";

/** Some entries of an array of the shape `whole`, by their flat row-major indices, arranged in the shape `part`. */
export interface Selection {
  readonly indices: Int32Array;
  readonly whole: Shape;
  readonly part: Shape;
}

export interface SelectionAttributes {
  takeFlat: Selection;
  putFlat: Selection;
}

/** Taking entries by their flat indices, and adding them up at their places among zeros, are each other's transpose. */
export const selectionOps = {
  takeFlat: linear<"takeFlat", Selection>(
    "takeFlat",
    (_, { part }) => part,
    (x, { indices }, shape) => {
      const { data, offset } = contiguous(x);
      const y = zeroValues(dtypeOfValues(x), shape);
      const taken = y.data;
      for (let i = 0; i < indices.length; i++) taken[i] = data[offset + indices[i]];
      return y;
    },
    (cotangent, selection) => putFlat(cotangent, selection),
  ),
  putFlat: linear<"putFlat", Selection>(
    "putFlat",
    (_, { whole }) => whole,
    (y, { indices }, shape) => {
      const { data, offset } = contiguous(y);
      const x = zeroValues(dtypeOfValues(y), shape);
      const sums = x.data;
      for (let i = 0; i < indices.length; i++) sums[indices[i]] += data[offset + i];
      return x;
    },
    (cotangent, selection) => takeFlat(cotangent, selection),
  ),
};

/**
 * The entry at one index along `axis`, for every combination of the other axes; `indices` in their row-major order.
 * The axis is dropped.
 */
export function takeAlong(x: Tensor, axis: number, indices: Int32Array): Tensor {
  const at = normalizeAxis("takeAlong", axis, x.rank);
  const part = reducedShape(x.shape, [at], false);
  checkIndices("takeAlong", indices, sizeOf(part), x.shape[at]);
  return takeFlat(x, { indices: chosenPlaces(x.shape, at, indices), whole: x.shape, part });
}

/** Entry indices[i] of row i of a matrix (N, C), as a vector of N. */
export function pick(x: Tensor, indices: Int32Array): Tensor {
  if (x.rank !== 2) throw new ShapeError("pick", [x.shape], "a matrix (N, C)");
  return takeAlong(x, 1, indices);
}

/** a where the mask is 1, b where it is 0, broadcast. The mask is a constant: it gets no gradient. */
export function where(mask: Tensor, a: Tensor, b: Tensor): Tensor {
  const chosen = atLeast(mask.detach(), 0.5);
  return add(gate(a, chosen), gate(b, sub(1, chosen)));
}

/** Throws unless there are `count` indices, each from 0 to extent - 1. */
export function checkIndices(op: string, indices: Int32Array, count: number, extent: number): void {
  if (!(indices instanceof Int32Array)) throw new ArgumentRangeError(op, "indices", typeof indices, "an Int32Array");
  if (indices.length !== count)
    throw new ArgumentRangeError(op, "indices.length", String(indices.length), `${count}, one for each row`);
  const bad = indices.findIndex((index) => index < 0 || index >= extent);
  if (bad >= 0)
    throw new ArgumentRangeError(op, `indices[${bad}]`, String(indices[bad]), `an integer from 0 to ${extent - 1}`);
}

/** The selected entries; one may be selected more than once. */
export function takeFlat(x: Tensor, selection: Selection): Tensor {
  return apply(selectionOps.takeFlat, [x], selection);
}

/** Zeros, with the entries of y added at the selected places. */
export function putFlat(y: Tensor, selection: Selection): Tensor {
  return apply(selectionOps.putFlat, [y], selection);
}

/** The flat row-major place, in an array of this shape, of every chosen entry. */
function chosenPlaces(shape: Shape, axis: number, indices: Int32Array): Int32Array {
  const inner = sizeOf(shape.slice(axis + 1));
  const extent = shape[axis];
  return indices.map((index, i) => (Math.floor(i / inner) * extent + index) * inner + (i % inner));
}
