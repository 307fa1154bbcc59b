import { OptionError } from "../../errors.ts";
import { activeSet } from "../../kkt/active-set.ts";
import { haveIndependentRows } from "../../kkt/dependent-rows.ts";
import { type DependentSlot, dependenceNote, dependentSlotFinder } from "../../kkt/dependent-slots.ts";
import { allItems, applyDatum } from "../../problem/products.ts";
import { itemOf, type QuadraticProgram } from "../../problem/quadratic-program.ts";
import type { AdmmGeometry, PenaltyFactor } from "../../solvers/admm/geometry.ts";
import { type AdmmGroup, admmGroups, type GeometryCache, stateAt } from "../../solvers/admm/groups.ts";
import { penaltyFactor } from "../../solvers/admm/update.ts";
import { AdmmState } from "../../solvers/admm.ts";
import { isUsable, type Solution } from "../../solvers/solver.ts";

/** The fixed point of ADMM at which a group of items is differentiated, with its pattern frozen. */
export interface FrozenPoint {
  readonly group: AdmmGroup;
  readonly factor: PenaltyFactor;
  /** t = (nu, w), w = lambda - rho s, scaled (count x r); 0 for an item that may not be used. */
  readonly t: Float64Array;
  /** The pattern d: 1 for the rows that hold the solution, every equality and the inequalities with w > 0 (count x r). */
  readonly active: Uint8Array;
  readonly usable: readonly boolean[];
}

export interface FrozenPoints {
  readonly points: readonly FrozenPoint[];
  /** What the reader should know of the pattern. */
  readonly notes: readonly string[];
  /** Bytes of the factors that had to be made because the solver left none. */
  readonly bytes: number;
}

/**
 * ADMM's fixed point at a solution of any solver. ADMM's own solutions bring factors and penalty; for another solver's,
 * w is rebuilt from lambda and s with the penalty `rho`.
 */
export function frozenPoints(
  problem: QuadraticProgram,
  solution: Solution,
  cache: GeometryCache,
  rho: number,
): FrozenPoints {
  const state = solution.state instanceof AdmmState && solution.state.problem === problem ? solution.state : null;
  const groups = state?.groups ?? [...admmGroups(problem, cache)];
  const points = groups.map((group, g) => freeze(problem, group, solution, state?.rho[g] ?? rho));
  const bytes = state ? 0 : groups.reduce((sum, { geometry }) => sum + bytesOf(geometry), 0);
  return {
    points: points.map(({ point }) => point),
    notes: [...proximalNotes(points), ...patternNotes(problem, solution, points)],
    bytes,
  };
}

function bytesOf({ n, r, factorQ, T, S }: AdmmGroup["geometry"]): number {
  return 8 * (r * n + (factorQ ? n * n : 0) + (T ? n * r : 0) + (S ? 3 * r * r : n * n));
}

/** Weakly active to this tolerance counts as inactive, as in the implicit rule. */
const weakTolerance = 1e-8;

interface Frozen {
  readonly point: FrozenPoint;
  /** The items with weakly active rows. */
  readonly weak: ReadonlySet<number>;
}

function freeze(problem: QuadraticProgram, group: AdmmGroup, solution: Solution, rho: number): Frozen {
  const factor = penaltyFactor(group.geometry, rho);
  if (!factor) throw new OptionError("rho", rho, "a penalty at which Q + rho (A'A + G'G) can be factored");
  const { r, p } = group.geometry;
  const items = allItems(group.count).map((i) => group.first + i);
  const usable = Array.from(items, (item) => isUsable(solution.status[item]));
  const { D, weak } = activeSet(problem, solution, items, weakTolerance);
  const t = stateAt(solution, group, rho);
  const active = new Uint8Array(t.length);
  for (let i = 0; i < group.count; i++) {
    if (!usable[i]) t.fill(0, i * r, (i + 1) * r);
    for (let j = 0; j < r; j++) active[i * r + j] = j < p || (usable[i] && D[i * (r - p) + j - p] === 0) ? 1 : 0;
  }
  return { point: { group, factor, t, active, usable }, weak: new Set(weak.map(({ item }) => item)) };
}

/** Whether all rows of a geometry are independent, so that those of every active set are: found out once. */
const independent = new WeakMap<AdmmGeometry, boolean>();

/** The items whose active rows are dependent; their slots are the items themselves. */
export function dependentItems(problem: QuadraticProgram, points: readonly FrozenPoint[]): DependentSlot[] {
  return points.flatMap((point) => dependentOfGroup(problem, point));
}

function dependentOfGroup(problem: QuadraticProgram, { group, active, usable }: FrozenPoint): DependentSlot[] {
  const { first, geometry } = group;
  const isIndependent = independent.get(geometry) ?? haveIndependentRows(problem, first);
  independent.set(geometry, isIndependent);
  if (isIndependent) return [];
  const { p, r } = geometry;
  const find = dependentSlotFinder(problem);
  return usable.flatMap((use, i) => {
    const held = active.subarray(i * r + p, (i + 1) * r);
    return use
      ? find(
          first + i,
          first + i,
          Array.from(held, (isActive) => 1 - isActive),
        )
      : [];
  });
}

export function dependenceNotes(dependent: readonly DependentSlot[]): string[] {
  if (dependent.length === 0) return [];
  return [dependenceNote(` of ${items(dependent.map(({ item }) => item))}`, dependent[0])];
}

/** Where the linear system of the iteration needed a proximal term to be solved. */
function proximalNotes(points: readonly Frozen[]): string[] {
  const proximal = points.flatMap(({ point: { group, factor, usable } }) =>
    usable.flatMap((use, i) => (use && factor.proximal > 0 ? [group.first + i] : [])),
  );
  if (proximal.length === 0) return [];
  return [
    `Q + rho (A'A + G'G) of ${items(proximal)} is singular or nearly so and got a proximal term: the gradient is not to be trusted along directions that neither the objective nor the constraints determine.`,
  ];
}

/** What the reader should know: where one more sweep would change the pattern, and where a constraint sits on the edge of it. */
function patternNotes(problem: QuadraticProgram, solution: Solution, points: readonly Frozen[]): string[] {
  const { m, batch } = problem;
  if (m === 0) return [];
  const Gx = new Float64Array(batch * m);
  applyDatum(1, problem.G, solution.x, 0, Gx, allItems(batch));
  const unsettled: number[] = [];
  const weaklyActive: number[] = [];
  for (const { point, weak } of points) {
    for (let i = 0; i < point.group.count; i++) {
      const item = point.group.first + i;
      if (!point.usable[i]) continue;
      if (weak.has(item)) weaklyActive.push(item);
      else if (!isSettled(problem, point, i, Gx.subarray(item * m, (item + 1) * m))) unsettled.push(item);
    }
  }
  const notes: string[] = [];
  if (unsettled.length > 0) {
    notes.push(
      `The active set of ${items(unsettled)} has not settled: one more iteration would change it; solve to a smaller tolerance.`,
    );
  }
  if (weaklyActive.length > 0) {
    notes.push(
      `A constraint of ${items(weaklyActive)} is weakly active and counts as inactive: the gradient is a one-sided derivative.`,
    );
  }
  return notes;
}

/** Whether w+ = max(w, 0) + rho (Gx - h) has the signs of w, for item `i` of the group. */
function isSettled(problem: QuadraticProgram, { group, factor, t }: FrozenPoint, i: number, Gx: Float64Array): boolean {
  const { r, p, scale } = group.geometry;
  const h = itemOf(problem.h, group.first + i);
  return Gx.every((value, j) => {
    const w = t[i * r + p + j];
    const next = Math.max(w, 0) + factor.rho * scale[p + j] * (value - h[j]);
    return w > 0 === next > 0;
  });
}

function items(list: readonly number[]): string {
  const shown = list.slice(0, 5).join(", ");
  return `${list.length === 1 ? "item" : "items"} ${shown}${list.length > 5 ? ` and ${list.length - 5} more` : ""}`;
}
