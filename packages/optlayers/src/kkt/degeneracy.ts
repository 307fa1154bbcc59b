import type { EntropyProgram } from "../problem/entropy-program.ts";
import { itemOf, measured, type QuadraticProgram } from "../problem/quadratic-program.ts";
import { isUsable, type Solution } from "../solvers/solver.ts";
import { activeSet } from "./active-set.ts";
import { dependentRows, rowDependence } from "./dependent-rows.ts";

/** What is special about the solution of one item: where its derivative does not exist, is not unique, or vanishes. */
export interface Degeneracy {
  /** Inequalities that hold with equality and have no multiplier: x has one-sided derivatives there. */
  readonly weaklyActive: readonly number[];
  /** Variables of which the same is true of a simple bound, where a problem has such. */
  readonly weaklyActiveBounds?: readonly number[];
  /** Constraints that hold with equality and are combinations of such ones before them: the duals are not unique. */
  readonly dependent: { readonly equalities: readonly number[]; readonly inequalities: readonly number[] };
  /** Of the equalities, and of the inequalities and bounds that have a multiplier. */
  readonly rank: number;
  /** Whether these rows and the curvature of the objective leave no direction in which x could move at no cost. */
  readonly unique: boolean;
  /** Whether these rows alone determine x: its derivative in the cost (q, and Q) is zero. */
  readonly vertex: boolean;
}

/** Below this share of their sizes, lambda and s of one row both count as zero, as in the rules. */
const weakTolerance = 1e-8;

/**
 * The degeneracy of every item of a solution; null where it is ordinary (strict complementarity, independent active rows,
 * a unique x that the objective has a say in) and where the item has no usable solution. The null space of the active rows B
 * and of the Hessian H have only 0 in common when [B; H] has rank n: where H alone has, as is seen once for a shared one, at
 * the cost of a Cholesky factorization of the active rows' Gram matrix an item, otherwise in O((n + p + m) n^2).
 */
export function degeneracyOf(problem: QuadraticProgram | EntropyProgram, solution: Solution): (Degeneracy | null)[] {
  const costs = problem.kind === "qp" ? problem : { ...problem, q: problem.y };
  const rankOfHessian = problem.kind === "entropy" ? () => problem.n : measured(problem.Q, (Q) => rankOf(Q, problem.n));
  return solution.status.map((status, item) => {
    if (!isUsable(status)) return null;
    const { D, weak } = activeSet(costs, solution, Int32Array.of(item), weakTolerance);
    const isDefinite = rankOfHessian(item) === problem.n;
    return unlessOrdinary(degeneracyOfItem(problem, item, D, weak[0]?.indices ?? [], isDefinite));
  });
}

/** Null where there is nothing to see. */
export function unlessOrdinary(seen: Degeneracy): Degeneracy | null {
  const { weaklyActive, weaklyActiveBounds = [], dependent, unique, vertex } = seen;
  const lists = [weaklyActive, weaklyActiveBounds, dependent.equalities, dependent.inequalities];
  return unique && !vertex && lists.every(({ length }) => length === 0) ? null : seen;
}

function degeneracyOfItem(
  problem: QuadraticProgram | EntropyProgram,
  item: number,
  D: Float64Array,
  weaklyActive: readonly number[],
  isDefinite: boolean,
): Degeneracy {
  const { n, p, m } = problem;
  const rows = Array.from({ length: p + m }, (_, row) => row);
  const held = rows.filter((row) => row < p || D[row - p] === 0);
  const tight = rows.filter((row) => held.includes(row) || weaklyActive.includes(row - p));
  const ofHeld = dependentRows(problem, item, held);
  const ofTight = weaklyActive.length > 0 ? dependentRows(problem, item, tight) : ofHeld;
  const { rank } = ofHeld;
  return {
    weaklyActive,
    dependent: splitRows(
      ofTight.dependent.map((at) => tight[at]),
      p,
    ),
    rank,
    unique: rank === n || isDefinite || (problem.kind === "qp" && rankWithHessian(problem, item, held) === n),
    vertex: rank === n,
  };
}

/** Rows k < p are equalities, p + i inequality i. */
export function splitRows(rows: readonly number[], p: number): Degeneracy["dependent"] {
  return {
    equalities: rows.filter((row) => row < p),
    inequalities: rows.filter((row) => row >= p).map((row) => row - p),
  };
}

/** The rank of [B; Q], B the given rows of the constraints. */
function rankWithHessian({ n, p, Q, A, G }: QuadraticProgram, item: number, rows: readonly number[]): number {
  const stacked = new Float64Array((rows.length + n) * n);
  stacked.set(itemOf(Q, item));
  rows.forEach((row, k) => {
    const at = (row < p ? row : row - p) * n;
    stacked.set(itemOf(row < p ? A : G, item).subarray(at, at + n), (n + k) * n);
  });
  return rankOf(stacked, n);
}

/** The rank of a matrix with n columns. */
function rankOf(rows: Float64Array, n: number): number {
  return rowDependence(rows, n).rank;
}

/** A solution that says what is special about it. */
export type SeenSolution<S extends Solution = Solution> = S & {
  readonly degeneracy: readonly (Degeneracy | null)[];
};

/**
 * Gives a solution its `degeneracy`, unless it has one, worked out when it is first asked for. The property is not enumerable, so that copying
 * a solution's fields does not do that work.
 */
export function withDegeneracy<S extends Solution>(
  solution: S,
  look: (solution: S) => readonly (Degeneracy | null)[],
): SeenSolution<S> {
  if (isSeen(solution)) return solution;
  let known: readonly (Degeneracy | null)[] | null = null;
  const get = () => {
    known ??= look(solution);
    return known;
  };
  return Object.defineProperty(solution, "degeneracy", { get, configurable: true }) as SeenSolution<S>;
}

function isSeen<S extends Solution>(solution: S): solution is SeenSolution<S> {
  return "degeneracy" in solution;
}
