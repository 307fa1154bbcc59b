import { activeKernels, type ConvolutionOptions, convolvedSize } from "@solvegrad/linalg";
import { ArgumentRangeError, ShapeError } from "../errors.ts";
import { describeShape, type Shape, sameShape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { contiguous, dtypeOfValues, zeroValues } from "../values.ts";
import { bilinear, linear } from "./factories.ts";
import { reshape } from "./layout.ts";
import { apply, type Op } from "./op.ts";
import { broadcastTo } from "./reduction.ts";

/** Stride and padding, and the height and width of the operand that the result takes the place of. */
type TransposeOptions = ConvolutionOptions & { readonly size: readonly [number, number] };

/** What each op of this family takes besides tensors. */
export interface ConvolutionAttributes {
  conv2d: ConvolutionOptions;
  conv2dInput: TransposeOptions;
  conv2dWeight: TransposeOptions;
  conv2dBias: null;
}

/**
 * y = x * w is linear in x and in w. Its transpose in x, applied to ybar, is bilinear in (ybar, w), its transpose in w
 * is bilinear in (x, ybar), and the transposes of these two are among the three again: for cotangents u of xbar and v
 * of wbar,
 *
 *     <u, conv2dInput(ybar, w)> = <ybar, u * w> = <w, conv2dWeight(u, ybar)>,
 *     <v, conv2dWeight(x, ybar)> = <ybar, x * v> = <x, conv2dInput(ybar, v)>.
 */
export const convolutionOps = {
  /** With one bias per filter as a third input, or without. */
  conv2d: {
    name: "conv2d",
    shape: ([x, w, bias], options) => convolvedShape(x, w, bias, options),
    forward: ([x, w, bias], options, shape) => {
      const y = zeroValues(dtypeOfValues(x), shape);
      activeKernels().convolution.conv2d(contiguous(x), contiguous(w), bias ?? null, y, options);
      return y;
    },
    vjp: ({ cotangent, inputs: [x, w], attributes, needs }) => [
      needs[0] ? conv2dInput(cotangent, w, { ...attributes, size: lastTwo(x.shape) }) : null,
      needs[1] ? conv2dWeight(x, cotangent, { ...attributes, size: lastTwo(w.shape) }) : null,
      needs[2] ? conv2dBias(cotangent) : null,
    ],
  } satisfies Op<ConvolutionOptions> & { name: "conv2d" },

  conv2dInput: bilinear<"conv2dInput", TransposeOptions>(
    "conv2dInput",
    (ybar, w, options) => {
      const x = [ybar[0], w[1], ...options.size];
      checkTranspose("conv2dInput", ybar, x, w, options);
      return x;
    },
    (ybar, w, options, shape) => {
      const xbar = zeroValues(dtypeOfValues(ybar), shape);
      activeKernels().convolution.conv2dInput(contiguous(ybar), contiguous(w), xbar, options);
      return xbar;
    },
    ({ cotangent: u, inputs: [, w], attributes }) => conv2d(u, w, null, attributes),
    ({ cotangent: u, inputs: [ybar, w], attributes }) =>
      conv2dWeight(u, ybar, { ...attributes, size: lastTwo(w.shape) }),
  ),

  conv2dWeight: bilinear<"conv2dWeight", TransposeOptions>(
    "conv2dWeight",
    (x, ybar, options) => {
      const w = [ybar[1], x[1], ...options.size];
      checkTranspose("conv2dWeight", ybar, x, w, options);
      return w;
    },
    (x, ybar, options, shape) => {
      const wbar = zeroValues(dtypeOfValues(x), shape);
      activeKernels().convolution.conv2dWeight(contiguous(x), contiguous(ybar), wbar, options);
      return wbar;
    },
    ({ cotangent: v, inputs: [x, ybar], attributes }) =>
      conv2dInput(ybar, v, { ...attributes, size: lastTwo(x.shape) }),
    ({ cotangent: v, inputs: [x], attributes }) => conv2d(x, v, null, attributes),
  ),

  conv2dBias: linear<"conv2dBias", null>(
    "conv2dBias",
    ([, F]) => [F],
    (ybar, _, shape) => {
      const biasbar = zeroValues(dtypeOfValues(ybar), shape);
      activeKernels().convolution.conv2dBias(contiguous(ybar), biasbar);
      return biasbar;
    },
    (u, _, ybar) => broadcastTo(reshape(u, [1, u.size, 1, 1]), ybar.shape),
  ),
};

/**
 * The cross-correlation of images x (N, C, H, W) with filters w (F, C, R, S), plus bias (F):
 *
 *     y[n,f,p,q] = bias[f] + sum_{c,r,s} w[f,c,r,s] x[n, c, p stride + r - padding, q stride + s - padding],
 *
 * of shape (N, F, P, Q) with P = floor((H + 2 padding - R) / stride) + 1 and Q alike. Outside the image x is zero.
 * Throws a ShapeError where the operands do not fit, an ArgumentRangeError for a bad stride or padding.
 */
export function conv2d(
  x: Tensor,
  w: Tensor,
  bias: Tensor | null = null,
  { stride = 1, padding = 0 }: Partial<ConvolutionOptions> = {},
): Tensor {
  return apply(convolutionOps.conv2d, bias === null ? [x, w] : [x, w, bias], { stride, padding });
}

/** The transpose of `conv2d` in x applied to ybar (N, F, P, Q), for images of the height and width `size`. */
export function conv2dInput(ybar: Tensor, w: Tensor, options: TransposeOptions): Tensor {
  return apply(convolutionOps.conv2dInput, [ybar, w], options);
}

/** The transpose of `conv2d` in w applied to ybar (N, F, P, Q), for filters of the height and width `size`. */
export function conv2dWeight(x: Tensor, ybar: Tensor, options: TransposeOptions): Tensor {
  return apply(convolutionOps.conv2dWeight, [x, ybar], options);
}

/** The transpose of `conv2d` in its bias applied to ybar (N, F, P, Q): the sum over images and pixels, of shape (F). */
function conv2dBias(ybar: Tensor): Tensor {
  return apply(convolutionOps.conv2dBias, [ybar]);
}

function convolvedShape(x: Shape, w: Shape, bias: Shape | undefined, { stride, padding }: ConvolutionOptions): Shape {
  checkInteger("stride", stride, 1);
  checkInteger("padding", padding, 0);
  if (x.length !== 4 || w.length !== 4 || x[1] !== w[1]) {
    throw new ShapeError("conv2d", [x, w], "x (N, C, H, W) and w (F, C, R, S) with one C");
  }
  const P = convolvedSize(x[2], w[2], stride, padding);
  const Q = convolvedSize(x[3], w[3], stride, padding);
  if (P === 0 || Q === 0) {
    throw new ShapeError("conv2d", [x, w], `filters w no larger than the images x with ${padding} zeros on each side`);
  }
  if (bias !== undefined && (bias.length !== 1 || bias[0] !== w[0])) {
    throw new ShapeError("conv2d", [w, bias], `a bias (F) with one entry for each of the ${w[0]} filters of w`);
  }
  return [x[0], w[0], P, Q];
}

/** Throws unless the cotangent ybar has the shape of x * w. */
function checkTranspose(op: string, ybar: Shape, x: Shape, w: Shape, options: ConvolutionOptions): void {
  const expected = convolvedShape(x, w, undefined, options);
  if (!sameShape(ybar, expected))
    throw new ShapeError(op, [ybar], `a cotangent ybar of shape ${describeShape(expected)}`);
}

function checkInteger(argument: string, value: number, least: number): void {
  if (!(Number.isInteger(value) && value >= least)) {
    throw new ArgumentRangeError("conv2d", argument, String(value), `an integer of at least ${least}`);
  }
}

function lastTwo(shape: Shape): [number, number] {
  return [shape[2], shape[3]];
}
