import type { LinearConstraints, QuadraticProgram } from "../problem/quadratic-program.ts";
import { dependenceFinder, type RowDependence, removeVanishing } from "./dependent-rows.ts";
import type { KktMethod, KktVector } from "./kkt-method.ts";

/** A factor whose pivots are all above this vouches for the independence of its rows. */
const vouched = 1e-6;

/** A slot whose rows are dependent. */
export interface DependentSlot extends RowDependence {
  readonly slot: number;
  readonly item: number;
  /** Row k < p is that of Ak, row p + i that of Gi. */
  readonly rows: readonly number[];
}

/** The slots among those last factored whose rows (all equalities, and the inequalities with D = 0) are dependent. */
export function dependentSlots(
  problem: QuadraticProgram,
  method: KktMethod,
  items: Int32Array,
  D: Float64Array,
): DependentSlot[] {
  const find = dependentSlotFinder(problem);
  return Array.from(items).flatMap((item, slot) => {
    const isVouchedFor = (method.independence?.(slot) ?? 0) > vouched;
    return isVouchedFor ? [] : find(item, slot, D.subarray(slot * problem.m, (slot + 1) * problem.m));
  });
}

/** The slot of an item whose active inequalities have d = 0, where its rows are dependent: a list of one or none. */
export function dependentSlotFinder(problem: LinearConstraints) {
  const dependenceOf = dependenceFinder(problem);
  return (item: number, slot: number, d: ArrayLike<number>): DependentSlot[] => {
    const rows = heldRows(problem.p, d);
    const dependence = dependenceOf(item, rows);
    return dependence.dependent.length > 0 ? [{ ...dependence, slot, item, rows }] : [];
  };
}

/** The rows that hold a solution: p equalities, and the inequalities whose d is 0. */
export function heldRows(p: number, d: ArrayLike<number>): number[] {
  const rows = Array.from({ length: p }, (_, k) => k);
  for (let i = 0; i < d.length; i++) if (d[i] === 0) rows.push(p + i);
  return rows;
}

/**
 * Takes the combinations of rows that vanish out of (nu, lambda) of these slots. With P this projection and K^- any inverse
 * of the KKT matrix on its range, P K^- P is the pseudoinverse where nothing but the rows makes K singular.
 */
export function removeVanishingParts(
  { p, m }: LinearConstraints,
  slots: readonly DependentSlot[],
  z: Pick<KktVector, "nu" | "lambda">,
): void {
  for (const dependence of slots) {
    const { slot, rows } = dependence;
    const v = Float64Array.from(rows, (row) => (row < p ? z.nu[slot * p + row] : z.lambda[slot * m + row - p]));
    removeVanishing(dependence, v);
    rows.forEach((row, k) => {
      if (row < p) z.nu[slot * p + row] = v[k];
      else z.lambda[slot * m + row - p] = v[k];
    });
  }
}

/** The same for one row (nu, lambda), whose entry k times `unit[k]` (1 by default) is in the units of the data. */
export function removeVanishingFrom(row: Float64Array, dependence: DependentSlot, unit?: Float64Array): void {
  const v = Float64Array.from(dependence.rows, (k) => (unit?.[k] ?? 1) * row[k]);
  removeVanishing(dependence, v);
  dependence.rows.forEach((k, i) => {
    row[k] = v[i] / (unit?.[k] ?? 1);
  });
}

/** What a report says where the active rows of items are dependent; `where` names them, ranks are of the first. */
export function dependenceNote(where: string, { rank, rows }: Pick<DependentSlot, "rank" | "rows">): string {
  return `The active constraints${where} are dependent (rank ${rank} of ${rows.length}): what is theirs in the derivative has the least norm.`;
}
