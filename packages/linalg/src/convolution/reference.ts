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
  forEachOutput(g, (n, f, p, q, at) => {
    let sum = bias === null ? 0 : bias.data[bias.offset + f * bias.stride[0]];
    forEachTap(g, n, f, p, q, (pixel, weight) => {
      sum += x.data[x.offset + pixel] * w.data[w.offset + weight];
    });
    y.data[y.offset + at] = sum;
  });
}

function conv2dInput<T extends FloatArray>(
  ybar: View<T>,
  w: View<T>,
  xbar: View<T>,
  options: ConvolutionOptions,
): void {
  const g = convolutionGeometry("conv2dInput", xbar, w, ybar, options);
  const sums = new Float64Array(g.N * g.C * g.H * g.W);
  forEachOutput(g, (n, f, p, q, at) => {
    const cotangent = ybar.data[ybar.offset + at];
    forEachTap(g, n, f, p, q, (pixel, weight) => {
      sums[pixel] += cotangent * w.data[w.offset + weight];
    });
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
  forEachOutput(g, (n, f, p, q, at) => {
    const cotangent = ybar.data[ybar.offset + at];
    forEachTap(g, n, f, p, q, (pixel, weight) => {
      sums[weight] += cotangent * x.data[x.offset + pixel];
    });
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

/** Visits every entry (n, f, p, q) of y with its flat index. */
function forEachOutput(
  { N, F, P, Q }: ConvolutionGeometry,
  visit: (n: number, f: number, p: number, q: number, at: number) => void,
): void {
  let at = 0;
  for (let n = 0; n < N; n++) {
    for (let f = 0; f < F; f++) {
      for (let p = 0; p < P; p++) {
        for (let q = 0; q < Q; q++) {
          visit(n, f, p, q, at++);
        }
      }
    }
  }
}

/** Visits every product that y[n,f,p,q] sums: the flat indices of its pixel in x and of its weight in w. */
function forEachTap(
  { C, H, W, R, S, stride, padding }: ConvolutionGeometry,
  n: number,
  f: number,
  p: number,
  q: number,
  visit: (pixel: number, weight: number) => void,
): void {
  for (let c = 0; c < C; c++) {
    for (let r = 0; r < R; r++) {
      const row = p * stride + r - padding;
      if (row < 0 || row >= H) {
        continue;
      }
      for (let s = 0; s < S; s++) {
        const column = q * stride + s - padding;
        if (column >= 0 && column < W) {
          visit(((n * C + c) * H + row) * W + column, ((f * C + c) * R + r) * S + s);
        }
      }
    }
  }
}
