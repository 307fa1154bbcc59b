/** Nested lists of a row-major array, as JSON wants them. */
export type Nested = number | null | Nested[];

export function nested(values: ArrayLike<number>, shape: readonly number[], offset = 0): Nested {
  if (shape.length === 0) return finiteOrNull(values[offset]);
  const [extent, ...rest] = shape;
  const size = rest.reduce((product, length) => product * length, 1);
  return Array.from({ length: extent }, (_, i) => nested(values, rest, offset + i * size));
}

/** JSON has neither NaN nor infinity. */
export function finiteOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
