import type { SparseMatrix } from "./matrix.ts";

export interface EquilibrationOptions {
  /** 10 by default. */
  readonly sweeps?: number;
  /** Scales stay between 1/limit and limit; 1e4 by default. */
  readonly limit?: number;
}

/** Largest entries this near to 1 are even enough to stop at. */
const even = 1e-3;

/**
 * Scales d that bring every row and column of the symmetric D K D near to a largest entry of 1 (D. Ruiz, 2001), from K's
 * upper triangle: d <- d / sqrt(largest entry of the scaled column), repeated. A column without entries keeps 1.
 */
export function equilibrate(
  upper: SparseMatrix,
  { sweeps = 10, limit = 1e4 }: EquilibrationOptions = {},
): Float64Array {
  const n = upper.shape[1];
  const { indptr, indices, data } = upper;
  const d = new Float64Array(n).fill(1);
  const largest = new Float64Array(n);
  for (let sweep = 0; sweep < sweeps; sweep++) {
    largest.fill(0);
    for (let j = 0; j < n; j++) {
      for (let k = indptr[j]; k < indptr[j + 1]; k++) {
        const i = indices[k];
        const size = Math.abs(data[k]) * d[i] * d[j];
        if (size > largest[i]) largest[i] = size;
        if (size > largest[j]) largest[j] = size;
      }
    }
    let worst = 0;
    for (let j = 0; j < n; j++) {
      if (largest[j] > 0) d[j] = Math.min(limit, Math.max(1 / limit, d[j] / Math.sqrt(largest[j])));
      if (largest[j] > 0) worst = Math.max(worst, Math.abs(1 - largest[j]));
    }
    if (worst < even) break;
  }
  return d;
}
