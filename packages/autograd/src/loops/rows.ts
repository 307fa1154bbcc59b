import type { Shape } from "../shape.ts";

/** Nested loops over one shape that several strided operands share; the last axis is the inner loop. */
export interface Nest {
  readonly shape: number[];
  /** For each operand, its stride along each axis of the nest. */
  readonly strides: number[][];
}

/**
 * The fewest loops that visit every entry of all operands in row-major order: axes of extent 1 go, and two
 * neighbouring axes become one where every operand runs through both with a single stride. Operands that are all
 * contiguous, or stand still together, end as one long loop.
 */
export function fewestLoops(shape: Shape, operands: readonly (readonly number[])[]): Nest {
  const nest: Nest = { shape: [], strides: operands.map(() => []) };
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] === 1) continue;
    const outer = nest.shape[0];
    if (outer !== undefined && operands.every((stride, k) => stride[axis] === nest.strides[k][0] * outer)) {
      nest.shape[0] *= shape[axis];
    } else {
      nest.shape.unshift(shape[axis]);
      operands.forEach((stride, k) => {
        nest.strides[k].unshift(stride[axis]);
      });
    }
  }
  if (nest.shape.length > 0) return nest;
  return { shape: [1], strides: operands.map(() => [0]) };
}

/**
 * Calls `row(n, at)` for each run of the inner loop: n entries, operand k starting at offset at[k].
 * `at` is one array that changes from call to call.
 */
export function forEachRow(
  nest: Nest,
  offsets: readonly number[],
  row: (n: number, at: readonly number[]) => void,
): void {
  const { shape, strides } = nest;
  if (shape.includes(0)) return;
  const at = [...offsets];
  const last = shape.length - 1;
  const index = new Array<number>(last).fill(0);
  for (;;) {
    row(shape[last], at);
    let axis = last - 1;
    for (; axis >= 0; axis--) {
      if (++index[axis] < shape[axis]) break;
      index[axis] = 0;
      for (let k = 0; k < at.length; k++) at[k] -= strides[k][axis] * (shape[axis] - 1);
    }
    if (axis < 0) return;
    for (let k = 0; k < at.length; k++) at[k] += strides[k][axis];
  }
}

/** The stride of operand k in the inner loop. */
export function innerStride(nest: Nest, k: number): number {
  return nest.strides[k][nest.shape.length - 1];
}
