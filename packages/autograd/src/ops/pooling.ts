import { activeKernels } from "@solvegrad/linalg";
import { ArgumentRangeError, ShapeError } from "../errors.ts";
import { type Shape, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { contiguous, dtypeOfValues, zeroValues } from "../values.ts";
import { apply, type Op } from "./op.ts";
import { putFlat } from "./selection.ts";

/** What each op of this family takes besides tensors. */
export interface PoolingAttributes {
  /** The forward pass fills `argmax`. */
  maxPool2d: { readonly size: number; readonly argmax: Int32Array };
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

export const poolingOps = { maxPool2d: maxPool2dOp };

/**
 * The maximum of each size x size window of images (N, C, H, W), window beside window; rows and columns that do not fill
 * a window are dropped, so the result is (N, C, floor(H / size), floor(W / size)). Where several entries of a window are
 * equal the derivative goes to the first. Throws a ShapeError or ArgumentRangeError for an x or a size that do not fit.
 */
export function maxPool2d(x: Tensor, size: number): Tensor {
  const argmax = new Int32Array(sizeOf(pooledShape(x.shape, size)));
  return apply(poolingOps.maxPool2d, [x], { size, argmax });
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
