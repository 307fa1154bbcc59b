import { maxAbs } from "../arrays.ts";
import type { Cotangent, DataCotangents } from "./rule.ts";

/** Beyond these sizes squares of the cotangent overflow, or vanish. */
const [smallest, largest] = [1e-100, 1e100];

/**
 * The cotangent over its largest entry, where that is far from 1, and the size that the gradients, linear in it, are to be
 * multiplied by. The cotangents of all outputs have one size.
 */
export function unitCotangent<C extends Cotangent>(cotangent: C): { unit: C; size: number } {
  const parts = Object.entries(cotangent).filter(([, values]) => values instanceof Float64Array);
  const size = parts.reduce((most, [, values]) => Math.max(most, maxAbs(values)), 0);
  if (size === 0 || !Number.isFinite(size) || (size > smallest && size < largest)) return { unit: cotangent, size: 1 };
  const unit = Object.fromEntries(parts.map(([name, values]) => [name, values.map((value: number) => value / size)]));
  return { unit: { ...cotangent, ...unit }, size };
}

/** The gradients times a size, in place. */
export function timesSize<N extends string>(gradients: DataCotangents<N>, size: number): DataCotangents<N> {
  if (size === 1) return gradients;
  for (const values of Object.values<Float64Array | undefined>(gradients)) {
    if (values) for (let k = 0; k < values.length; k++) values[k] *= size;
  }
  return gradients;
}
