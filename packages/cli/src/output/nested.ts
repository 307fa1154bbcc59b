import { sizeOf } from "@solvegrad/linalg";

/** Numbers in nested lists, as JSON wants them. */
export type Nested = number | null | Nested[];

/** The nested lists of a row-major array that begins at `offset`. */
export function nested(values: ArrayLike<number>, shape: readonly number[], offset = 0): Nested {
  if (shape.length === 0) return finiteOrNull(values[offset]);
  const [extent, ...rest] = shape;
  const size = sizeOf(rest);
  return Array.from({ length: extent }, (_, i) => nested(values, rest, offset + i * size));
}

/** JSON has neither NaN nor infinity. */
export function finiteOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
