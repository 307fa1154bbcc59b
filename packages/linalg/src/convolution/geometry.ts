import type { ConvolutionOptions } from "../kernels.ts";
import { expectView, KernelShapeError } from "../shapes.ts";
import { rowMajorStrides, type View } from "../view.ts";

/**
 * The sizes of one convolution, in the letters of Chetlur et al. (2014), "cuDNN: Efficient primitives for deep learning":
 *
 *     y(N, F, P, Q) = x(N, C, H, W) * w(F, C, R, S),    P = floor((H + 2 padding - R) / stride) + 1,  Q alike.
 */
export interface ConvolutionGeometry extends ConvolutionOptions {
  readonly N: number;
  readonly C: number;
  readonly H: number;
  readonly W: number;
  readonly F: number;
  readonly R: number;
  readonly S: number;
  readonly P: number;
  readonly Q: number;
}

/** How many windows fit along an axis; 0 where the window is larger than the padded axis. */
export function convolvedSize(size: number, window: number, stride: number, padding: number): number {
  return Math.max(0, Math.floor((size + 2 * padding - window) / stride) + 1);
}

/**
 * The geometry of x * w = y, after a check that the shapes belong together and the arrays are contiguous.
 * Throws a KernelShapeError that names the kernel and the argument.
 */
export function convolutionGeometry(
  kernel: string,
  x: View,
  w: View,
  y: View,
  { stride, padding }: ConvolutionOptions,
): ConvolutionGeometry {
  if (!(Number.isInteger(stride) && stride >= 1)) {
    throw new KernelShapeError(kernel, "stride", `is ${stride}, expected a positive integer`);
  }
  if (!(Number.isInteger(padding) && padding >= 0)) {
    throw new KernelShapeError(kernel, "padding", `is ${padding}, expected an integer of at least 0`);
  }
  const [N, C, H, W] = x.shape;
  const [F, , R, S] = w.shape;
  const P = convolvedSize(H, R, stride, padding);
  const Q = convolvedSize(W, S, stride, padding);
  expectContiguous(kernel, "x", x, [N, C, H, W], y);
  expectContiguous(kernel, "w", w, [F, C, R, S], y);
  expectContiguous(kernel, "y", y, [N, F, P, Q], y);
  return { N, C, H, W, F, R, S, P, Q, stride, padding };
}

/** Throws a KernelShapeError unless a bias has one entry a filter. */
export function expectBias(bias: View | null, { F }: ConvolutionGeometry, y: View): void {
  if (bias !== null) expectView("conv2d", "bias", bias, [F], y);
}

/** As `convolutionGeometry`, for the sums biasbar(F) of a contiguous ybar(N, F, P, Q); `pixels` is P Q. */
export function biasGeometry(
  ybar: View,
  biasbar: View,
): { readonly N: number; readonly F: number; readonly pixels: number } {
  const [N, F, P, Q] = ybar.shape;
  expectContiguous("conv2dBias", "ybar", ybar, [N, F, P, Q], biasbar);
  expectContiguous("conv2dBias", "biasbar", biasbar, [F], biasbar);
  return { N, F, pixels: P * Q };
}

/** The sizes of a pooling y(planes, P, Q) of x(planes, H, W); a plane is one channel of one image. */
export interface PoolingGeometry {
  readonly planes: number;
  readonly H: number;
  readonly W: number;
  readonly P: number;
  readonly Q: number;
}

/** As `convolutionGeometry`, for pooling with windows of size x size. */
export function poolingGeometry(x: View, size: number, y: View, argmax: Int32Array): PoolingGeometry {
  if (!(Number.isInteger(size) && size >= 1)) {
    throw new KernelShapeError("maxPool2d", "size", `is ${size}, expected a positive integer`);
  }
  const [N, C, H, W] = x.shape;
  const P = Math.floor(H / size);
  const Q = Math.floor(W / size);
  expectContiguous("maxPool2d", "x", x, [N, C, H, W], y);
  expectContiguous("maxPool2d", "y", y, [N, C, P, Q], y);
  if (argmax.length !== N * C * P * Q) {
    throw new KernelShapeError("maxPool2d", "argmax", `has ${argmax.length} entries, expected ${N * C * P * Q}`);
  }
  return { planes: N * C, H, W, P, Q };
}

/** An axis of size 1 is never stepped along, so its stride says nothing; an empty array has no entries at all. */
function expectContiguous(kernel: string, argument: string, a: View, shape: readonly number[], output: View): void {
  expectView(kernel, argument, a, shape, output);
  const expected = rowMajorStrides(a.shape);
  if (!shape.includes(0) && shape.some((size, axis) => size > 1 && a.stride[axis] !== expected[axis])) {
    const problem = `has strides (${a.stride.join(", ")}), expected the contiguous (${expected.join(", ")})`;
    throw new KernelShapeError(kernel, argument, problem);
  }
}
