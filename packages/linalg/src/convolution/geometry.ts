import type { ConvolutionOptions } from "../kernels.ts";
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
 * The geometry of x * w = y, after a check that the three shapes belong together and each view is contiguous.
 * Throws a RangeError that names the kernel and the shapes.
 */
export function convolutionGeometry(
  kernel: string,
  x: View,
  w: View,
  y: View,
  { stride, padding }: ConvolutionOptions,
): ConvolutionGeometry {
  if (!(Number.isInteger(stride) && stride >= 1 && Number.isInteger(padding) && padding >= 0)) {
    throw new RangeError(
      `${kernel}: stride ${stride} must be at least 1 and padding ${padding} at least 0, both integers`,
    );
  }
  const [N, C, H, W] = x.shape;
  const [F, , R, S] = w.shape;
  const P = convolvedSize(H, R, stride, padding);
  const Q = convolvedSize(W, S, stride, padding);
  requireShape(kernel, "w", w, [F, C, R, S]);
  requireShape(kernel, "y", y, [N, F, P, Q]);
  for (const [name, a] of Object.entries({ x, w, y })) {
    requireContiguous(kernel, name, a);
  }
  return { N, C, H, W, F, R, S, P, Q, stride, padding };
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
    throw new RangeError(`maxPool2d: size ${size} must be a positive integer`);
  }
  const [N, C, H, W] = x.shape;
  const P = Math.floor(H / size);
  const Q = Math.floor(W / size);
  requireShape("maxPool2d", "y", y, [N, C, P, Q]);
  requireContiguous("maxPool2d", "x", x);
  requireContiguous("maxPool2d", "y", y);
  if (argmax.length !== N * C * P * Q) {
    throw new RangeError(`maxPool2d: argmax has length ${argmax.length}, expected ${N * C * P * Q}`);
  }
  return { planes: N * C, H, W, P, Q };
}

function requireShape(kernel: string, name: string, a: View, expected: readonly number[]): void {
  if (a.shape.length !== expected.length || a.shape.some((size, axis) => size !== expected[axis])) {
    throw new RangeError(`${kernel}: ${name} has shape [${a.shape}], expected [${expected}]`);
  }
}

/** An axis of size 1 is never stepped along, so its stride says nothing; an empty array has no entries at all. */
function requireContiguous(kernel: string, name: string, a: View): void {
  const expected = rowMajorStrides(a.shape);
  const empty = a.shape.includes(0);
  if (!empty && a.shape.some((size, axis) => size > 1 && a.stride[axis] !== expected[axis])) {
    throw new RangeError(
      `${kernel}: ${name} of shape [${a.shape}] has strides [${a.stride}], expected contiguous [${expected}]`,
    );
  }
}
