import { ArgumentRangeError, ShapeError } from "../errors.ts";
import { normalizeAxis, reducedShape, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { contiguous, dtypeOfValues, type Values, zeroValues } from "../values.ts";
import { add, atLeast, gate, sub } from "./elementwise.ts";
import { linear } from "./factories.ts";
import { apply } from "./op.ts";

/** One index along `axis` for every entry of the remaining axes, in row-major order. */
interface Choice {
  readonly axis: number;
  readonly indices: Int32Array;
}

export interface SelectionAttributes {
  takeAlong: Choice;
  putAlong: Choice & { readonly extent: number };
}

/** Taking one entry along an axis, and putting it back among zeros, are each other's transpose. */
export const selectionOps = {
  takeAlong: linear<"takeAlong", Choice>(
    "takeAlong",
    (x, { axis }) => reducedShape(x, [axis], false),
    (x, { axis, indices }, shape) => {
      const source = contiguous(x);
      const y = zeroValues(dtypeOfValues(x), shape);
      const places = chosenPlaces(x.shape, axis, indices);
      for (let i = 0; i < places.length; i++) y.data[i] = source.data[source.offset + places[i]];
      return y;
    },
    (cotangent, choice, x) => putAlong(cotangent, { ...choice, extent: x.shape[choice.axis] }),
  ),
  putAlong: linear<"putAlong", SelectionAttributes["putAlong"]>(
    "putAlong",
    (x, { axis, extent }) => [...x.slice(0, axis), extent, ...x.slice(axis)],
    (x, { axis, indices }, shape) => {
      const source = contiguous(x);
      const y = zeroValues(dtypeOfValues(x), shape);
      const places = chosenPlaces(shape, axis, indices);
      for (let i = 0; i < places.length; i++) y.data[places[i]] = source.data[source.offset + i];
      return y;
    },
    (cotangent, { axis, indices }) => takeAlong(cotangent, axis, indices),
  ),
};

/**
 * The entry at one index along `axis`, for every combination of the other axes; `indices` in their row-major order.
 * The axis is dropped.
 */
export function takeAlong(x: Tensor, axis: number, indices: Int32Array): Tensor {
  const at = normalizeAxis("takeAlong", axis, x.rank);
  checkIndices("takeAlong", indices, sizeOf(reducedShape(x.shape, [at], false)), x.shape[at]);
  return apply(selectionOps.takeAlong, [x], { axis: at, indices });
}

function putAlong(x: Tensor, attributes: SelectionAttributes["putAlong"]): Tensor {
  return apply(selectionOps.putAlong, [x], attributes);
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

/** The flat row-major place, in an array of this shape, of every chosen entry. */
function chosenPlaces(shape: Values["shape"] | readonly number[], axis: number, indices: Int32Array): Int32Array {
  const inner = sizeOf(shape.slice(axis + 1));
  const extent = shape[axis];
  return indices.map((index, i) => (Math.floor(i / inner) * extent + index) * inner + (i % inner));
}
