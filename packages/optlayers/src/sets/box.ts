import { maximum, minimum } from "@solvegrad/autograd";
import type { ConvexSet, SetItem, SetParameter } from "./convex-set.ts";

/**
 * The box lower <= x <= upper; a number is a bound of every entry, and infinite bounds are none. P clips, and P' is 1 at the
 * entries that are not clipped, an entry on its bound among them, 0 at the others, which move with their bound.
 * `box(0)` is the nonnegative orthant. Empty where bounds cross.
 */
export function box(lower: SetParameter = -Infinity, upper: SetParameter = Infinity): ConvexSet {
  return {
    name: "box",
    parameters: { lower, upper },
    dimensions: { lower: ["n"], upper: ["n"] },
    bounds: { lower: "lower bound", upper: "upper bound" },
    project: (z, bounds) => minimum(maximum(z, bounds.lower), bounds.upper),
    item: (bounds) => boxItem(bounds.lower, bounds.upper),
  };
}

function boxItem(lower: Float64Array, upper: Float64Array): SetItem {
  return {
    isEmpty: lower.some((value, j) => value > upper[j]),
    project(z, x) {
      for (let j = 0; j < x.length; j++) x[j] = Math.min(Math.max(z[j], lower[j]), upper[j]);
    },
    tangent: (z) => ({
      shrink: 1,
      apply(v) {
        for (let j = 0; j < v.length; j++) if (z[j] < lower[j] || z[j] > upper[j]) v[j] = 0;
      },
    }),
  };
}
