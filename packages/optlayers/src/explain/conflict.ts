import { dot, maxAbs } from "../arrays.ts";
import type { Conflict, EndlessDescent } from "./explanation.ts";
import type { ExplanationNames, ItemView } from "./side.ts";

/** A weight or component below this share of the largest one is what the proof's own tolerance leaves of zero. */
const negligible = 1e-6;

/**
 * The rows of a proof of infeasibility (Farkas): with weights y, sum_i y_i row_i = 0 for every x, while the bounds' sum is
 * sum_i y_i bound_i = -shortfall < 0. The weights are scaled to a largest one of 1; a bound moved by shortfall / y_i makes the sum 0.
 */
export function conflictOf({ sides, weightOf }: ItemView): Conflict | null {
  if (weightOf === null) return null;
  const weights = Float64Array.from(sides, weightOf);
  const largest = maxAbs(weights);
  if (!(largest > 0)) return null;
  const rows = sides.map((side, i) => ({ side, weight: weights[i] / largest }));
  const involved = rows.filter(({ weight }) => Math.abs(weight) > negligible);
  const shortfall = -involved.reduce((sum, { side, weight }) => sum + weight * side.bound, 0);
  return {
    shortfall,
    rows: involved
      .toSorted((a, b) => Math.abs(b.weight) - Math.abs(a.weight))
      .map(({ side: { constraint, relation, bound }, weight }) => ({
        ...{ constraint, relation, bound },
        weight: Math.abs(weight),
        relaxation: shortfall / weight,
      })),
  };
}

/** The direction of a proof of unboundedness, scaled to a largest component of 1. */
export function descentOf({ descent }: ItemView, { variables }: ExplanationNames): EndlessDescent | null {
  if (descent === null) return null;
  const { direction, q } = descent;
  const size = maxAbs(direction);
  const components = Array.from(direction, (component, j) => ({
    variable: variables?.[j] ?? `x[${j}]`,
    component: component / size,
  }));
  return {
    direction: components
      .filter(({ component }) => Math.abs(component) > negligible)
      .toSorted((a, b) => Math.abs(b.component) - Math.abs(a.component)),
    slope: dot(q, direction) / size,
  };
}
