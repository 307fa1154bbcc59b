import type { SparseMatrix } from "@solvegrad/linalg";
import type { SparseQuadraticBatch } from "../problem/sparse-quadratic-batch.ts";
import type { SparsePoint, SparseQuadraticProgram } from "../problem/sparse-quadratic-program.ts";
import { isUsable, type Solution } from "../solvers/solver.ts";
import { activeBounds } from "../solvers/sparse/active-bounds.ts";
import { INACTIVE } from "../solvers/sparse/active-set.ts";
import { type Degeneracy, splitRows, unlessOrdinary } from "./degeneracy.ts";
import { rowDependence } from "./dependent-rows.ts";

/**
 * The degeneracy of every item of a sparse QP's solution, as `degeneracyOf` has it. Variables at a bound with a multiplier are
 * taken out; the rows are looked at on the f others, as dense ones: O((active rows + f) f^2) an item, for problems of up to
 * some thousand free variables.
 */
export function degeneracyOfSparse(problem: SparseQuadraticBatch, solution: Solution): (Degeneracy | null)[] {
  const { n, p, m } = problem;
  return problem.items.map((program, i) => {
    if (!isUsable(solution.status[i])) return null;
    const part = (rows: Float64Array, width: number) => rows.subarray(i * width, (i + 1) * width);
    const { x, nu, lambda, zeta = new Float64Array(x.length) } = solution;
    const point = { x: part(x, n), nu: part(nu, p), lambda: part(lambda, m), zeta: part(zeta, n) };
    return unlessOrdinary(degeneracyOfItem(program, point));
  });
}

function degeneracyOfItem(program: SparseQuadraticProgram, point: SparsePoint): Degeneracy {
  const { n, p, m, Q } = program;
  const { active, weak } = activeBounds(program, point);
  const rows = Array.from({ length: p + m }, (_, row) => row);
  const free = Array.from({ length: n }, (_, j) => j).filter((j) => active[j] === INACTIVE);
  const held = rows.filter((row) => active[n + row] !== INACTIVE);
  const tight = rows.filter((row) => active[n + row] !== INACTIVE || weak.includes(n + row));
  const B = rowsOn(program, held, free);
  const ofHeld = dependence(B, held.length, free.length);
  const ofTight = weak.length > 0 ? dependence(rowsOn(program, tight, free), tight.length, free.length) : ofHeld;
  const dependent = ofTight.dependent.map((at) => tight[at]);
  const { rank } = ofHeld;
  return {
    weaklyActive: weak.filter((at) => at >= n).map((at) => at - n - p),
    weaklyActiveBounds: weak.filter((at) => at < n),
    dependent: splitRows(dependent, p),
    rank: n - free.length + rank,
    unique: rank === free.length || isUniqueBy(Q, B, free),
    vertex: rank === free.length,
  };
}

/** `rowDependence` of this many rows; on no columns all of them are dependent. */
function dependence(rows: Float64Array, count: number, columns: number) {
  if (columns > 0) return rowDependence(rows, columns);
  return { rank: 0, dependent: Array.from({ length: count }, (_, row) => row) };
}

/** Whether Q on the free variables, or failing that [Q; B], has full rank. */
function isUniqueBy(Q: SparseMatrix, B: Float64Array, free: readonly number[]): boolean {
  const f = free.length;
  const stacked = new Float64Array(f * f + B.length);
  const own = stacked.subarray(0, f * f);
  fill(Q, free, free, own, true);
  if (rowDependence(own, f).rank === f) return true;
  stacked.set(B, f * f);
  return rowDependence(stacked, f).rank === f;
}

/** These rows of [A; G] on these columns, dense and row by row. */
function rowsOn(
  { p, A, G }: SparseQuadraticProgram,
  rows: readonly number[],
  columns: readonly number[],
): Float64Array {
  const { equalities, inequalities } = splitRows(rows, p);
  const result = new Float64Array(rows.length * columns.length);
  const first = equalities.length * columns.length;
  fill(A, equalities, columns, result.subarray(0, first));
  fill(G, inequalities, columns, result.subarray(first));
  return result;
}

/** result <- the chosen rows and columns of a matrix in compressed columns; of an upper triangle with its mirror image. */
function fill(
  { shape, indptr, indices, data }: SparseMatrix,
  rows: readonly number[],
  columns: readonly number[],
  result: Float64Array,
  mirrored = false,
): void {
  const place = new Int32Array(shape[0]).fill(-1);
  rows.forEach((row, k) => {
    place[row] = k;
  });
  columns.forEach((column, j) => {
    for (let k = indptr[column]; k < indptr[column + 1]; k++) {
      const i = place[indices[k]];
      if (i < 0) continue;
      result[i * columns.length + j] = data[k];
      if (mirrored) result[j * columns.length + i] = data[k];
    }
  });
}
