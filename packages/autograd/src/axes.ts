import { AxisError, ShapeError } from "./errors.ts";
import { type Shape, sameShape } from "./shape.ts";

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
