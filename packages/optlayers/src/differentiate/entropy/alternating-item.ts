import { activeSet } from "../../kkt/active-set.ts";
import { haveIndependentRows } from "../../kkt/dependent-rows.ts";
import { type DependentSlot, dependentSlotFinder, removeVanishingFrom } from "../../kkt/dependent-slots.ts";
import { ScaledGram } from "../../kkt/scaled-gram.ts";
import type { EntropyName, EntropyProgram } from "../../problem/entropy-program.ts";
import { EntropicAdmmState } from "../../solvers/entropic-admm.ts";
import { entropyItem } from "../../solvers/entropy/item.ts";
import type { Solution } from "../../solvers/solver.ts";
import { dualRows } from "../entropic-implicit.ts";
import type { Cotangent } from "../rule.ts";

/** One item at the fixed point of ADMM, its pattern frozen: what its recursions work with. Rows are scaled. */
export interface FrozenItem {
  readonly item: number;
  readonly x: Float64Array;
  readonly scale: Float64Array;
  /** 1 for the rows that hold the solution: every equality, and the active inequalities. */
  readonly active: Uint8Array;
  /** Where the active rows are dependent, how. */
  readonly dependent: DependentSlot | undefined;
  readonly rho: number;
  /** K diag(x) K' + I / rho, factored: the Hessian that the last update of x left behind. */
  readonly gram: ScaledGram;
}

export interface EntropicRecursionSettings {
  readonly truncate: number;
  readonly maxIterations: number;
  readonly relaxation: number;
}

export interface EntropicRecursionRun {
  readonly iterations: number;
  readonly residual: number;
}

const weakTolerance = 1e-8;

/** The usable items; a penalty that balances the rows for those that ADMM did not solve. */
export function frozenItems(problem: EntropyProgram, solution: Solution, usable: Int32Array): FrozenItem[] {
  const { n, p, m } = problem;
  const { D } = activeSet({ ...problem, q: problem.y }, solution, usable, weakTolerance);
  const state =
    solution.state instanceof EntropicAdmmState && solution.state.problem === problem ? solution.state : null;
  const dependentRowsOf = dependenceOfItems(problem);
  return Array.from(usable, (item, slot) => {
    const [dependent] = dependentRowsOf(item, D.subarray(slot * m, (slot + 1) * m));
    const { K, scale } = entropyItem(problem, item);
    const x = solution.x.subarray(item * n, (item + 1) * n);
    const gram = new ScaledGram(K, n);
    const active = Uint8Array.from({ length: p + m }, (_, row) => (row < p || D[slot * m + row - p] === 0 ? 1 : 0));
    const rho = state?.rho[item] ?? balancedPenalty(K, x, active);
    if (!gram.factor(x, new Float64Array(p + m).fill(1 / rho))) {
      throw new RangeError(`alternating: the Hessian of item ${item} cannot be factored at rho = ${rho}`);
    }
    return { item, x, scale, active, dependent, rho, gram };
  });
}

/** The dependence of an item's active rows; where all rows of shared constraints are independent, none has any. */
function dependenceOfItems(problem: EntropyProgram): (item: number, d: Float64Array) => DependentSlot[] {
  const areShared = !problem.A.batched && !problem.G.batched;
  if (areShared && haveIndependentRows(problem, 0)) return () => [];
  const find = dependentSlotFinder(problem);
  return (item, d) => find(item, item, d);
}

/** One over the mean diagonal entry of K diag(x) K' at the active rows, within bounds that x near 0 would leave. */
function balancedPenalty(K: Float64Array, x: Float64Array, active: Uint8Array): number {
  let sum = 0;
  let rows = 0;
  for (let i = 0, k = 0; i < active.length; i++) {
    rows += active[i];
    for (let j = 0; j < x.length; j++, k++) if (active[i]) sum += K[k] * K[k] * x[j];
  }
  return sum > 0 ? Math.min(Math.max(rows / sum, 1e-12), 1e12) : 1;
}

/**
 * The transpose of the recursion for one cotangent c of x and g of the active multipliers; with S = K diag(x) K' and
 * M = S + I / rho, K H^-1 K' = (I - M^-1 / rho) / rho for H = diag(1/x) + rho K'K, so that it runs in the p + m numbers v:
 *
 *     K u = v + M^-1 (K X c - v) / rho,   v+ = v + g - K u on active rows,   v+ = K u on the others
 *
 * averaged with v by the relaxation. At the fixed point u = H^-1 (c + rho K'v), and rho (g - v) on the active rows, solve
 * the adjoint KKT system. Returns both, the multipliers in the units of the data.
 */
export function adjointOfItem(
  problem: EntropyProgram,
  frozen: FrozenItem,
  cotangent: Cotangent,
  settings: EntropicRecursionSettings,
): { u: Float64Array; multipliers: Float64Array; run: EntropicRecursionRun } {
  const { x, active, rho, gram } = frozen;
  const r = active.length;
  const c = cotangent.x.subarray(frozen.item * problem.n, (frozen.item + 1) * problem.n);
  const g = scaledDuals(problem, frozen, cotangent);
  const KXc = new Float64Array(r);
  gram.multiply(
    1,
    c.map((value, j) => x[j] * value),
    0,
    KXc,
  );
  const v = new Float64Array(r);
  const run = iterate(settings, () => {
    const image = gram.solve(
      KXc.map((value, i) => value - v[i]),
      0,
    );
    let change = 0;
    for (let i = 0; i < r; i++) {
      const Ku = v[i] + image[i] / rho;
      const step = active[i] ? g[i] - Ku : Ku - v[i];
      v[i] += settings.relaxation * step;
      change = Math.max(change, Math.abs(step));
    }
    return change;
  });
  const force = new Float64Array(problem.n);
  gram.multiplyTransposed(rho, v, 0, force);
  for (let j = 0; j < force.length; j++) force[j] += c[j];
  const u = inverseHessian(frozen, force);
  return {
    u,
    multipliers: inDataUnits(
      frozen,
      v.map((value, i) => (active[i] ? rho * (g[i] - value) : 0)),
    ),
    run,
  };
}

/** H^-1 f by Woodbury's formula, X f - X K' M^-1 K X f. */
export function inverseHessian({ x, gram }: Pick<FrozenItem, "x" | "gram">, f: Float64Array): Float64Array {
  const KXf = new Float64Array(gram.r);
  gram.multiply(
    1,
    f.map((value, j) => x[j] * value),
    0,
    KXf,
  );
  const result = f.slice();
  gram.multiplyTransposed(-1, gram.solve(KXf), 1, result);
  for (let j = 0; j < x.length; j++) result[j] *= x[j];
  return result;
}

/** Of nu and lambda where the rows are active, scaled; 0 elsewhere. Without what dependent rows cannot attain. */
export function scaledDuals(problem: EntropyProgram, { item, active, dependent, scale }: FrozenItem, rhs: Cotangent) {
  const duals = dualRows(problem, rhs, item);
  if (dependent) removeVanishingFrom(duals, dependent);
  return duals.map((value, row) => (active[row] ? scale[row] * value : 0));
}

/** (nu, lambda) = E (scaled ones), of least norm. */
function inDataUnits({ scale, dependent }: FrozenItem, scaled: Float64Array): Float64Array {
  const multipliers = scaled.map((value, row) => scale[row] * value);
  if (dependent) removeVanishingFrom(multipliers, dependent);
  return multipliers;
}

/** Repeats a step until its change, relative to the first, meets the truncation. */
function iterate({ truncate, maxIterations }: EntropicRecursionSettings, step: () => number): EntropicRecursionRun {
  let first = 0;
  for (let iterations = 1; ; iterations++) {
    const change = step();
    if (iterations === 1) first = change;
    const residual = first > 0 ? change / first : 0;
    if (!(residual > truncate) || iterations >= maxIterations) return { iterations, residual };
  }
}

/**
 * Forward mode, the recursion (7) of Alt-Diff at the frozen pattern, for one direction of one datum: F is the tangent of
 * stationarity at fixed x and multipliers, shift that of Kx - k at fixed x. With q = (dnu, sign(w) dw) + rho shift,
 *
 *     rho (K dx+ + shift) = M^-1 (q / rho - K X F) - (dnu, sign(w) dw),
 *     dnu+ = dnu + rho (A dx+ + shift),   dw+ = 1[w > 0] dw + rho (G dx+ + shift).
 *
 * Returns dx = -H^-1 (F + K'q) and the tangents of (nu, lambda), in the units of the data.
 */
export function tangentOfItem(
  frozen: FrozenItem,
  F: Float64Array,
  shift: Float64Array,
  settings: EntropicRecursionSettings,
): { dx: Float64Array; duals: Float64Array; run: EntropicRecursionRun } {
  const { x, active, rho, gram } = frozen;
  const r = active.length;
  const KXF = new Float64Array(r);
  gram.multiply(
    1,
    F.map((value, j) => x[j] * value),
    0,
    KXF,
  );
  const dt = new Float64Array(r);
  const q = () => dt.map((value, i) => (active[i] ? value : -value) + rho * shift[i]);
  const run = iterate(settings, () => {
    const image = gram.solve(
      q().map((value, i) => value / rho - KXF[i]),
      0,
    );
    let change = 0;
    for (let i = 0; i < r; i++) {
      const step = active[i] ? image[i] - dt[i] : image[i];
      dt[i] += settings.relaxation * step;
      change = Math.max(change, Math.abs(step));
    }
    return change;
  });
  const force = F.slice();
  gram.multiplyTransposed(1, q(), 1, force);
  const dx = inverseHessian(frozen, force).map((value) => -value);
  return {
    dx,
    duals: inDataUnits(
      frozen,
      dt.map((value, i) => (active[i] ? value : 0)),
    ),
    run,
  };
}

/** F and shift for entry e of a datum of this item, whose multipliers are nu and lambda. */
export function directionOf(
  { n, p, m }: EntropyProgram,
  solution: Solution,
  { item, x, scale, dependent }: FrozenItem,
  name: EntropyName,
  e: number,
): { F: Float64Array; shift: Float64Array } {
  const F = new Float64Array(n);
  const shift = new Float64Array(p + m);
  if (name === "y") F[e] = -1;
  else if (name === "b") shift[e] = -scale[e];
  else if (name === "h") shift[p + e] = -scale[p + e];
  else {
    const row = Math.floor(e / n) + (name === "A" ? 0 : p);
    const multiplier = row < p ? solution.nu[item * p + row] : solution.lambda[item * m + row - p];
    F[e % n] = multiplier;
    shift[row] = scale[row] * x[e % n];
  }
  if (dependent) {
    removeVanishingFrom(
      shift,
      dependent,
      scale.map((unit) => 1 / unit),
    );
  }
  return { F, shift };
}

/** Bytes that a frozen item holds. */
export function bytesOf({ gram, x }: FrozenItem): number {
  return gram.bytes + 8 * (gram.r * x.length + 3 * x.length + 6 * gram.r);
}
