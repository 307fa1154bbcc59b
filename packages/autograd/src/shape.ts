export { sizeOf } from "@solvegrad/linalg";

/** The extents of a tensor along its axes. */
export type Shape = readonly number[];

/** A shape as it stands in messages: (2, 3). */
export function describeShape(shape: Shape): string {
  return `(${shape.join(", ")})`;
}

/** Whether two shapes have the same extents along the same axes. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((extent, axis) => extent === b[axis]);
}

/** The shape after a reduction: reduced axes have extent 1 with `keepDims`, otherwise they are gone. */
export function reducedShape(shape: Shape, axes: readonly number[], keepDims: boolean): number[] {
  if (keepDims) return shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent));
  return shape.filter((_, axis) => !axes.includes(axis));
}
