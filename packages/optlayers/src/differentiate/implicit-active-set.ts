import { maxAbs } from "../arrays.ts";
import { itemOf, type QuadraticProgram } from "../problem/quadratic-program.ts";
import type { Solution } from "../solvers/solver.ts";

/** Which inequalities of the selected items the derivative holds as equalities. */
export interface ActiveSet {
  /** One row a slot: 0 for an active row, infinity for an inactive one (the D of a `KktMethod`). */
  readonly D: Float64Array;
  /** Weakly active rows (lambda and s both vanish) of each item that has some: these were taken as inactive. */
  readonly weak: readonly { readonly item: number; readonly rows: number }[];
}

/**
 * A row is active when its multiplier is larger than its slack. Where both are below `weakTolerance` times the size of
 * multipliers and slacks in this problem, strict complementarity fails and x has only one-sided derivatives: such a
 * row is taken as inactive, the derivative on the side where the constraint does not bind.
 */
export function activeSet(
  problem: QuadraticProgram,
  solution: Solution,
  items: Int32Array,
  weakTolerance: number,
): ActiveSet {
  const { m } = problem;
  const D = new Float64Array(items.length * m);
  const weak: { item: number; rows: number }[] = [];
  if (m === 0) return { D, weak };
  const sharedRow = problem.G.batched ? 0 : maxAbs(problem.G.values);
  for (let k = 0; k < items.length; k++) {
    const item = items[k];
    const lambda = solution.lambda.subarray(item * m, (item + 1) * m);
    const s = solution.s.subarray(item * m, (item + 1) * m);
    const row = problem.G.batched ? maxAbs(itemOf(problem.G, item)) : sharedRow;
    const x = solution.x.subarray(item * problem.n, (item + 1) * problem.n);
    const smallLambda = weakTolerance * Math.max(maxAbs(lambda), maxAbs(itemOf(problem.q, item)) / (row || 1));
    const smallSlack = weakTolerance * Math.max(maxAbs(itemOf(problem.h, item)), row * maxAbs(x));
    let rows = 0;
    for (let i = 0; i < m; i++) {
      const isWeak = lambda[i] <= smallLambda && s[i] <= smallSlack;
      if (isWeak) rows++;
      D[k * m + i] = !isWeak && lambda[i] > s[i] ? 0 : Infinity;
    }
    if (rows > 0) weak.push({ item, rows });
  }
  return { D, weak };
}
