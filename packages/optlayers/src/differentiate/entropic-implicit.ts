import { maxAbs } from "../arrays.ts";
import { activeSet } from "../kkt/active-set.ts";
import {
  type DependentSlot,
  dependenceNote,
  dependentSlotFinder,
  heldRows,
  removeVanishingFrom,
} from "../kkt/dependent-slots.ts";
import { leastNormSolution } from "../kkt/least-norm.ts";
import { ScaledGram } from "../kkt/scaled-gram.ts";
import { type EntropyName, type EntropyProgram, entropyNames } from "../problem/entropy-program.ts";
import { entropyItem } from "../solvers/entropy/item.ts";
import { isUsable, type Solution } from "../solvers/solver.ts";
import { type KktAnswer, type KktRule, type KktTables, kktRule } from "./kkt-rule.ts";
import { type AdjointPoint, constraintCotangents, reduced } from "./pullback.ts";
import { addRows, constraintTangents } from "./pushforward.ts";
import type { Cotangent } from "./rule.ts";

/** lambda and s of one row both below this share of their sizes make it weakly active. */
const weakTolerance = 1e-8;
/** A Gram matrix farther from singular than this vouches for the independence of its rows. */
const vouched = 1e-6;
/** Rows whose Gram matrix is nearer to singular than this get the least-norm solution of its system. */
const singular = 1e-12;
/** The largest system for which they do: its cost grows with the cube. */
const largestDirect = 1500;

/** How the data of an entropy program enter its KKT conditions: y as -q does in a QP. */
export const entropyTables: KktTables<EntropyProgram, EntropyName> = {
  names: entropyNames,
  cotangents: { ...constraintCotangents, y: (problem, { u }) => reduced(1, u, problem.y) },
  tangents: {
    ...constraintTangents,
    y: ({ y, batch }, _rows, dy, rhs) => addRows(1, { ...y, values: dy }, batch, rhs.x),
  },
};

/**
 * Implicit differentiation of the KKT conditions of entropy programs: with the active rows K = [A; Ga] and X = diag(x), the
 * inverse of the Hessian,
 *
 *     [X^-1 K'] [u]   [cotangent of x       ]
 *     [K    0 ] [v] = [cotangents of nu, lambda_a],    K X K' v = K X c - g,    u = X (c - K'v)
 *
 * and with v = (y, w) the cotangents of A, b, G, h as for a QP, and u of y: p + m unknowns at most, however many variables. The
 * same system with the tangents of the data on the right gives those of the solution.
 *
 * Weakly active rows count as inactive, and dependent rows (duplicate, redundant) get the least-norm v, as by the pseudoinverse of
 * the matrix; the report's notes say so.
 */
export function entropicImplicit(): KktRule<EntropyProgram, EntropyName> {
  return kktRule("implicit", entropyTables, solve);
}

function solve(problem: EntropyProgram, solution: Solution, rhs: Cotangent): KktAnswer {
  const { n, p, m, batch } = problem;
  const adjoint = { u: new Float64Array(batch * n), y: new Float64Array(batch * p), w: new Float64Array(batch * m) };
  const items = Int32Array.from(solution.status.keys()).filter((i) => isUsable(solution.status[i]));
  const { D, weak } = activeSet({ ...problem, q: problem.y }, solution, items, weakTolerance);
  const notes = weak.map(
    ({ item, rows }) =>
      `${rows} weakly active constraint(s) of item ${item} were taken as inactive: the gradient is one-sided there.`,
  );
  const find = dependentSlotFinder(problem);
  let residual = 0;
  let bytes = 0;
  items.forEach((item, slot) => {
    const d = D.subarray(slot * m, (slot + 1) * m);
    const solved = solveItem(problem, solution, rhs, item, d, find, adjoint);
    residual = Math.max(residual, solved.residual);
    bytes = Math.max(bytes, solved.bytes);
    if (solved.dependent) notes.push(dependenceNote(` of item ${item}`, solved.dependent));
  });
  return { adjoint, report: { iterations: 0, peakBytes: bytes + 8 * batch * (n + p + m), residual, notes } };
}

/** Writes the item's (u, y, w); `d` is 0 at active inequalities. */
function solveItem(
  problem: EntropyProgram,
  solution: Solution,
  given: Cotangent,
  item: number,
  d: Float64Array,
  find: ReturnType<typeof dependentSlotFinder>,
  adjoint: AdjointPoint,
): { residual: number; bytes: number; dependent: DependentSlot | undefined } {
  const { n, p, m } = problem;
  const rows = heldRows(p, d);
  const { K: all, scale } = entropyItem(problem, item);
  const K = new Float64Array(rows.length * n);
  rows.forEach((row, i) => {
    K.set(all.subarray(row * n, (row + 1) * n), i * n);
  });
  const x = solution.x.subarray(item * n, (item + 1) * n);
  const c = given.x.subarray(item * n, (item + 1) * n);
  const gram = new ScaledGram(K, n);
  const factored = gram.factor(x, new Float64Array(rows.length));
  const isVouchedFor = factored && gram.independence > vouched;
  const [dependent] = isVouchedFor ? [] : find(item, item, d);

  const duals = dualRows(problem, given, item);
  if (dependent) removeVanishingFrom(duals, dependent);
  const g = Float64Array.from(rows, (row) => scale[row] * duals[row]);
  const rhs = g.map((value) => -value);
  gram.multiply(
    1,
    c.map((value, j) => x[j] * value),
    1,
    rhs,
  );
  const isLarge = rows.length > largestDirect;
  const direct = !factored || (!isLarge && (dependent || gram.independence <= singular));
  const v = direct ? leastNormSolution(gram.matrix, rows.length, rhs).x : gram.solve(rhs);
  const u = c.slice();
  gram.multiplyTransposed(-1, v, 1, u);
  for (let j = 0; j < n; j++) u[j] *= x[j];
  gram.multiply(1, u, -1, g);

  const multipliers = new Float64Array(p + m);
  rows.forEach((row, i) => {
    multipliers[row] = scale[row] * v[i];
  });
  if (dependent) removeVanishingFrom(multipliers, dependent);
  adjoint.u.set(u, item * n);
  adjoint.y.set(multipliers.subarray(0, p), item * p);
  adjoint.w.set(multipliers.subarray(p), item * m);
  const residual = maxAbs(g) / (maxAbs(rhs) || 1);
  return { residual, bytes: gram.bytes + 8 * (2 * K.length + 3 * n), dependent };
}

/** The right-hand side's (nu, lambda) of one item, side by side. */
export function dualRows({ p, m }: EntropyProgram, { nu, lambda }: Cotangent, item: number): Float64Array {
  const duals = new Float64Array(p + m);
  if (nu) duals.set(nu.subarray(item * p, (item + 1) * p));
  if (lambda) duals.set(lambda.subarray(item * m, (item + 1) * m), p);
  return duals;
}
