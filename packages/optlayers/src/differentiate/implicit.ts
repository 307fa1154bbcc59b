import { OptionError } from "../errors.ts";
import { type ActiveSet, activeSet } from "../kkt/active-set.ts";
import { type KktVector, kktVector } from "../kkt/kkt-method.ts";
import { methodFor } from "../kkt/kkt-state.ts";
import { leastNormSolution } from "../kkt/least-norm.ts";
import { type RefinedSolution, solveRefined } from "../kkt/refine.ts";
import { itemOf, type QuadraticProgram } from "../problem/quadratic-program.ts";
import { isUsable, type Solution } from "../solvers/solver.ts";
import { pullBack } from "./pullback.ts";
import type { Cotangent, DifferentiationRule, Vjp, VjpOptions } from "./rule.ts";

export interface ImplicitOptions {
  /** How small lambda and s of one row must both be, relative to their size in the problem, to count as weakly active; 1e-8. */
  readonly weakTolerance?: number;
}

const refinement = { steps: 10, tolerance: 1e-14 };
/** A residual above this means that the KKT system is singular: the direct least-norm solution takes over. */
const singular = 1e-8;
/** The largest system for which it does: its cost grows with the cube. */
const largestDirect = 1500;

/**
 * Implicit differentiation of the KKT conditions (OptNet; Amos and Kolter 2017, section 3): with the active rows a,
 *
 *     [Q  A'  Ga'] [u ]   [cotangent of x        ]
 *     [A  0   0  ] [y ] = [cotangent of nu       ]
 *     [Ga 0   0  ] [wa]   [cotangent of lambda_a ]
 *
 * and the cotangents of the data by `pullBack`. The factors of the interior-point solver are used again when the
 * solution carries them, with refinement against the unregularized system; any other solver's solution will do.
 *
 * Where the solution map is not differentiable, the choice is: weakly active rows count as inactive; where the solution is
 * not unique, the adjoint system gets a least-norm least-squares solution. The report's notes say when either happened.
 * Redundant active rows share what is theirs, each in its own unit; the cotangents of q and Q do not depend on how.
 */
export function implicit(options: ImplicitOptions = {}): DifferentiationRule {
  const { weakTolerance = 1e-8 } = options;
  if (!(weakTolerance >= 0 && weakTolerance < 1)) {
    throw new OptionError("weakTolerance", weakTolerance, "a number from 0 to 1");
  }
  return {
    name: "implicit",
    vjp: (problem, solution, cotangent, vjpOptions) =>
      vjp(problem, solution, cotangent, weakTolerance, vjpOptions ?? {}),
  };
}

function vjp(
  problem: QuadraticProgram,
  solution: Solution,
  cotangent: Cotangent,
  weakTolerance: number,
  { wanted }: VjpOptions,
): Vjp {
  const begin = performance.now();
  const items = Int32Array.from(solution.status.keys()).filter((i) => isUsable(solution.status[i]));
  const active = activeSet(problem, solution, items, weakTolerance);
  const method = methodFor(problem, solution.state);
  method.factor(items, active.D);
  const rhs = rightHandSide(problem, cotangent, items, active.D);
  const solved = solveRefined(problem, method, items, active.D, rhs, refinement);
  const replaced = replaceSingular(problem, items, active.D, rhs, solved);
  const adjoint = scattered(problem, items, solved.z);
  const gradients = pullBack(problem, solution, { u: adjoint.x, y: adjoint.nu, w: adjoint.lambda }, wanted);
  const report = {
    iterations: 0,
    milliseconds: performance.now() - begin,
    peakBytes: method.bytes + 8 * 5 * items.length * (problem.n + problem.p + problem.m),
    residual: solved.residual.reduce((worst, value) => Math.max(worst, value), 0),
    notes: notesOn(problem, active, replaced),
  };
  return { gradients, report };
}

/** The cotangents of the selected items, those of inactive multipliers (which are constantly zero) dropped. */
function rightHandSide(problem: QuadraticProgram, cotangent: Cotangent, items: Int32Array, D: Float64Array): KktVector {
  const rhs = kktVector(problem, items.length);
  gather(cotangent.x, problem.n, items, rhs.x);
  if (cotangent.nu) gather(cotangent.nu, problem.p, items, rhs.nu);
  if (cotangent.lambda) gather(cotangent.lambda, problem.m, items, rhs.lambda);
  for (let i = 0; i < D.length; i++) if (D[i] === Infinity) rhs.lambda[i] = 0;
  return rhs;
}

function gather(values: Float64Array, width: number, items: Int32Array, rows: Float64Array): void {
  items.forEach((item, k) => {
    rows.set(values.subarray(item * width, (item + 1) * width), k * width);
  });
}

/** The rows of the slots at the places of their items, zeros at the others. */
function scattered(problem: QuadraticProgram, items: Int32Array, z: KktVector): KktVector {
  const { n, p, m } = problem;
  const result = kktVector(problem, problem.batch);
  items.forEach((item, k) => {
    result.x.set(z.x.subarray(k * n, (k + 1) * n), item * n);
    result.nu.set(z.nu.subarray(k * p, (k + 1) * p), item * p);
    result.lambda.set(z.lambda.subarray(k * m, (k + 1) * m), item * m);
  });
  return result;
}

interface Replacement {
  readonly item: number;
  readonly rank: number;
  readonly size: number;
}

/** Solves the slots whose refinement failed by a least-norm least-squares solution, in place. */
function replaceSingular(
  problem: QuadraticProgram,
  items: Int32Array,
  D: Float64Array,
  rhs: KktVector,
  { z, residual }: RefinedSolution,
): Replacement[] {
  const replaced: Replacement[] = [];
  items.forEach((item, k) => {
    if (residual[k] <= singular) return;
    const { n, p, m } = problem;
    const rows = Array.from({ length: m }, (_, i) => i).filter((i) => D[k * m + i] === 0);
    const size = n + p + rows.length;
    if (size > largestDirect) return;
    const right = new Float64Array(size);
    right.set(rhs.x.subarray(k * n, (k + 1) * n));
    right.set(rhs.nu.subarray(k * p, (k + 1) * p), n);
    rows.forEach((row, j) => {
      right[n + p + j] = rhs.lambda[k * m + row];
    });
    const direct = leastNormSolution(activeMatrix(problem, item, rows), size, right);
    // of full rank, and badly scaled: the refined solution may be the better one
    if (direct.rank === size && direct.residual >= residual[k]) return;
    z.x.set(direct.x.subarray(0, n), k * n);
    z.nu.set(direct.x.subarray(n, n + p), k * p);
    z.lambda.fill(0, k * m, (k + 1) * m);
    rows.forEach((row, j) => {
      z.lambda[k * m + row] = direct.x[n + p + j];
    });
    residual[k] = direct.residual;
    if (direct.rank < size) replaced.push({ item, rank: direct.rank, size });
  });
  return replaced;
}

/** The KKT matrix [Q B'; B 0] of one item, B = [A; the given rows of G], row by row. */
function activeMatrix(problem: QuadraticProgram, item: number, rows: readonly number[]): Float64Array {
  const { n, p } = problem;
  const size = n + p + rows.length;
  const K = new Float64Array(size * size);
  const Q = itemOf(problem.Q, item);
  const A = itemOf(problem.A, item);
  const G = itemOf(problem.G, item);
  for (let i = 0; i < n; i++) K.set(Q.subarray(i * n, (i + 1) * n), i * size);
  for (let r = n; r < size; r++) {
    const row = r < n + p ? A.subarray((r - n) * n, (r - n + 1) * n) : rowOf(G, rows[r - n - p], n);
    K.set(row, r * size);
    for (let j = 0; j < n; j++) K[j * size + r] = row[j];
  }
  return K;
}

function rowOf(matrix: Float64Array, row: number, width: number): Float64Array {
  return matrix.subarray(row * width, (row + 1) * width);
}

function notesOn(problem: QuadraticProgram, { weak }: ActiveSet, replaced: readonly Replacement[]): string[] {
  const notes: string[] = [];
  const where = (item: number) => (problem.batched ? ` of item ${item}` : "");
  if (weak.length > 0) {
    const { item, rows } = weak[0];
    const more = weak.length > 1 ? `, and those of ${weak.length - 1} more items,` : "";
    notes.push(
      `${rows} weakly active constraint(s)${where(item)}${more} were taken as inactive: the gradient is one-sided there.`,
    );
  }
  if (replaced.length > 0) {
    const { item, rank, size } = replaced[0];
    const more = replaced.length > 1 ? ` (and of ${replaced.length - 1} more items)` : "";
    notes.push(
      `The KKT system${where(item)}${more} is singular (rank ${rank} of ${size}): the gradient is the least-norm least-squares one.`,
    );
  }
  return notes;
}
