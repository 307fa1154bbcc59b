import type { QuadraticProgram } from "../../problem/quadratic-program.ts";
import { primalUpdate } from "../../solvers/admm/update.ts";
import type { AdjointPoint } from "../pullback.ts";
import type { Cotangent } from "../rule.ts";
import type { FrozenPoint } from "./point.ts";

export interface RecursionSettings {
  readonly truncate: number;
  readonly maxIterations: number;
  readonly relaxation: number;
}

export interface RecursionRun {
  readonly iterations: number;
  /** Largest residual over the rows, relative to the first. */
  readonly residual: number;
  readonly bytes: number;
}

/** The cotangents of a group's rows: of x (count x n), and of the scaled duals (count x r), 0 where they do not count. */
interface Sources {
  readonly c: Float64Array;
  readonly duals: Float64Array;
}

/**
 * The transpose of the recursion (7) at the frozen pattern d, sigma = 2d - 1, for one cotangent c:
 *
 *     u     = H^-1 (c + rho K'v),   v = (nubar, wbar)
 *     nubar+ = nubar - A u,   wbar+ = d . wbar - sigma . (G u),   v+ averaged with v by the relaxation
 *
 * At its fixed point A u = 0, G_a u = 0 and, with y = -rho nubar, w = -rho wbar on the active rows, (u, y, w) solves the
 * adjoint KKT system. Averaging keeps the fixed point, so the limit knows nothing of the relaxation. A cotangent g of nu
 * or lambda becomes the right-hand side of A u or G_a u, and (y, w) = rho (g - v). One small product a step in the space
 * of the constraints.
 */
export function adjointRecursion(
  problem: QuadraticProgram,
  point: FrozenPoint,
  cotangent: Cotangent,
  settings: RecursionSettings,
  adjoint: AdjointPoint,
): RecursionRun {
  const { group, factor, active } = point;
  const { geometry, count } = group;
  const { n, r } = geometry;
  const { c, duals } = sourcesOf(problem, point, cotangent);
  const F = c.map((value) => -value);
  const update = primalUpdate(geometry, factor, F);
  const v = new Float64Array(count * r);
  const Z = new Float64Array(count * r);
  const Ku = new Float64Array(count * r);
  const change = new Float64Array(count);
  const first = new Float64Array(count);
  const { rho } = factor;
  let iterations = 0;
  let residual = 0;
  do {
    iterations++;
    for (let k = 0; k < v.length; k++) Z[k] = -rho * v[k];
    update.step(Z, Ku);
    for (let i = 0, k = 0; i < count; i++) {
      let sum = 0;
      for (let j = 0; j < r; j++, k++) {
        const step = active[k] ? duals[k] - Ku[k] : Ku[k] - v[k];
        v[k] += settings.relaxation * step;
        sum += step * step;
      }
      change[i] = Math.sqrt(sum);
      if (iterations === 1) first[i] = change[i];
    }
    residual = largestRatio(change, first);
  } while (residual > settings.truncate && iterations < settings.maxIterations);

  const u = new Float64Array(count * n);
  update.recover(Z, u);
  const y = v.map((value, k) => (active[k] ? rho * (duals[k] - value) : 0));
  writeAdjoint(point, u, y, adjoint);
  return { iterations, residual, bytes: 8 * (5 * count * n + 7 * count * r) };
}

/** The largest value relative to its reference; a row whose reference is 0 has nothing to do. */
export function largestRatio(values: Float64Array, references: Float64Array): number {
  let largest = 0;
  for (let i = 0; i < values.length; i++) {
    if (references[i] > 0) largest = Math.max(largest, values[i] / references[i]);
  }
  return largest;
}

export function sourcesOf({ n, p, m }: QuadraticProgram, point: FrozenPoint, cotangent: Cotangent): Sources {
  const { group, active, usable } = point;
  const { first, count, geometry } = group;
  const { r, scale } = geometry;
  const c = cotangent.x.slice(first * n, (first + count) * n);
  const duals = new Float64Array(count * r);
  for (let i = 0; i < count; i++) {
    if (!usable[i]) {
      c.fill(0, i * n, (i + 1) * n);
      continue;
    }
    for (let j = 0; j < r; j++) {
      const k = i * r + j;
      const value = j < p ? cotangent.nu?.[(first + i) * p + j] : cotangent.lambda?.[(first + i) * m + j - p];
      if (value !== undefined && active[k]) duals[k] = scale[j] * value;
    }
  }
  return { c, duals };
}

/** Into the rows of the batch, in the units of the data: (y, w) = E y~. */
export function writeAdjoint({ group }: FrozenPoint, u: Float64Array, y: Float64Array, adjoint: AdjointPoint): void {
  const { first, count, geometry } = group;
  const { n, p, r, scale } = geometry;
  adjoint.u.set(u, first * n);
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < p; j++) adjoint.y[(first + i) * p + j] = scale[j] * y[i * r + j];
    for (let j = p; j < r; j++) adjoint.w[(first + i) * (r - p) + j - p] = scale[j] * y[i * r + j];
  }
}
