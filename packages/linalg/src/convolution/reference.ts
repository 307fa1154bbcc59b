import type { ConvolutionKernels, ConvolutionOptions } from "../kernels.ts";
import type { FloatArray, View } from "../view.ts";
import {
  biasGeometry,
  type ConvolutionGeometry,
  convolutionGeometry,
  expectBias,
  poolingGeometry,
} from "./geometry.ts";

/**
 * Convolution as it is defined,
 *
 *     y[n,f,p,q] = bias[f] + sum_{c,r,s} w[f,c,r,s] x[n, c, p stride + r - padding, q stride + s - padding],
 *
 * with x = 0 outside the image; its two transposes visit the same products and add them up elsewhere.
 */
export const referenceConvolution: ConvolutionKernels = {
  conv2d,
  conv2dInput,
  conv2dWeight,
  conv2dBias,
  maxPool2d,
};

function conv2d<T extends FloatArray>(
  x: View<T>,
  w: View<T>,
  bias: View<T> | null,
  y: View<T>,
  options: ConvolutionOptions,
): void {
  const g = convolutionGeometry("conv2d", x, w, y, options);
  expectBias(bias, g, y);
  const sums = new Float64Array(g.N * g.F * g.P * g.Q);
  for (let at = 0; bias !== null && at < sums.length; at++) {
    sums[at] = bias.data[bias.offset + (Math.floor(at / (g.P * g.Q)) % g.F) * bias.stride[0]];
  }
  const { data: pixels, offset: start } = x;
  const { stride } = g;
  forEachRun(g, (output, pixel, tap, count) => {
    const weight = w.data[w.offset + tap];
    let from = start + pixel;
    for (let i = 0; i < count; i++, from += stride) sums[output + i] += weight * pixels[from];
  });
  y.data.set(sums, y.offset);
}

function conv2dInput<T extends FloatArray>(
  ybar: View<T>,
  w: View<T>,
  xbar: View<T>,
  options: ConvolutionOptions,
): void {
  const g = convolutionGeometry("conv2dInput", xbar, w, ybar, options);
  const sums = new Float64Array(g.N * g.C * g.H * g.W);
  const { data: cotangents, offset: start } = ybar;
  const { stride } = g;
  forEachRun(g, (output, pixel, tap, count) => {
    const weight = w.data[w.offset + tap];
    const from = start + output;
    for (let i = 0; i < count; i++) sums[pixel + i * stride] += weight * cotangents[from + i];
  });
  xbar.data.set(sums, xbar.offset);
}

function conv2dWeight<T extends FloatArray>(
  x: View<T>,
  ybar: View<T>,
  wbar: View<T>,
  options: ConvolutionOptions,
): void {
  const g = convolutionGeometry("conv2dWeight", x, wbar, ybar, options);
  const sums = new Float64Array(g.F * g.C * g.R * g.S);
  const { data: pixels, offset: start } = x;
  const { data: cotangents } = ybar;
  const { stride } = g;
  forEachRun(g, (output, pixel, tap, count) => {
    let sum = 0;
    let from = start + pixel;
    const at = ybar.offset + output;
    for (let i = 0; i < count; i++, from += stride) sum += pixels[from] * cotangents[at + i];
    sums[tap] += sum;
  });
  wbar.data.set(sums, wbar.offset);
}

function conv2dBias<T extends FloatArray>(ybar: View<T>, biasbar: View<T>): void {
  const { N, F, pixels } = biasGeometry(ybar, biasbar);
  for (let f = 0; f < F; f++) {
    let sum = 0;
    for (let n = 0; n < N; n++) {
      const plane = ybar.offset + (n * F + f) * pixels;
      for (let i = 0; i < pixels; i++) sum += ybar.data[plane + i];
    }
    biasbar.data[biasbar.offset + f] = sum;
  }
}

function maxPool2d<T extends FloatArray>(x: View<T>, size: number, y: View<T>, argmax: Int32Array): void {
  const { planes, H, W, P, Q } = poolingGeometry(x, size, y, argmax);
  for (let plane = 0, at = 0; plane < planes; plane++) {
    for (let p = 0; p < P; p++) {
      for (let q = 0; q < Q; q++, at++) {
        const corner = (plane * H + p * size) * W + q * size;
        const best = indexOfMaximum(x, corner, size, W);
        argmax[at] = best;
        y.data[y.offset + at] = x.data[x.offset + best];
      }
    }
  }
}

/** The first largest entry of the size x size window at `corner`; a NaN counts as larger than every number. */
function indexOfMaximum(x: View, corner: number, size: number, W: number): number {
  let best = corner;
  for (let r = 0; r < size; r++) {
    for (let s = 0; s < size; s++) {
      const at = corner + r * W + s;
      const largest = x.data[x.offset + best];
      // Written so that a NaN takes the lead and keeps it.
      if (!(x.data[x.offset + at] <= largest) && !Number.isNaN(largest)) {
        best = at;
      }
    }
  }
  return best;
}

/**
 * Visits the products of the sum above in runs along q: `count` outputs from flat index `output` of y on, with the pixels
 * `stride` apart from `pixel` of x on, all with the weight `tap` of w.
 */
function forEachRun(
  g: ConvolutionGeometry,
  run: (output: number, pixel: number, tap: number, count: number) => void,
): void {
  for (let tap = 0; tap < g.F * g.C * g.R * g.S; tap++) {
    const s = tap % g.S;
    const r = Math.floor(tap / g.S) % g.R;
    const c = Math.floor(tap / (g.S * g.R)) % g.C;
    const f = Math.floor(tap / (g.S * g.R * g.C));
    // 0 <= q stride + s - padding < W
    const first = Math.max(0, Math.ceil((g.padding - s) / g.stride));
    const end = Math.min(g.Q, Math.ceil((g.W - s + g.padding) / g.stride));
    for (let n = 0; n < g.N && first < end; n++) {
      for (let p = 0; p < g.P; p++) {
        const row = p * g.stride + r - g.padding;
        if (row < 0 || row >= g.H) continue;
        const output = ((n * g.F + f) * g.P + p) * g.Q + first;
        const pixel = ((n * g.C + c) * g.H + row) * g.W + first * g.stride + s - g.padding;
        run(output, pixel, tap, end - first);
      }
    }
  }
}
