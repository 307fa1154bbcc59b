import type { DataCotangents } from "../differentiate/rule.ts";

/** How far a gradient is from the reference. */
export interface GradientDistance {
  /** a'b / (|a| |b|); 1 where both are zero (or what rounding leaves of it), 0 where one is. */
  readonly cosine: number;
  /** |a - b| / |b|; |a| where b is zero; relative to the whole gradient where b is what rounding leaves of zero. */
  readonly relativeDifference: number;
}

/** A part of a gradient smaller than this share of the whole is what rounding leaves of zero. */
const roundingShare = 1e-13;

/** The distance of a from b; where b is a part of a gradient, `whole` is that gradient's length. */
export function distanceBetween(a: ArrayLike<number>, b: ArrayLike<number>, whole = 0): GradientDistance {
  const parts = sums(a, b);
  if (whole === 0 || Math.sqrt(parts.bb) > roundingShare * whole) return distanceOfSums(parts);
  const isZero = Math.sqrt(parts.aa) <= roundingShare * whole;
  return { cosine: isZero ? 1 : 0, relativeDifference: Math.sqrt(parts.difference) / whole };
}

/** The Euclidean length of all data's gradients taken as one vector. */
export function lengthOverall<N extends string>(gradients: DataCotangents<N>): number {
  let squares = 0;
  for (const values of Object.values<Float64Array | undefined>(gradients)) {
    for (const g of values ?? []) squares += g * g;
  }
  return Math.sqrt(squares);
}

/** The distance of two sets of gradients, all data taken as one vector. */
export function distanceOverall<N extends string>(a: DataCotangents<N>, b: DataCotangents<N>): GradientDistance {
  const total = { aa: 0, bb: 0, ab: 0, difference: 0 };
  for (const name of commonData(a, b)) {
    const part = sums(a[name] ?? [], b[name] ?? []);
    total.aa += part.aa;
    total.bb += part.bb;
    total.ab += part.ab;
    total.difference += part.difference;
  }
  return distanceOfSums(total);
}

/** The data that both have, with entries, in the order of b. */
export function commonData<N extends string>(a: DataCotangents<N>, b: DataCotangents<N>): N[] {
  return (Object.keys(b) as N[]).filter((name) => (a[name]?.length ?? 0) > 0 && b[name]);
}

function sums(a: ArrayLike<number>, b: ArrayLike<number>) {
  let aa = 0;
  let bb = 0;
  let ab = 0;
  let difference = 0;
  for (let k = 0; k < b.length; k++) {
    aa += a[k] * a[k];
    bb += b[k] * b[k];
    ab += a[k] * b[k];
    difference += (a[k] - b[k]) ** 2;
  }
  return { aa, bb, ab, difference };
}

function distanceOfSums({ aa, bb, ab, difference }: ReturnType<typeof sums>): GradientDistance {
  const lengths = Math.sqrt(aa) * Math.sqrt(bb);
  return {
    cosine: lengths > 0 ? ab / lengths : aa === bb ? 1 : 0,
    relativeDifference: Math.sqrt(difference) / (bb > 0 ? Math.sqrt(bb) : 1),
  };
}
