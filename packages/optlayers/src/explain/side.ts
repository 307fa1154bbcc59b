import type { ExplainedConstraint } from "./explanation.ts";

/** Names of the rows and variables, where the caller has some. */
export interface ExplanationNames {
  readonly variables?: readonly string[];
  readonly equalities?: readonly string[];
  readonly inequalities?: readonly string[];
}

/** One side of a row of constraints at a point. */
export interface Side extends ExplainedConstraint {
  /** Its row, counted over all rows of the item. */
  readonly row: number;
  /** The row's multiplier, as the derivative of the Lagrangian with respect to minus the bound; 0 on the side that does not push. */
  readonly dual: number;
  /** Whether the derivative holds it as an equality. */
  readonly binds: boolean;
}

/** How the values and the multipliers of all rows of an item move when one bound rises by one unit. */
export interface RowTangents {
  readonly values: Float64Array;
  readonly duals: Float64Array;
}

/** An item of any kind of problem, as rows with bounds. */
export interface ItemView {
  readonly sides: readonly Side[];
  /** Whether x and the duals are linear in the bounds as long as the same constraints bind. */
  readonly linear: boolean;
  /** Null where no rule can tell. */
  readonly along: (side: Side) => RowTangents | null;
  /** The multipliers of a proof that no x satisfies the rows, as signed as the duals; null where there is none. */
  readonly weightOf: ((side: Side) => number) | null;
  /** A direction along which the objective falls without end, and the linear term that says how fast; null where there is none. */
  readonly descent: { readonly direction: Float64Array; readonly q: Float64Array } | null;
}

/** How a row stands to one of its bounds; `size` is that of the terms that the row's value is the sum of. */
export function standing(relation: Side["relation"], value: number, bound: number, size: number) {
  const slack = relation === ">=" ? value - bound : relation === "<=" ? bound - value : -Math.abs(value - bound);
  const relativeSlack = slack === 0 ? 0 : slack / Math.max(Math.abs(bound), size);
  return { relation, value, bound, slack, relativeSlack };
}

/** A bound of a row: the entry `index` of a datum. */
export interface Bound {
  readonly datum: string;
  readonly bound: number;
}

/** A row between two bounds. */
export interface BoxRow {
  readonly constraint: string;
  readonly row: number;
  readonly index: number;
  readonly value: number;
  /** Of the terms that the value is the sum of. */
  readonly size: number;
  readonly dual: number;
  readonly held: "low" | "high" | "none";
}

/** The sides low <= value <= high of a row that are finite; one equality where they agree. */
export function sidesOfBox({ value, size, held, dual, ...place }: BoxRow, low: Bound, high: Bound): Side[] {
  const side = (relation: Side["relation"], { datum, bound }: Bound, binds: boolean): Side => ({
    ...place,
    ...standing(relation, value, bound, size),
    datum,
    dual: binds ? dual : 0,
    binds,
  });
  if (low.bound === high.bound) return [side("=", low.datum === high.datum ? low : bothOf(low, high), true)];
  return [
    ...(low.bound === -Infinity ? [] : [side(">=", low, held === "low")]),
    ...(high.bound === Infinity ? [] : [side("<=", high, held === "high")]),
  ];
}

/** Two bounds that agree, and move together. */
function bothOf(low: Bound, high: Bound): Bound {
  return { datum: `${low.datum}${together}${high.datum}`, bound: high.bound };
}

const together = " and ";

/** One unit more of a side's bound as directions of the data; `length` says how many entries a datum has. */
export function directionOf({ datum, index }: Side, length: (datum: string) => number): Record<string, Float64Array> {
  const unit = (name: string) => new Float64Array(length(name)).fill(1, index, index + 1);
  return Object.fromEntries(datum.split(together).map((name) => [name, unit(name)]));
}
