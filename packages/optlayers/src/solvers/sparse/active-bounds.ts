import { addProduct } from "@solvegrad/linalg";
import { maxAbs } from "../../arrays.ts";
import type { SparsePoint, SparseQuadraticProgram } from "../../problem/sparse-quadratic-program.ts";
import { AT_HIGH, AT_LOW, HELD, INACTIVE } from "./active-set.ts";

/** Slack and multiplier that both lie below this share of the problem's sizes count as zero. */
const negligible = 1e-8;

export interface ActiveBounds {
  /** What holds each bounded quantity: the bounds of x, then the rows of A (always held), then those of G. */
  readonly active: Uint8Array;
  /** How many constraints bind with a multiplier of zero, as far as can be told: they count as inactive. */
  readonly weaklyActive: number;
  /** Which they are, by their place in `active`. */
  readonly weak: readonly number[];
}

/**
 * Which constraints hold the solution: those whose multiplier outweighs their slack, both in the units of the problem (the slack over
 * the size of the bound, the multiplier over the largest one).
 */
export function activeBounds(problem: SparseQuadraticProgram, point: SparsePoint): ActiveBounds {
  const { n, p, m } = problem;
  const active = new Uint8Array(n + p + m).fill(HELD, n, n + p);
  const Gx = new Float64Array(m);
  addProduct(1, problem.G, point.x, Gx);
  const sides = [
    { first: 0, t: point.x, y: point.zeta, low: problem.lower, high: problem.upper },
    { first: n + p, t: Gx, y: point.lambda, low: problem.l, high: problem.u },
  ];
  const weak: number[] = [];
  const length = sizeAtMostOne(...sides.map(({ t }) => maxAbs(t)), maxAbs(problem.b));
  const price = sizeAtMostOne(maxAbs(problem.q), maxAbs(point.nu), maxAbs(point.lambda), maxAbs(point.zeta));
  for (const { first, t, y, low, high } of sides) {
    const force = price + maxAbs(y);
    for (let k = 0; k < t.length; k++) {
      const bound = y[k] > 0 ? high[k] : low[k];
      const slack = Math.abs(t[k] - bound) / (length + Math.abs(bound));
      const multiplier = Math.abs(y[k]) / force;
      if (low[k] === high[k]) active[first + k] = HELD;
      else if (multiplier > Math.max(slack, negligible)) active[first + k] = y[k] > 0 ? AT_HIGH : AT_LOW;
      else active[first + k] = INACTIVE;
      if (active[first + k] === INACTIVE && nearest(t[k], low[k], high[k], length) < negligible) weak.push(first + k);
    }
  }
  return { active, weaklyActive: weak.length, weak };
}

/** The largest of these sizes where that is below 1, and 1 where all are zero. */
function sizeAtMostOne(...sizes: number[]): number {
  return Math.min(1, Math.max(...sizes) || 1);
}

/** Distance to the nearer finite bound, over its size, which is at least `unit`. */
function nearest(t: number, low: number, high: number, unit: number): number {
  const distance = (bound: number) =>
    Number.isFinite(bound) ? Math.abs(t - bound) / (unit + Math.abs(bound)) : Infinity;
  return Math.min(distance(low), distance(high));
}
