import { maxAbs } from "../arrays.ts";
import { type Datum, itemOf, type LinearConstraints } from "../problem/quadratic-program.ts";

/** Which inequalities of the selected items the derivative holds as equalities. */
export interface ActiveSet {
  /** One row a slot: 0 for an active row, infinity for an inactive one (the D of a `KktMethod`). */
  readonly D: Float64Array;
  /** Weakly active rows (lambda and s both vanish) of each item that has some: these were taken as inactive. */
  readonly weak: readonly { readonly item: number; readonly rows: number; readonly indices: readonly number[] }[];
}

/**
 * A row is active when its multiplier is larger than its slack, each relative to its size in the problem: lambda_i |g_i|
 * to the largest force (|q| and all lambda_j |g_j|), s_i to |h_i| or |g_i| |x|. So the answer does not depend on the
 * units of a row, nor on bounds elsewhere that stand for infinity. Where both are below `weakTolerance`, strict
 * complementarity fails and x has only one-sided derivatives: such a row is taken as inactive, the derivative on the
 * side where the constraint does not bind. q is the linear term of the objective.
 */
export function activeSet(
  problem: LinearConstraints & { readonly q: Datum },
  solution: { readonly x: Float64Array; readonly lambda: Float64Array; readonly s: Float64Array },
  items: Int32Array,
  weakTolerance: number,
): ActiveSet {
  const { n, m } = problem;
  const D = new Float64Array(items.length * m).fill(Infinity);
  const weak: { item: number; rows: number; indices: number[] }[] = [];
  if (m === 0) return { D, weak };
  const sharedRows = problem.G.batched ? null : largestOfRows(problem.G.values, n);
  for (let k = 0; k < items.length; k++) {
    const item = items[k];
    const lambda = solution.lambda.subarray(item * m, (item + 1) * m);
    const s = solution.s.subarray(item * m, (item + 1) * m);
    const h = itemOf(problem.h, item);
    const rows = sharedRows ?? largestOfRows(itemOf(problem.G, item), n);
    const x = maxAbs(solution.x.subarray(item * n, (item + 1) * n));
    const force = lambda.reduce((most, value, i) => Math.max(most, value * rows[i]), maxAbs(itemOf(problem.q, item)));
    const indices: number[] = [];
    for (let i = 0; i < m; i++) {
      const multiplier = share(lambda[i] * rows[i], force);
      const slack = share(s[i], Math.max(Math.abs(h[i]), rows[i] * x));
      if (multiplier <= weakTolerance && slack <= weakTolerance) indices.push(i);
      else if (multiplier > slack) D[k * m + i] = 0;
    }
    if (indices.length > 0) weak.push({ item, rows: indices.length, indices });
  }
  return { D, weak };
}

/** part / whole, 0 where there is nothing of either. */
function share(part: number, whole: number): number {
  return part === 0 ? 0 : part / whole;
}

/** The largest entry of every row; 1 for a row of zeros. */
function largestOfRows(values: Float64Array, n: number): Float64Array {
  return Float64Array.from({ length: values.length / n }, (_, i) => maxAbs(values.subarray(i * n, (i + 1) * n)) || 1);
}
