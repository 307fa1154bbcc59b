import { checkCount } from "../check-options.ts";
import type { SparseQuadraticProgram } from "../problem/sparse-quadratic-program.ts";
import { isUsable, type Solution, type Status } from "../solvers/solver.ts";
import type { SparseSolution } from "../solvers/sparse-interior-point.ts";
import { conflictOf, descentOf } from "./conflict.ts";
import type { BindingConstraint, ExplainedConstraint, Explanation } from "./explanation.ts";
import { type ExplainableBatch, itemView } from "./item-view.ts";
import { rangeOf } from "./range.ts";
import type { ExplanationNames, ItemView, Side } from "./side.ts";

export interface ExplainOptions {
  /** The item of a batch; 0 by default. */
  readonly item?: number;
  /** Names for the rows and the variables, as `readMps` gives them. */
  readonly names?: ExplanationNames;
  /** For how many binding constraints, those of the largest effect first, the range is computed: each costs one JVP. 20 by default. */
  readonly ranges?: number;
}

/**
 * Which constraints hold a solution, what they cost, and what would have to change.
 *
 * - A binding constraint has its dual, and the price of its bound: the objective f* changes by -dual for each unit that the
 *   bound rises, as df* / dh_i = -lambda_i and df* / db_i = -nu_i. The range is how far the bound may move, alone, until
 *   another constraint starts to bind or one stops; the price, and for a QP the derivative of x, is that of this range. Exact
 *   for a QP, whose solution is piecewise linear in b and h; to first order for other objectives.
 * - Any other has its slack: how far the bound may be tightened until it binds.
 * - Where nothing satisfies the constraints, `conflict` has the rows that contradict each other, and by how much; where the
 *   objective is unbounded, `descent` has the direction.
 *
 * Takes one item of a batch. Throws an `OptionError` for an item that is not there.
 */
export function explain(
  problem: SparseQuadraticProgram,
  solution: SparseSolution,
  options?: ExplainOptions,
): Explanation;
export function explain(problem: ExplainableBatch, solution: Solution, options?: ExplainOptions): Explanation;
export function explain(
  problem: ExplainableBatch | SparseQuadraticProgram,
  solution: Solution | SparseSolution,
  { item = 0, names = {}, ranges = 20 }: ExplainOptions = {},
): Explanation {
  if (ranges !== 0) checkCount("ranges", ranges);
  const { view, status, objective } = itemView(problem, solution, item, names);
  return explained(view, { kind: problem.kind, status, objective }, names, ranges);
}

function explained(
  view: ItemView,
  facts: { readonly kind: string; readonly status: Status; readonly objective: number },
  names: ExplanationNames,
  ranges: number,
): Explanation {
  const { kind, status, objective } = facts;
  const conflict = conflictOf(view);
  const descent = descentOf(view, names);
  if (conflict || descent) {
    return { kind, status, objective: null, binding: [], slack: [], conflict, descent, notes: [] };
  }
  const binding = view.sides
    .filter((side) => side.binds)
    .toSorted(byEffect)
    .map((side, i) => bindingOf(view, side, i < ranges && isUsable(status)));
  const slack = view.sides.filter((side) => !side.binds).toSorted((a, b) => a.relativeSlack - b.relativeSlack);
  return {
    ...{ kind, status, objective, conflict, descent },
    binding,
    slack: slack.map(constraintOf),
    notes: notesOn(view, status, binding, slack),
  };
}

/** |dual| times the size of the bound that it belongs to says how much a relative change of the bound does. */
function byEffect(a: Side, b: Side): number {
  return effect(b) - effect(a);
}

function effect({ dual, bound }: Side): number {
  return Math.abs(dual) * (Math.abs(bound) || 1);
}

function bindingOf(view: ItemView, side: Side, withRange: boolean): BindingConstraint {
  // 0 - dual: a dual of 0 has the price 0, not -0
  return {
    ...constraintOf(side),
    dual: side.dual,
    price: 0 - side.dual,
    range: withRange ? rangeOf(view, side) : null,
  };
}

function constraintOf({
  constraint,
  relation,
  datum,
  index,
  bound,
  value,
  slack,
  relativeSlack,
}: Side): ExplainedConstraint {
  return { constraint, relation, datum, index, bound, value, slack, relativeSlack };
}

/** Relative slack below which a constraint without a multiplier touches the solution. */
const touching = 1e-8;

function notesOn(
  view: ItemView,
  status: Status,
  binding: readonly BindingConstraint[],
  slack: readonly Side[],
): string[] {
  const notes: string[] = [];
  if (!isUsable(status))
    notes.push(`The item is ${status}: this describes where the solver stopped, which is no solution.`);
  const touched = slack.filter(({ relativeSlack }) => Math.abs(relativeSlack) <= touching).length;
  if (touched > 0) {
    const which = touched === 1 ? "1 constraint touches" : `${touched} constraints touch`;
    notes.push(`${which} the solution with a dual of 0: tightening any of them changes it, loosening does not.`);
  }
  const dependent = binding.filter(({ range }) => range?.lower && range.lower.bound === range.upper?.bound).length;
  if (dependent > 0) {
    const which = dependent === 1 ? "1 bound" : `${dependent} bounds`;
    notes.push(
      `${which} cannot move alone while the same constraints bind: their duals are not unique, and their prices hold in one direction at most.`,
    );
  }
  if (!view.linear) {
    notes.push(
      "The objective is not quadratic: ranges of bounds are where the linear forecast of slacks and duals changes sign.",
    );
  }
  return notes;
}
