import { addProduct, addTransposedProduct, type SparseMatrix } from "@solvegrad/linalg";
import { type RowGram, rowGram } from "../kkt/row-gram.ts";
import {
  type BoxProjection,
  type BoxProjectionName,
  boxProjectionNames,
  equationsOf,
} from "../problem/box-projection.ts";
import { scatterTo } from "../problem/matrix-layout.ts";
import { offsetOf } from "../problem/products.ts";
import { itemOf } from "../problem/quadratic-program.ts";
import { isUsable, type Solution } from "../solvers/solver.ts";
import type { Cotangent, DataCotangents, DataTangents, DifferentiationRule, SolutionTangent } from "./rule.ts";

/**
 * The derivative of one item's solution at a fixed structure. With the free entries F and those at a bound, B,
 * S = A_F A_F' and beta the bound that an entry of B is at:
 *
 *     S dnu = A_F (dy - dA'nu)_F + dA x + A_B dbeta - db
 *     dx_F = (dy - dA'nu - A'dnu)_F,    dx_B = dbeta,    dzeta = (dy - dx - dA'nu - A'dnu)_B.
 *
 * An entry at a bound with no multiplier (zeta = 0) counts as free: the derivative is one-sided there. Where S is singular
 * (dependent equations, or fewer free entries than equations) its pseudoinverse takes the place of the inverse.
 */
interface Structure {
  readonly A: SparseMatrix;
  /** 0 where free, -1 at the lower bound, 1 at the upper one. */
  readonly side: Int8Array;
  readonly gram: RowGram;
  readonly x: Float64Array;
  readonly nu: Float64Array;
}

function structureOf(problem: BoxProjection, solution: Solution, A: SparseMatrix, i: number): Structure {
  const { n, p } = problem;
  const side = new Int8Array(n);
  for (let j = 0; j < n; j++) side[j] = Math.sign(solution.zeta?.[i * n + j] ?? 0);
  const gram = rowGram(A, (j) => side[j] === 0);
  const x = solution.x.subarray(i * n, (i + 1) * n);
  return { A, side, gram, x, nu: solution.nu.subarray(i * p, (i + 1) * p) };
}

/** The tangents of x, nu and zeta for tangents of the data, in the layout of each datum; those that are left out are 0. */
export function boxPushForward(
  problem: BoxProjection,
  solution: Solution,
  tangents: DataTangents<BoxProjectionName>,
): SolutionTangent & { readonly zeta: Float64Array } {
  const { n, p, batch } = problem;
  const [x, nu, zeta] = [n, p, n].map((width) => new Float64Array(batch * width));
  const moving = tangents.A ? equationsOf({ ...problem, A: { ...problem.A, values: tangents.A } }) : null;
  equationsOf(problem).forEach((A, i) => {
    if (!isUsable(solution.status[i])) return;
    const structure = structureOf(problem, solution, A, i);
    const tangent = (name: BoxProjectionName, width: number) => {
      const at = offsetOf(problem[name], i);
      return tangents[name]?.subarray(at, at + width) ?? new Float64Array(width);
    };
    const dbeta = bounding(structure, tangent("lower", n), tangent("upper", n));
    const pull = tangent("y", n).slice();
    const rest = tangent("b", p).map((value) => -value);
    if (moving) {
      addTransposedProduct(-1, moving[i], structure.nu, pull);
      addProduct(1, moving[i], structure.x, rest);
    }
    addProduct(
      1,
      A,
      pull.map((value, j) => (structure.side[j] === 0 ? value : dbeta[j])),
      rest,
    );
    const dnu = structure.gram.solve(rest);
    addTransposedProduct(-1, A, dnu, pull);
    for (let j = 0, k = i * n; j < n; j++, k++) {
      const isFree = structure.side[j] === 0;
      x[k] = isFree ? pull[j] : dbeta[j];
      zeta[k] = isFree ? 0 : pull[j] - dbeta[j];
    }
    nu.set(dnu, i * p);
  });
  return { x, nu, zeta, lambda: new Float64Array(0) };
}

/** The tangents of the bounds that bind, 0 at free entries. */
function bounding({ side }: Structure, lower: Float64Array, upper: Float64Array): Float64Array {
  return Float64Array.from(side, (place, j) => (place === 0 ? 0 : place < 0 ? lower[j] : upper[j]));
}

/**
 * The transpose of `boxPushForward`: the cotangents of the data, a shared datum's summed over the batch (zeros for an A that
 * is not wanted). With cotangents c of x, cnu of nu and z of zeta (its entries on B alone),
 *
 *     S w = cnu - A_F c_F - A_B z_B,    t = (c + A'w)_F and z on B:
 *     y: t    b: -w    A: w x' - nu t'    the bound of B: c - z + A'w.
 */
export function boxPullBack(
  problem: BoxProjection,
  solution: Solution,
  cotangent: Cotangent,
  wanted: readonly BoxProjectionName[] = boxProjectionNames,
): Required<DataCotangents<BoxProjectionName>> {
  const { n, p, layout } = problem;
  const empty = (name: BoxProjectionName) => new Float64Array(problem[name].values.length);
  const result = { y: empty("y"), A: empty("A"), b: empty("b"), lower: empty("lower"), upper: empty("upper") };
  const part = (rows: Float64Array | undefined, width: number, i: number) =>
    rows?.subarray(i * width, (i + 1) * width) ?? new Float64Array(width);
  equationsOf(problem).forEach((A, i) => {
    if (!isUsable(solution.status[i])) return;
    const structure = structureOf(problem, solution, A, i);
    const { side, gram, x, nu } = structure;
    const c = part(cotangent.x, n, i);
    const z = part(cotangent.zeta, n, i);
    const rest = part(cotangent.nu, p, i).slice();
    const own = z.slice();
    for (let j = 0; j < n; j++) if (side[j] === 0) own[j] = c[j];
    addProduct(-1, A, own, rest);
    const w = gram.solve(rest);
    const force = new Float64Array(n);
    addTransposedProduct(1, A, w, force);
    const [y, b, lower, upper] = (["y", "b", "lower", "upper"] as const).map((name) => offsetOf(problem[name], i));
    for (let j = 0; j < n; j++) {
      if (side[j] === 0) own[j] += force[j];
      else result[side[j] < 0 ? "lower" : "upper"][(side[j] < 0 ? lower : upper) + j] += c[j] - z[j] + force[j];
      result.y[y + j] += own[j];
    }
    for (let r = 0; r < p; r++) result.b[b + r] -= w[r];
    if (!wanted.includes("A")) return;
    const entries = outerOnPattern(A, w, x, nu, own);
    const at = offsetOf(problem.A, i);
    scatterTo(layout, entries, result.A.subarray(at, at + itemOf(problem.A, i).length));
  });
  return result;
}

/** The entries of w x' - nu t' on the pattern of A. */
function outerOnPattern(A: SparseMatrix, w: Float64Array, x: Float64Array, nu: Float64Array, t: Float64Array) {
  const entries = new Float64Array(A.indices.length);
  for (let j = 0; j < x.length; j++) {
    for (let k = A.indptr[j]; k < A.indptr[j + 1]; k++) entries[k] = w[A.indices[k]] * x[j] - nu[A.indices[k]] * t[j];
  }
  return entries;
}

/** Implicit differentiation of a box projection by its structure, in O(nonzeros of A + p^3) an item: for the solution of any solver. */
export function boxProjectionImplicit(): DifferentiationRule<BoxProjection, BoxProjectionName> {
  return {
    name: "implicit",
    vjp(problem, solution, cotangent, { wanted = boxProjectionNames } = {}) {
      const begin = performance.now();
      const all = boxPullBack(problem, solution, cotangent, wanted);
      const gradients = Object.fromEntries(wanted.map((name) => [name, all[name]]));
      return { gradients, report: reportSince(begin, problem) };
    },
    jvp(problem, solution, tangents) {
      const begin = performance.now();
      return { tangent: boxPushForward(problem, solution, tangents), report: reportSince(begin, problem) };
    },
  };
}

function reportSince(begin: number, { n, p }: BoxProjection) {
  const peakBytes = 8 * (5 * n + p * p);
  return { iterations: 0, milliseconds: performance.now() - begin, peakBytes, residual: 0, notes: [] };
}
