import { activeKernels } from "@solvegrad/linalg";
import { ArgumentRangeError, ShapeError } from "../errors.ts";
import { type Shape, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { contiguous, dtypeOfValues, zeroValues } from "../values.ts";
import { linear } from "./factories.ts";
import { apply, type Op } from "./op.ts";

/** Some entries of an array of the shape `whole`, by their flat row-major indices, arranged in the shape `part`. */
interface Selection {
  readonly indices: Int32Array;
  readonly whole: Shape;
  readonly part: Shape;
}

/** What each op of this family takes besides tensors. */
export interface PoolingAttributes {
  /** The forward pass fills `argmax`. */
  maxPool2d: { readonly size: number; readonly argmax: Int32Array };
  takeFlat: Selection;
  putFlat: Selection;
}

/** y = max over a window of x: locally y is a selection of entries of x, and xbar puts ybar back among zeros. */
const maxPool2dOp: Op<PoolingAttributes["maxPool2d"]> & { readonly name: "maxPool2d" } = {
  name: "maxPool2d",
  shape: ([x], { size }) => pooledShape(x, size),
  forward: ([x], { size, argmax }, shape) => {
    const y = zeroValues(dtypeOfValues(x), shape);
    activeKernels().convolution.maxPool2d(contiguous(x), size, y, argmax);
    return y;
  },
  vjp: ({ cotangent, inputs: [x], attributes: { argmax } }) => [
    putFlat(cotangent, { indices: argmax, whole: x.shape, part: cotangent.shape }),
  ],
};

/** Taking entries by their flat indices, and adding them up at their places among zeros, are each other's transpose. */
export const poolingOps = {
  maxPool2d: maxPool2dOp,
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
 * The maximum of each size x size window of images (N, C, H, W), window beside window; rows and columns that do not fill
 * a window are dropped, so the result is (N, C, floor(H / size), floor(W / size)). Where several entries of a window are
 * equal the derivative goes to the first. Throws a ShapeError or ArgumentRangeError for an x or a size that do not fit.
 */
export function maxPool2d(x: Tensor, size: number): Tensor {
  const argmax = new Int32Array(sizeOf(pooledShape(x.shape, size)));
  return apply(poolingOps.maxPool2d, [x], { size, argmax });
}

function takeFlat(x: Tensor, selection: Selection): Tensor {
  return apply(poolingOps.takeFlat, [x], selection);
}

function putFlat(y: Tensor, selection: Selection): Tensor {
  return apply(poolingOps.putFlat, [y], selection);
}

function pooledShape(x: Shape, size: number): Shape {
  if (!(Number.isInteger(size) && size >= 1)) {
    throw new ArgumentRangeError("maxPool2d", "size", String(size), "a positive integer");
  }
  if (x.length !== 4 || x[2] < size || x[3] < size) {
    throw new ShapeError("maxPool2d", [x], `images x (N, C, H, W) with H and W at least the window's size ${size}`);
  }
  return [x[0], x[1], Math.floor(x[2] / size), Math.floor(x[3] / size)];
}
