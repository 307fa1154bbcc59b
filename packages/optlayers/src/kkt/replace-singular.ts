import { itemOf, type QuadraticProgram } from "../problem/quadratic-program.ts";
import { heldRows } from "./dependent-slots.ts";
import type { KktVector } from "./kkt-method.ts";
import { leastNormSolution } from "./least-norm.ts";
import type { RefinedSolution } from "./refine.ts";

/** A residual above this means that the KKT system is singular: the direct least-norm solution takes over. */
const singular = 1e-8;
/** The largest system for which it does: its cost grows with the cube. */
const largestDirect = 1500;

/** An item whose KKT matrix is singular, and got the least-norm solution. */
export interface Replacement {
  readonly item: number;
  readonly rank: number;
  readonly size: number;
}

/** Solves the slots whose refinement failed by a least-norm least-squares solution, in place. */
export function replaceSingular(
  problem: QuadraticProgram,
  items: Int32Array,
  D: Float64Array,
  rhs: KktVector,
  { z, residual }: RefinedSolution,
): Replacement[] {
  const replaced: Replacement[] = [];
  const { n, p, m } = problem;
  items.forEach((item, k) => {
    if (residual[k] <= singular) return;
    const rows = heldRows(p, D.subarray(k * m, (k + 1) * m));
    const size = n + rows.length;
    if (size > largestDirect) return;
    const right = new Float64Array(size);
    right.set(rhs.x.subarray(k * n, (k + 1) * n));
    rows.forEach((row, j) => {
      right[n + j] = row < p ? rhs.nu[k * p + row] : rhs.lambda[k * m + row - p];
    });
    const direct = leastNormSolution(activeMatrix(problem, item, rows), size, right);
    // of full rank, and badly scaled: the refined solution may be the better one
    if (direct.rank === size && direct.residual >= residual[k]) return;
    z.x.set(direct.x.subarray(0, n), k * n);
    z.lambda.fill(0, k * m, (k + 1) * m);
    rows.forEach((row, j) => {
      if (row < p) z.nu[k * p + row] = direct.x[n + j];
      else z.lambda[k * m + row - p] = direct.x[n + j];
    });
    residual[k] = direct.residual;
    if (direct.rank < size) replaced.push({ item, rank: direct.rank, size });
  });
  return replaced;
}

/** The KKT matrix [Q B'; B 0] of one item, B the given rows of [A; G], row by row. */
function activeMatrix(problem: QuadraticProgram, item: number, rows: readonly number[]): Float64Array {
  const { n, p } = problem;
  const size = n + rows.length;
  const K = new Float64Array(size * size);
  const Q = itemOf(problem.Q, item);
  const A = itemOf(problem.A, item);
  const G = itemOf(problem.G, item);
  for (let i = 0; i < n; i++) K.set(Q.subarray(i * n, (i + 1) * n), i * size);
  for (let r = n; r < size; r++) {
    const index = rows[r - n];
    const row = index < p ? rowOf(A, index, n) : rowOf(G, index - p, n);
    K.set(row, r * size);
    for (let j = 0; j < n; j++) K[j * size + r] = row[j];
  }
  return K;
}

function rowOf(matrix: Float64Array, row: number, width: number): Float64Array {
  return matrix.subarray(row * width, (row + 1) * width);
}
