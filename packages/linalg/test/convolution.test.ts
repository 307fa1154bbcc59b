import {
  availableKernels,
  type ConvolutionKernels,
  type ConvolutionOptions,
  type DType,
  type FloatArray,
  loadKernels,
  type View,
  view,
} from "@solvegrad/linalg";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { convolvedSize } from "../src/convolution/geometry.ts";
import { referenceConvolution } from "../src/convolution/reference.ts";

interface Problem {
  dtype: DType;
  x: View;
  w: View;
  bias: View | null;
  ybar: View;
  options: ConvolutionOptions;
}

/** Entries are multiples of 1/8 from -1 to 7/8: every float64 sum below is exact, every float32 sum short of about 2^17 terms too. */
function array(dtype: DType, shape: number[], seed: number): View {
  const size = shape.reduce((product, extent) => product * extent, 1);
  const data = dtype === "float32" ? new Float32Array(size + 2) : new Float64Array(size + 2);
  let state = (seed * 2654435761) >>> 0;
  for (let i = 0; i < data.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    data[i] = ((state >>> 28) - 8) / 8;
  }
  return view(data, shape, 1);
}

const problems: fc.Arbitrary<Problem> = fc
  .record({
    dtype: fc.constantFrom<DType>("float32", "float64"),
    sizes: fc.tuple(
      fc.integer({ min: 0, max: 9 }), // N
      fc.integer({ min: 0, max: 4 }), // C
      fc.integer({ min: 1, max: 21 }), // H
      fc.integer({ min: 1, max: 21 }), // W
      fc.integer({ min: 0, max: 6 }), // F
      fc.integer({ min: 1, max: 6 }), // R
      fc.integer({ min: 1, max: 6 }), // S
    ),
    options: fc.record({ stride: fc.integer({ min: 1, max: 3 }), padding: fc.integer({ min: 0, max: 4 }) }),
    withBias: fc.boolean(),
    seed: fc.nat(),
  })
  .map(({ dtype, sizes: [N, C, H, W, F, R, S], options, withBias, seed }) => ({
    dtype,
    options,
    x: array(dtype, [N, C, H, W], seed),
    w: array(dtype, [F, C, R, S], seed + 1),
    bias: withBias ? array(dtype, [F], seed + 2) : null,
    ybar: array(dtype, [N, F, ...outputSize(H, W, R, S, options)], seed + 3),
  }));

function outputSize(H: number, W: number, R: number, S: number, { stride, padding }: ConvolutionOptions): number[] {
  return [convolvedSize(H, R, stride, padding), convolvedSize(W, S, stride, padding)];
}

/** An output full of NaN: what a kernel fails to write stands out, and an entry before and behind must survive. */
function blank(like: View, shape: readonly number[]): View {
  const size = shape.reduce((product, extent) => product * extent, 1);
  const data = like.data instanceof Float32Array ? new Float32Array(size + 2) : new Float64Array(size + 2);
  return view(data.fill(Number.NaN), shape, 1);
}

function contents(a: View): number[] {
  const size = a.shape.reduce((product, extent) => product * extent, 1);
  expect(a.data[0], "the entry before the window is not written").toBeNaN();
  expect(a.data[size + 1], "the entry behind the window is not written").toBeNaN();
  return Array.from(a.data.subarray(1, size + 1), (value) => value + 0);
}

function results(kernels: ConvolutionKernels, { x, w, bias, ybar, options }: Problem) {
  const y = blank(x, ybar.shape);
  const xbar = blank(x, x.shape);
  const wbar = blank(x, w.shape);
  kernels.conv2d(x, w, bias, y, options);
  kernels.conv2dInput(ybar, w, xbar, options);
  kernels.conv2dWeight(x, ybar, wbar, options);
  const biasbar = blank(x, [w.shape[0]]);
  kernels.conv2dBias(ybar, biasbar);
  return { y: contents(y), xbar: contents(xbar), wbar: contents(wbar), biasbar: contents(biasbar) };
}

function inner(a: readonly number[] | FloatArray, b: readonly number[] | FloatArray): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) {
    sum += a[i] * b[i];
  }
  return sum;
}

const inside = ({ data, shape }: View) => data.subarray(1, 1 + shape.reduce((product, extent) => product * extent, 1));

describe("the reference convolution", () => {
  it("is the product of the filter with every window of the padded image", () => {
    fc.assert(
      fc.property(problems, ({ x, w, bias, options, ybar, dtype }) => {
        const y = blank(x, ybar.shape);
        referenceConvolution.conv2d(x, w, bias, y, options);
        expect(contents(y)).toEqual(byPaddedWindows({ x, w, bias, options, ybar, dtype }));
      }),
      { numRuns: 60 },
    );
  });

  it("of a 3 x 3 image with a 2 x 2 filter gives the values worked out by hand", () => {
    const x = view(Float64Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9), [1, 1, 3, 3]);
    const w = view(Float64Array.of(1, 0, 0, -1), [1, 1, 2, 2]);
    const y = view(new Float64Array(4), [1, 1, 2, 2]);
    referenceConvolution.conv2d(x, w, view(Float64Array.of(10), [1]), y, { stride: 1, padding: 0 });
    expect([...y.data]).toEqual([6, 6, 6, 6]);
    const ybar = view(Float64Array.of(1, 2, 3, 4), [1, 1, 2, 2]);
    const xbar = view(new Float64Array(9), [1, 1, 3, 3]);
    referenceConvolution.conv2dInput(ybar, w, xbar, { stride: 1, padding: 0 });
    expect([...xbar.data]).toEqual([1, 2, 0, 3, 3, -2, 0, -3, -4]);
    const wbar = view(new Float64Array(4), [1, 1, 2, 2]);
    referenceConvolution.conv2dWeight(x, ybar, wbar, { stride: 1, padding: 0 });
    expect([...wbar.data]).toEqual([1 + 4 + 12 + 20, 2 + 6 + 15 + 24, 4 + 10 + 21 + 32, 5 + 12 + 24 + 36]);
  });
});

/** Each image is copied into a frame of zeros; each output is an inner product of two equally long lists. */
function byPaddedWindows({ x, w, bias, options: { stride, padding }, ybar }: Problem): number[] {
  const [N, C, H, W] = x.shape;
  const [F, , R, S] = w.shape;
  const [, , P, Q] = ybar.shape;
  const images = inside(x);
  const filters = inside(w);
  const frame = (n: number, c: number): number[][] => {
    const rows = Array.from({ length: H + 2 * padding }, () => new Array<number>(W + 2 * padding).fill(0));
    for (let i = 0; i < H * W; i++) {
      rows[padding + Math.floor(i / W)][padding + (i % W)] = images[(n * C + c) * H * W + i];
    }
    return rows;
  };
  const y: number[] = [];
  for (let n = 0; n < N; n++) {
    const frames = Array.from({ length: C }, (_, c) => frame(n, c));
    for (let f = 0; f < F; f++) {
      const filter = filters.subarray(f * C * R * S, (f + 1) * C * R * S);
      for (let p = 0; p < P; p++) {
        for (let q = 0; q < Q; q++) {
          const window = frames.flatMap((rows) =>
            rows.slice(p * stride, p * stride + R).flatMap((row) => row.slice(q * stride, q * stride + S)),
          );
          y.push(inner(window, filter) + (bias ? inside(bias)[f] : 0));
        }
      }
    }
  }
  return y;
}

describe.each(availableKernels())("convolution by the %s kernels", (name) => {
  const kernels = loadKernels(name)?.convolution ?? referenceConvolution;

  // The entries are such that no sum is rounded, in any order.
  it("agrees with the reference to the last bit where no sum is rounded, on any shape, stride and padding", () => {
    fc.assert(
      fc.property(problems, (problem) => {
        expect(results(kernels, problem)).toEqual(results(referenceConvolution, problem));
      }),
      { numRuns: 150 },
    );
  });

  it("agrees with the reference where a batch takes several groups of images", () => {
    const options = { stride: 1, padding: 2 };
    const problem: Problem = {
      dtype: "float32",
      options,
      x: array("float32", [13, 5, 30, 33], 1),
      w: array("float32", [7, 5, 5, 3], 2),
      bias: array("float32", [7], 3),
      ybar: array("float32", [13, 7, ...outputSize(30, 33, 5, 3, options)], 4),
    };
    expect(results(kernels, problem)).toEqual(results(referenceConvolution, problem));
  });

  it("agrees with the reference where the kernel is as large as the image", () => {
    const problem: Problem = {
      dtype: "float64",
      options: { stride: 1, padding: 0 },
      x: array("float64", [3, 2, 6, 5], 1),
      w: array("float64", [4, 2, 6, 5], 2),
      bias: null,
      ybar: array("float64", [3, 4, 1, 1], 4),
    };
    expect(results(kernels, problem)).toEqual(results(referenceConvolution, problem));
  });

  it("has the sum over images and pixels for the transpose in the bias", () => {
    const ybar = array("float32", [70, 3, 31, 33], 5);
    const biasbar = blank(ybar, [3]);
    kernels.conv2dBias(ybar, biasbar);
    const sums = [0, 0, 0];
    inside(ybar).forEach((value, i) => {
      sums[Math.floor(i / (31 * 33)) % 3] += value;
    });
    expect(contents(biasbar)).toEqual(sums);
  });

  it("has transposes: <conv(x, w), y> = <x, convInput(y, w)> = <w, convWeight(x, y)>", () => {
    fc.assert(
      fc.property(problems, (problem) => {
        const { y, xbar, wbar } = results(kernels, { ...problem, bias: null });
        const product = inner(y, inside(problem.ybar));
        expect(inner(xbar, inside(problem.x))).toBe(product);
        expect(inner(wbar, inside(problem.w))).toBe(product);
      }),
      { numRuns: 60 },
    );
  });

  it("refuses shapes that do not belong together, and names the argument", () => {
    const x = array("float64", [2, 3, 8, 8], 1);
    const w = array("float64", [4, 2, 3, 3], 2);
    const y = array("float64", [2, 4, 6, 6], 3);
    const options = { stride: 1, padding: 0 };
    expect(() => kernels.conv2d(x, w, null, y, options)).toThrow(/conv2d: w .*4, 2, 3, 3.*4, 3, 3, 3/);
    const fitting = array("float64", [4, 3, 3, 3], 2);
    expect(() => kernels.conv2dInput(array("float64", [2, 4, 5, 6], 3), fitting, x, options)).toThrow(RangeError);
    expect(() => kernels.conv2d(x, fitting, array("float64", [3], 4), y, options)).toThrow(/bias/);
    expect(() => kernels.conv2d(x, fitting, null, y, { stride: 0, padding: 0 })).toThrow(/stride/);
  });
});

describe.each(availableKernels())("max-pooling by the %s kernels", (name) => {
  const kernels = loadKernels(name)?.convolution ?? referenceConvolution;
  const images = fc.record({
    dtype: fc.constantFrom<DType>("float32", "float64"),
    shape: fc.tuple(fc.nat(5), fc.nat(4), fc.nat(25), fc.nat(25)),
    size: fc.integer({ min: 1, max: 5 }),
    seed: fc.nat(),
  });

  it("takes the first maximum of each window, ties and NaN included", () => {
    fc.assert(
      fc.property(images, ({ dtype, shape, size, seed }) => {
        const x = array(dtype, shape, seed);
        inside(x).forEach((_, i, data) => {
          if ((i * 31 + seed) % 17 === 0) data[i] = Number.NaN;
        });
        const { y, argmax, values } = pooled(kernels, x, size);
        const expected = windowsOf(x, size).map(firstMaximum);
        expect([...argmax]).toEqual(expected);
        expect(values).toEqual(expected.map((index) => inside(x)[index]));
        expect(y.shape).toEqual([shape[0], shape[1], Math.floor(shape[2] / size), Math.floor(shape[3] / size)]);
      }),
      { numRuns: 150 },
    );
  });

  it("gives indices into the whole array where it is worked on in several pieces", () => {
    const x = array("float32", [5, 7, 64, 66], 9);
    const { argmax } = pooled(kernels, x, 2);
    expect([...argmax]).toEqual(windowsOf(x, 2).map(firstMaximum));
  });

  it("refuses an output of another shape", () => {
    const x = array("float64", [2, 3, 8, 8], 1);
    expect(() => kernels.maxPool2d(x, 2, array("float64", [2, 3, 4, 5], 2), new Int32Array(120))).toThrow(
      /maxPool2d: y/,
    );
    expect(() => kernels.maxPool2d(x, 2, array("float64", [2, 3, 4, 4], 2), new Int32Array(95))).toThrow(/argmax/);
  });
});

function pooled(kernels: ConvolutionKernels, x: View, size: number) {
  const [N, C, H, W] = x.shape;
  const y = blank(x, [N, C, Math.floor(H / size), Math.floor(W / size)]);
  const argmax = new Int32Array(y.shape.reduce((product, extent) => product * extent, 1)).fill(-1);
  kernels.maxPool2d(x, size, y, argmax);
  return { y, argmax, values: contents(y) };
}

/** The [index, value] pairs of each window, in the order of the outputs. */
function windowsOf(x: View, size: number): [number, number][][] {
  const [N, C, H, W] = x.shape;
  const values = inside(x);
  const windows: [number, number][][] = [];
  for (let plane = 0; plane < N * C; plane++) {
    for (let p = 0; p + size <= H; p += size) {
      for (let q = 0; q + size <= W; q += size) {
        const window: [number, number][] = [];
        for (let r = p; r < p + size; r++) {
          for (let s = q; s < q + size; s++) {
            const index = (plane * H + r) * W + s;
            window.push([index, values[index]]);
          }
        }
        windows.push(window);
      }
    }
  }
  return windows;
}

/** A NaN is the maximum of its window: it must not vanish in a pooling layer. */
function firstMaximum(window: [number, number][]): number {
  const invalid = window.find(([, value]) => Number.isNaN(value));
  const largest = Math.max(...window.map(([, value]) => value));
  const [index] = invalid ?? window.find(([, value]) => value === largest) ?? [-1];
  return index;
}
