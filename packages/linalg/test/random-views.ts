import { allocate, type DType, type FloatArray, type View } from "@solvegrad/linalg";

/** Fills the memory around a window: a kernel that writes outside its window changes one of these. */
const SENTINEL = 12345.5;

/** A small generator of numbers in [0, 1), the same for the same seed (Lehmer, 1951). */
export function generator(seed: number): () => number {
  let state = (Math.abs(seed) % 2147483646) + 1;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}

export interface RandomView {
  readonly view: View;
  /** The same window on a copy of the data. */
  copy(): View;
}

/**
 * A view of this shape with a random layout: axes in any order in memory, gaps between rows, negative strides, an
 * offset, sentinels everywhere else. `shared` gives the first axis stride 0.
 */
export function randomView(
  random: () => number,
  dtype: DType,
  shape: readonly number[],
  value: (index: readonly number[]) => number,
  shared = false,
): RandomView {
  const stride = randomStrides(random, shape, shared);
  let offset = Math.floor(random() * 4);
  let end = offset + 1;
  shape.forEach((size, axis) => {
    const reach = Math.max(0, size - 1) * stride[axis];
    if (reach < 0) offset -= reach;
    end += Math.abs(reach);
  });
  const data = allocate(dtype, end + Math.floor(random() * 4)).fill(SENTINEL);
  const view: View = { data, shape, stride, offset };
  forEachEntry(view, (at, index) => {
    data[at] = value(index);
  });
  return { view, copy: () => ({ ...view, data: data.slice() as FloatArray }) };
}

function randomStrides(random: () => number, shape: readonly number[], shared: boolean): number[] {
  const axes = shape.map((_, axis) => axis).filter((axis) => !(shared && axis === 0));
  axes.sort(() => random() - 0.5);
  // Contiguous rows or columns most of the time: the fast paths are there.
  const plain = random() < 0.6;
  if (plain) axes.sort((a, b) => b - a);
  if (plain && random() < 0.4) axes.splice(0, 2, ...axes.slice(0, 2).reverse());
  const stride = shape.map(() => 0);
  let step = plain || random() < 0.5 ? 1 : 2 + Math.floor(random() * 2);
  for (const axis of axes) {
    stride[axis] = !plain && random() < 0.3 ? -step : step;
    step = step * Math.max(1, shape[axis]) + (random() < 0.5 ? 0 : Math.floor(random() * 4));
  }
  return stride;
}

/** Calls with the position in the data and the index of every entry. */
export function forEachEntry(v: View, call: (at: number, index: readonly number[]) => void): void {
  const index = v.shape.map(() => 0);
  if (v.shape.some((size) => size === 0)) return;
  for (;;) {
    call(
      index.reduce((at, i, axis) => at + i * v.stride[axis], v.offset),
      index,
    );
    let axis = index.length - 1;
    while (axis >= 0 && ++index[axis] === v.shape[axis]) index[axis--] = 0;
    if (axis < 0) return;
  }
}

/** The largest difference of two windows of the same layout; entries outside them must not differ at all. */
export function worstDifference(actual: View, expected: View): number {
  const inside = new Set<number>();
  let worst = 0;
  forEachEntry(actual, (at) => {
    inside.add(at);
    const difference = Math.abs(actual.data[at] - expected.data[at]);
    worst = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : Math.max(worst, difference);
  });
  actual.data.forEach((value, at) => {
    if (!inside.has(at) && value !== SENTINEL) throw new Error(`entry ${at} lies outside the window and was changed`);
  });
  return worst;
}
