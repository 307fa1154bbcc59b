import { maxAbs } from "../arrays.ts";
import { activeSet } from "../kkt/active-set.ts";
import { leastNormSolution } from "../kkt/least-norm.ts";
import { ScaledGram } from "../kkt/scaled-gram.ts";
import { type EntropyName, type EntropyProgram, entropyNames } from "../problem/entropy-program.ts";
import { entropyItem } from "../solvers/entropy-item.ts";
import { isUsable, type Solution } from "../solvers/solver.ts";
import {
  type AdjointPoint,
  type CotangentTable,
  constraintCotangents,
  pullBackBy,
  reduced,
  usableRows,
} from "./pullback.ts";
import type { Cotangent, DifferentiationRule } from "./rule.ts";

/** lambda and s of one row both below this share of their sizes make it weakly active. */
const weakTolerance = 1e-8;
/** Rows whose Gram matrix is nearer to singular than this are dependent: the least-norm solution takes over. */
const dependent = 1e-12;
/** The largest system for which it does: its cost grows with the cube. */
const largestDirect = 1500;

/** y enters as -q does in a QP. */
export const entropyCotangents: CotangentTable<EntropyProgram, EntropyName> = {
  ...constraintCotangents,
  y: (problem, { u }) => reduced(1, u, problem.y),
};

/**
 * Implicit differentiation of the KKT conditions of entropy programs: with the active rows K = [A; Ga] and X = diag(x), the
 * inverse of the Hessian,
 *
 *     [X^-1 K'] [u]   [cotangent of x       ]
 *     [K    0 ] [v] = [cotangents of nu, lambda_a],    K X K' v = K X c - g,    u = X (c - K'v)
 *
 * and with v = (y, w) the cotangents of A, b, G, h as for a QP, and u of y: p + m unknowns at most, however many variables.
 *
 * Weakly active rows count as inactive, and dependent rows (duplicate, redundant) get the least-norm v, on rows scaled to a
 * largest entry of 1; the report's notes say so.
 */
export function entropicImplicit(): DifferentiationRule<EntropyProgram, EntropyName> {
  return {
    name: "implicit",
    vjp(problem, solution, cotangent, { wanted = entropyNames } = {}) {
      const begin = performance.now();
      const { n, p, m, batch } = problem;
      const adjoint = {
        u: new Float64Array(batch * n),
        y: new Float64Array(batch * p),
        w: new Float64Array(batch * m),
      };
      const items = Int32Array.from(solution.status.keys()).filter((i) => isUsable(solution.status[i]));
      const { D, weak } = activeSet({ ...problem, q: problem.y }, solution, items, weakTolerance);
      const notes = weak.map(
        ({ item, rows }) =>
          `${rows} weakly active constraint(s) of item ${item} were taken as inactive: the gradient is one-sided there.`,
      );
      let residual = 0;
      let bytes = 0;
      items.forEach((item, slot) => {
        const inactive = D.subarray(slot * m, (slot + 1) * m);
        const solved = solveItem(problem, solution, cotangent, item, inactive, adjoint);
        residual = Math.max(residual, solved.residual);
        bytes = Math.max(bytes, solved.bytes);
        if (solved.note) notes.push(solved.note);
      });
      const gradients = pullBackBy(entropyCotangents, problem, usableRows(problem, solution, adjoint), wanted);
      const milliseconds = performance.now() - begin;
      const peakBytes = bytes + 8 * batch * (n + p + m);
      return { gradients, report: { iterations: 0, milliseconds, peakBytes, residual, notes } };
    },
  };
}

/** Writes the item's (u, y, w); `D` is 0 at active inequalities. */
function solveItem(
  problem: EntropyProgram,
  solution: Solution,
  cotangent: Cotangent,
  item: number,
  D: Float64Array,
  adjoint: AdjointPoint,
): { residual: number; bytes: number; note: string | null } {
  const { n, p, m } = problem;
  const rows = Array.from({ length: p + m }, (_, row) => row).filter((row) => row < p || D[row - p] === 0);
  const { K: all, scale } = entropyItem(problem, item);
  const K = new Float64Array(rows.length * n);
  rows.forEach((row, i) => {
    K.set(all.subarray(row * n, (row + 1) * n), i * n);
  });
  const x = solution.x.subarray(item * n, (item + 1) * n);
  const c = cotangent.x.subarray(item * n, (item + 1) * n);
  const rhs = Float64Array.from(rows, (row) => {
    const own = row < p ? cotangent.nu?.[item * p + row] : cotangent.lambda?.[item * m + row - p];
    return -scale[row] * (own ?? 0);
  });
  const g = rhs.map((value) => -value);
  const gram = new ScaledGram(K, n);
  gram.multiply(
    1,
    c.map((value, j) => x[j] * value),
    1,
    rhs,
  );
  const { v, note } = solveGram(gram, x, rhs, item);
  const u = c.slice();
  gram.multiplyTransposed(-1, v, 1, u);
  for (let j = 0; j < n; j++) u[j] *= x[j];
  gram.multiply(1, u, -1, g);
  adjoint.u.set(u, item * n);
  rows.forEach((row, i) => {
    if (row < p) adjoint.y[item * p + row] = scale[row] * v[i];
    else adjoint.w[item * m + row - p] = scale[row] * v[i];
  });
  const residual = maxAbs(g) / (maxAbs(rhs) || 1);
  return { residual, bytes: gram.bytes + 8 * (2 * K.length + 3 * n), note };
}

function solveGram(gram: ScaledGram, x: Float64Array, rhs: Float64Array, item: number) {
  const { r } = gram;
  const factored = gram.factor(x, new Float64Array(r));
  if (factored && (gram.independence > dependent || r > largestDirect)) return { v: gram.solve(rhs), note: null };
  const { x: v, rank } = leastNormSolution(gram.matrix, r, rhs);
  if (rank === r) return { v, note: null };
  return {
    v,
    note: `The active constraints of item ${item} are dependent (rank ${rank} of ${r}): their cotangents are the least-norm ones.`,
  };
}
