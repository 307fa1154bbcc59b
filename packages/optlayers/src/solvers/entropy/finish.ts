import { activeSet } from "../../kkt/active-set.ts";
import { type EntropyProgram, entropyNames } from "../../problem/entropy-program.ts";
import { itemOf } from "../../problem/quadratic-program.ts";
import type { PrimalDualPoint } from "../residuals.ts";
import { isUsable, type Solution } from "../solver.ts";
import { type EntropyPoint, entropyItem, finishOnRows } from "./item.ts";
import { assessEntropy } from "./residuals.ts";

/** A point in the units of the data; s too. */
export type DataPoint = PrimalDualPoint & { readonly s: Float64Array };

/** A point that solves an item, and the Newton steps that it took. */
export interface FinishedItem {
  readonly point: DataPoint;
  readonly steps: number;
}

/** The problem of one item, without batch dimensions. */
export function oneItem(problem: EntropyProgram, i: number): EntropyProgram {
  const data = entropyNames.map((name) => [
    name,
    { ...problem[name], values: itemOf(problem[name], i), batched: false },
  ]);
  return { ...problem, ...Object.fromEntries(data), batch: 1, batched: false };
}

/** Item i of an earlier solution, of any solver; null where the shapes differ or it has no usable one. */
export function itemOfSolution(
  { n, p, m, batch }: EntropyProgram,
  all: Solution | undefined,
  i: number,
): DataPoint | null {
  if (!all || all.x.length !== batch * n || all.nu.length !== batch * p || all.lambda.length !== batch * m) return null;
  const rows = (values: Float64Array, width: number) => values.subarray(i * width, (i + 1) * width);
  const point = { x: rows(all.x, n), nu: rows(all.nu, p), lambda: rows(all.lambda, m), s: rows(all.s, m) };
  const isKnown = isUsable(all.status[i]) && point.x.every((value) => value >= 0);
  return isKnown && [point.nu, point.lambda].every((values) => values.every(Number.isFinite)) ? point : null;
}

/** The steps of Newton's method at the end: its convergence is quadratic. */
const finishingSteps = 10;

/**
 * The solution near a point: the point itself where it satisfies the KKT conditions, else what Newton's method on its active
 * rows leads to; null where that does not.
 */
export function solutionNear(single: EntropyProgram, start: DataPoint, tolerance: number): FinishedItem | null {
  let point = start;
  for (let steps = 0; steps <= finishingSteps; steps++) {
    const residual = relativeResidual(single, point);
    if (residual <= tolerance) return { point, steps };
    if (!Number.isFinite(residual)) return null;
    point = finish(single, point, 1);
  }
  return null;
}

/** Newton's method with the equalities and the inequalities that are active at this point. */
export function finish(single: EntropyProgram, rough: DataPoint, mostSteps = finishingSteps): DataPoint {
  const { p, m } = single;
  const item = entropyItem(single, 0);
  const { D } = activeSet({ ...single, q: single.y }, rough, Int32Array.of(0), 0);
  const rows = Array.from({ length: p + m }, (_, row) => row).filter((row) => row < p || D[row - p] === 0);
  const finished = inDataUnits(single, finishOnRows(item, rows, scaledPoint(single, rough), mostSteps));
  const { slack } = assessEntropy(single, finished);
  for (let i = 0; i < m; i++) finished.s[i] = D[i] === 0 ? 0 : Math.max(slack[i], 0);
  return finished;
}

/** A point for rows scaled to a largest entry of 1. */
export function scaledPoint(single: EntropyProgram, { x, nu, lambda, s }: DataPoint): EntropyPoint {
  const { p } = single;
  const { scale } = entropyItem(single, 0);
  const z = scale.map((own, row) => (row < p ? nu[row] : lambda[row - p]) / own);
  return { x, z, s: s.map((value, i) => value * scale[p + i]) };
}

export function inDataUnits(single: EntropyProgram, { x, z, s }: EntropyPoint): DataPoint {
  const { p } = single;
  const { scale } = entropyItem(single, 0);
  const dual = z.map((value, row) => value * scale[row]);
  return { x, nu: dual.subarray(0, p), lambda: dual.subarray(p), s: s.map((value, i) => value / scale[p + i]) };
}

export function relativeResidual(single: EntropyProgram, point: PrimalDualPoint): number {
  return assessEntropy(single, point).relative[0];
}
