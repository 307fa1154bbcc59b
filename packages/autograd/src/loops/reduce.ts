import { type FloatArray, rowMajorStrides } from "@solvegrad/linalg";
import { reducedShape, type Shape, sizeOf } from "../shape.ts";
import { contiguous, dtypeOfValues, isContiguous, type Values, zeroValues } from "../values.ts";
import { fewestLoops, forEachRow, innerStride } from "./rows.ts";

/** The sum over `axes`, accumulated in float64 whatever the dtype, under the shape `shape` (with or without the reduced axes). */
export function sumValues(x: Values, axes: readonly number[], shape: Shape): Values {
  const y = zeroValues(dtypeOfValues(x), shape);
  if (axes.length === x.shape.length && isContiguous(x)) {
    y.data[0] = sumRow(x.size, x.data, x.offset, 1);
    return y;
  }
  const totals = new Float64Array(y.size);
  const step = rowMajorStrides(reducedShape(x.shape, axes, true)).map((s, axis) => (axes.includes(axis) ? 0 : s));
  const nest = fewestLoops(x.shape, [x.stride, step]);
  const xStep = innerStride(nest, 0);
  const sumsRow = innerStride(nest, 1) === 0;
  forEachRow(nest, [x.offset, 0], (n, at) => {
    if (sumsRow) totals[at[1]] += sumRow(n, x.data, at[0], xStep);
    else addRow(n, x.data, at[0], xStep, totals, at[1]);
  });
  y.data.set(totals);
  return y;
}

function sumRow(n: number, x: FloatArray, x0: number, step: number): number {
  let total = 0;
  for (let i = 0, at = x0; i < n; i++, at += step) total += x[at];
  return total;
}

function addRow(n: number, x: FloatArray, x0: number, step: number, totals: Float64Array, y0: number): void {
  for (let i = 0, at = x0; i < n; i++, at += step) totals[y0 + i] += x[at];
}

/** The index along `axis` of the largest entry (the first one where several are equal, a NaN where there is one). */
export function argmaxValues(x: Values, axis: number): Int32Array {
  const { data, offset, shape } = contiguous(x);
  const extent = shape[axis];
  const inner = sizeOf(shape.slice(axis + 1));
  const outer = sizeOf(shape.slice(0, axis));
  const winners = new Int32Array(outer * inner);
  for (let i = 0; i < outer; i++) {
    for (let j = 0; j < inner; j++)
      winners[i * inner + j] = argmaxAlong(data, offset + i * extent * inner + j, extent, inner);
  }
  return winners;
}

function argmaxAlong(data: FloatArray, start: number, extent: number, step: number): number {
  let best = 0;
  for (let k = 0; k < extent; k++) {
    const value = data[start + k * step];
    if (value > data[start + best * step]) best = k;
    if (Number.isNaN(value)) return k;
  }
  return best;
}
