import type { ConvolutionKernels, Kernels } from "../kernels.ts";
import { dtypeOf, type FloatArray, transposed, type View, view } from "../view.ts";
import {
  biasGeometry,
  type ConvolutionGeometry,
  convolutionGeometry,
  expectBias,
  poolingGeometry,
} from "./geometry.ts";
import { type ColumnMemory, routinesOf, workspace } from "./memory.ts";

/** How many images are worked on together. */
export interface Grouping {
  /** As many as have columns of this many bytes: they should stay in a cache. */
  readonly columnBytes: number;
  /**
   * Where a `gemm` has a shortcut for products of at most this many multiplications, and two images or more fit
   * under it, no more than fit.
   */
  readonly smallProduct: number;
}

/**
 * For OpenBLAS: large products occupy both threads, and products of less than 100^3 multiplications, for which it has
 * kernels without packing on AVX512 machines, run twice as fast as larger ones of the same thin shape.
 */
export const blasGrouping: Grouping = { columnBytes: 1024 * 1024, smallProduct: 1e6 };

/** What touches each entry once takes about this many bytes at a time, which stay in the second-level cache. */
const PLANE_BYTES = 256 * 1024;

/**
 * Convolution as matrix products with the columns of a few images at a time (see `assembly/convolution.ts`):
 *
 *     conv2d:        y    = w columns(x) + bias
 *     conv2dInput:   xbar = columns^T(w^T ybar)
 *     conv2dWeight:  wbar = ybar columns(x)^T, summed over the batch
 *
 * Chellapilla, Puri & Simard (2006), "High performance convolutional neural networks for document processing".
 */
export function columnConvolution(
  memory: ColumnMemory,
  gemm: Kernels["gemm"],
  grouping: Grouping = { columnBytes: 512 * 1024, smallProduct: 0 },
): ConvolutionKernels {
  const routines = { float32: routinesOf(memory.exports, "f32"), float64: routinesOf(memory.exports, "f64") };

  return {
    conv2d(x, w, bias, y, options) {
      const g = convolutionGeometry("conv2d", x, w, y, options);
      expectBias(bias, g, y);
      const { im2col, filtersToImages } = routines[dtypeOf(y.data)];
      const { images, image, taps, pixels, sizes } = plan(g, y, grouping);
      const lengths = [g.F * taps, g.F, images * image, taps * images * pixels];
      const [ws, bs, xs, columns, z, ys] = workspace(memory, y.data, [...lengths, ...twice(images * g.F * pixels)]);
      ws.set(entries(w, 0, ws.length));
      for (let f = 0; bias !== null && f < g.F; f++) {
        bs[f] = bias.data[bias.offset + f * bias.stride[0]];
      }
      forEachGroup(g.N, images, (n, count) => {
        xs.set(entries(x, n * image, count * image));
        im2col(xs.byteOffset, columns.byteOffset, count, ...sizes);
        const Y = view(z, [g.F, count * pixels]);
        gemm(1, view(ws, [g.F, taps]), view(columns, [taps, count * pixels]), 0, Y);
        filtersToImages(z.byteOffset, bias === null ? 0 : bs.byteOffset, ys.byteOffset, count, g.F, pixels);
        y.data.set(ys.subarray(0, count * g.F * pixels), y.offset + n * g.F * pixels);
      });
    },

    conv2dInput(ybar, w, xbar, options) {
      const g = convolutionGeometry("conv2dInput", xbar, w, ybar, options);
      const { col2im, imagesToFilters } = routines[dtypeOf(xbar.data)];
      const { images, image, taps, pixels, sizes } = plan(g, xbar, grouping);
      const lengths = [g.F * taps, images * image, taps * images * pixels];
      const [ws, xs, columns, z, ys] = workspace(memory, xbar.data, [...lengths, ...twice(images * g.F * pixels)]);
      ws.set(entries(w, 0, ws.length));
      forEachGroup(g.N, images, (n, count) => {
        ys.set(entries(ybar, n * g.F * pixels, count * g.F * pixels));
        imagesToFilters(ys.byteOffset, z.byteOffset, count, g.F, pixels);
        const Ybar = view(z, [g.F, count * pixels]);
        gemm(1, transposed(view(ws, [g.F, taps])), Ybar, 0, view(columns, [taps, count * pixels]));
        col2im(columns.byteOffset, xs.byteOffset, count, ...sizes);
        xbar.data.set(xs.subarray(0, count * image), xbar.offset + n * image);
      });
    },

    conv2dWeight(x, ybar, wbar, options) {
      const g = convolutionGeometry("conv2dWeight", x, wbar, ybar, options);
      const { im2col, imagesToFilters } = routines[dtypeOf(wbar.data)];
      const { images, image, taps, pixels, sizes } = plan(g, wbar, grouping);
      const lengths = [g.F * taps, images * image, taps * images * pixels];
      const [ws, xs, columns, z, ys] = workspace(memory, wbar.data, [...lengths, ...twice(images * g.F * pixels)]);
      ws.fill(0);
      forEachGroup(g.N, images, (n, count) => {
        xs.set(entries(x, n * image, count * image));
        ys.set(entries(ybar, n * g.F * pixels, count * g.F * pixels));
        im2col(xs.byteOffset, columns.byteOffset, count, ...sizes);
        imagesToFilters(ys.byteOffset, z.byteOffset, count, g.F, pixels);
        const Ybar = view(z, [g.F, count * pixels]);
        gemm(1, Ybar, transposed(view(columns, [taps, count * pixels])), 1, view(ws, [g.F, taps]));
      });
      wbar.data.set(ws, wbar.offset);
    },

    conv2dBias(ybar, biasbar) {
      const { N, F, pixels } = biasGeometry(ybar, biasbar);
      const { sumPlanes } = routines[dtypeOf(biasbar.data)];
      const most = planesTogether(N * F, pixels, biasbar);
      const [ys, room] = workspace(memory, biasbar.data, [most * pixels, 2 * most]);
      const sums = new Float64Array(room.buffer, room.byteOffset, most);
      const totals = new Float64Array(F);
      forEachGroup(N * F, most, (plane, count) => {
        ys.set(entries(ybar, plane * pixels, count * pixels));
        sumPlanes(ys.byteOffset, sums.byteOffset, count, pixels);
        for (let i = 0; i < count; i++) totals[(plane + i) % F] += sums[i];
      });
      biasbar.data.set(totals, biasbar.offset);
    },

    maxPool2d(x, size, y, argmax) {
      const { planes, H, W, P, Q } = poolingGeometry(x, size, y, argmax);
      const { maxPool2d } = routines[dtypeOf(y.data)];
      const most = planesTogether(planes, H * W, y);
      const [xs, ys, at] = workspace(memory, y.data, [most * H * W, ...twice(most * P * Q)]);
      const indices = new Int32Array(at.buffer, at.byteOffset, most * P * Q);
      forEachGroup(planes, most, (plane, count) => {
        xs.set(entries(x, plane * H * W, count * H * W));
        maxPool2d(xs.byteOffset, ys.byteOffset, at.byteOffset, plane * H * W, count, H, W, P, Q, size);
        y.data.set(ys.subarray(0, count * P * Q), y.offset + plane * P * Q);
        argmax.set(indices.subarray(0, count * P * Q), plane * P * Q);
      });
    },
  };
}

/** How many images are worked on together, and the sizes that all three products need. */
function plan(g: ConvolutionGeometry, { data }: View, { columnBytes, smallProduct }: Grouping) {
  const taps = g.C * g.R * g.S;
  const pixels = g.P * g.Q;
  const image = g.C * g.H * g.W;
  const bytes = Math.max(image, taps * pixels, g.F * pixels, 1) * data.BYTES_PER_ELEMENT;
  const underLimit = Math.floor(smallProduct / (g.F * taps * pixels));
  const most = underLimit >= 2 ? underLimit : g.N;
  const images = Math.max(1, Math.min(g.N, most, Math.floor(columnBytes / bytes)));
  const sizes = [g.C, g.H, g.W, g.R, g.S, g.P, g.Q, g.stride, g.padding] as const;
  return { images, image, taps, pixels, sizes };
}

function planesTogether(planes: number, pixels: number, { data }: View): number {
  return Math.min(planes, Math.max(1, Math.floor(PLANE_BYTES / (pixels * data.BYTES_PER_ELEMENT))));
}

function forEachGroup(total: number, most: number, visit: (first: number, count: number) => void): void {
  for (let first = 0; first < total; first += most) {
    visit(first, Math.min(most, total - first));
  }
}

/** `length` entries of a contiguous view, from entry `first` on. */
function entries<T extends FloatArray>({ data, offset }: View<T>, first: number, length: number): FloatArray {
  return data.subarray(offset + first, offset + first + length);
}

function twice(length: number): [number, number] {
  return [length, length];
}
