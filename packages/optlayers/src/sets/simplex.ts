import { sparsemaxLayer } from "../layers/sparsemax.ts";
import { infeasibility, shiftedToSimplex } from "../solvers/simplex-projection.ts";
import type { ConvexSet, SetItem, SetParameter } from "./convex-set.ts";

/** The share of total by which the bounds may sum to less and count as equal to it, as rounding. */
const rounding = 1e-10;

/**
 * The simplex 1'x = total, 0 <= x <= upper: total 1 and no upper bounds unless given. P is the constrained sparsemax
 * (`sparsemaxLayer`): z shifted by one threshold and clipped. P' takes the mean off the entries that are not clipped, and is 0 at
 * the others. Empty where the bounds sum to less than total, or either is negative.
 */
export function simplex(total: SetParameter = 1, upper: SetParameter = Infinity): ConvexSet {
  return {
    name: "simplex",
    parameters: { total, upper },
    dimensions: { total: [], upper: ["n"] },
    bounds: { upper: "upper bound" },
    project: (z, bounds) =>
      sparsemaxLayer({ y: z, u: bounds.upper, total: bounds.total }, { onFailure: "mask" }).x.reshape(z.shape),
    item: (bounds, n) => simplexItem(bounds.total[0], bounds.upper, n),
  };
}

function simplexItem(total: number, upper: Float64Array, n: number): SetItem {
  const candidates = new Int32Array(n);
  const shifted = (z: Float64Array) => shiftedToSimplex(z, upper, total, candidates);
  return {
    isEmpty: infeasibility(upper, total, 2 * n, rounding) !== null,
    project(z, x) {
      const d = shifted(z);
      for (let j = 0; j < n; j++) x[j] = Math.min(Math.max(d[j], 0), upper[j]);
    },
    tangent(z) {
      const isFree = Uint8Array.from(shifted(z), (value, j) => (value >= 0 && value <= upper[j] ? 1 : 0));
      return { shrink: 1, apply: (v) => centre(v, isFree) };
    },
  };
}

/** v less its mean over the free entries there, 0 elsewhere. */
function centre(v: Float64Array, isFree: Uint8Array): void {
  let sum = 0;
  let count = 0;
  for (let j = 0; j < v.length; j++) {
    if (isFree[j] === 0) continue;
    sum += v[j];
    count++;
  }
  for (let j = 0; j < v.length; j++) v[j] = isFree[j] === 0 ? 0 : v[j] - sum / count;
}
