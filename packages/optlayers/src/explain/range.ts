import type { BoundRange, RangeEnd } from "./explanation.ts";
import type { ItemView, RowTangents, Side } from "./side.ts";

/** Derivatives below this share of the largest one are what rounding leaves of zero. */
const rounding = 1e-11;

/**
 * The interval of one bound on which the same constraints bind: with the derivatives of all rows and multipliers along
 * it, the nearest step up and down at which a slack or a multiplier of another constraint, or its own, becomes zero.
 */
export function rangeOf(view: ItemView, side: Side): BoundRange | null {
  const tangents = view.along(side);
  if (tangents === null) return null;
  const released = inseparable(view, side, tangents);
  if (released !== null) {
    const end: RangeEnd = {
      bound: side.bound,
      constraint: released.constraint,
      relation: released.relation,
      change: "stops binding",
    };
    return { lower: end, upper: end };
  }
  const ends: { lower: RangeEnd | null; upper: RangeEnd | null } = { lower: null, upper: null };
  const largest = { values: largestOf(tangents.values, 1), duals: largestOf(tangents.duals) };
  for (const other of view.sides) {
    const step = stepToChange(other, side, tangents, largest);
    if (step === null) continue;
    const change = other.binds ? "stops binding" : "starts to bind";
    const end: RangeEnd = {
      bound: side.bound + step.at,
      constraint: other.constraint,
      relation: other.relation,
      change,
    };
    if (step.rising && (ends.upper === null || end.bound < ends.upper.bound)) ends.upper = end;
    if (!step.rising && (ends.lower === null || end.bound > ends.lower.bound)) ends.lower = end;
  }
  return ends;
}

/** How far a binding row may leave its bound, per unit of the moved one, as rounding. */
const consistent = 1e-6;

/**
 * A binding constraint that cannot stay where it is while this bound moves, null where all can: where binding rows depend on each
 * other, not every one of them has a derivative to give.
 */
function inseparable({ sides }: ItemView, moved: Side, { values }: RowTangents): Side | null {
  const departure = (side: Side) => Math.abs(values[side.row] - (side === moved ? 1 : 0));
  const binding = sides.filter((side) => side.binds);
  const first = binding.reduce((most, side) => (departure(side) > departure(most) ? side : most), moved);
  return departure(first) > consistent ? first : null;
}

/** The step of the moved bound at which this side's slack, or its multiplier where it binds, vanishes. */
function stepToChange(
  side: Side,
  moved: Side,
  { values, duals }: RowTangents,
  largest: Record<keyof RowTangents, number>,
) {
  if (side.relation === "=") return null;
  const [level, slope] = side.binds
    ? [Math.abs(side.dual), duals[side.row] * Math.sign(side.dual)]
    : [Math.max(0, side.slack), slackSlope(side, moved, values[side.row])];
  if (!(Math.abs(slope) > rounding * (side.binds ? largest.duals : largest.values))) return null;
  return { at: -level / slope, rising: slope < 0 };
}

function slackSlope(side: Side, moved: Side, value: number): number {
  const own = side === moved ? 1 : 0;
  return side.relation === "<=" ? own - value : value - own;
}

function largestOf(values: Float64Array, least = 0): number {
  return values.reduce((largest, value) => Math.max(largest, Math.abs(value)), least);
}
