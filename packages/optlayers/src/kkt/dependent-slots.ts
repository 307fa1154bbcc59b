import type { QuadraticProgram } from "../problem/quadratic-program.ts";
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
  const { p, m } = problem;
  const dependenceOf = dependenceFinder(problem);
  const found: DependentSlot[] = [];
  items.forEach((item, slot) => {
    if ((method.independence?.(slot) ?? 0) > vouched) return;
    const rows = heldRows(p, D.subarray(slot * m, (slot + 1) * m));
    const dependence = dependenceOf(item, rows);
    if (dependence.dependent.length > 0) found.push({ ...dependence, slot, item, rows });
  });
  return found;
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
export function removeVanishingParts({ p, m }: QuadraticProgram, slots: readonly DependentSlot[], z: KktVector): void {
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

/** What a report says of an item whose rows are dependent. */
export function dependenceNote(
  where: string,
  { rank, rows }: { readonly rank: number; readonly rows: ArrayLike<number> },
) {
  return `The active constraints${where} are dependent (rank ${rank} of ${rows.length}): what is theirs in the derivative has the least norm.`;
}
