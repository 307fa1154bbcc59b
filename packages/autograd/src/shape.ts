import { AxisError, ShapeError } from "./errors.ts";

export type Shape = readonly number[];

/** Number of entries of a tensor of this shape. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const extent of shape) size *= extent;
  return size;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((extent, axis) => extent === b[axis]);
}

/**
 * The common shape of operands under numpy's rule: shapes are aligned at their last axis, and an axis of extent 1
 * (or a missing one) stretches to the other's extent.
 */
export function broadcastShapes(op: string, a: Shape, b: Shape): Shape {
  if (sameShape(a, b)) return a;
  const rank = Math.max(a.length, b.length);
  const shape = new Array<number>(rank);
  for (let i = 1; i <= rank; i++) {
    const m = a[a.length - i] ?? 1;
    const n = b[b.length - i] ?? 1;
    if (m !== n && m !== 1 && n !== 1)
      throw new ShapeError(op, [a, b], "shapes that broadcast (equal extents, or 1, from the last axis backwards)");
    shape[rank - i] = m === 1 ? n : m;
  }
  return shape;
}

/** The axis counted from 0; a negative one counts from the end. */
export function normalizeAxis(op: string, axis: number, rank: number): number {
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank) throw new AxisError(op, axis, rank);
  return axis < 0 ? axis + rank : axis;
}

/** Sorted axes without repetition; `undefined` means all of them. */
export function normalizeAxes(op: string, axes: number | readonly number[] | undefined, rank: number): number[] {
  if (axes === undefined) return Array.from({ length: rank }, (_, axis) => axis);
  const list = typeof axes === "number" ? [axes] : axes;
  const unique = new Set(list.map((axis) => normalizeAxis(op, axis, rank)));
  return [...unique].sort((i, j) => i - j);
}

/** The shape after a reduction: reduced axes have extent 1 with `keepDims`, otherwise they are gone. */
export function reducedShape(shape: Shape, axes: readonly number[], keepDims: boolean): number[] {
  if (keepDims) return shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent));
  return shape.filter((_, axis) => !axes.includes(axis));
}
