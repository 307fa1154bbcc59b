import { activeSet } from "../../kkt/active-set.ts";
import { type KktMethod, kktVector } from "../../kkt/kkt-method.ts";
import { solveRefined } from "../../kkt/refine.ts";
import { allItems, applyDatum, applyTransposedDatum } from "../../problem/products.ts";
import type { QuadraticProgram } from "../../problem/quadratic-program.ts";
import { type ResidualUnits, residualUnits } from "../residual-units.ts";
import { assess } from "../residuals.ts";
import { fillRows } from "./start.ts";
import { copyPoint, type InteriorPoint } from "./state.ts";

/** How often the guess of the active rows is corrected: rows with a negative multiplier leave, violated rows enter. */
const attempts = 3;
/** The right-hand side is already a small residual: this much less of it is rounding. */
const refinement = { steps: 8, tolerance: 1e-9 };

export interface Polished {
  readonly point: InteriorPoint;
  /** The relative residuals of the point, recomputed. */
  readonly relative: Float64Array;
  /** The systems solved for each item. */
  readonly steps: Int32Array;
}

/**
 * Takes an approximate solution to rounding: guesses the active rows (by `activeSet`), and solves for the point where they
 * hold as equalities and the others have lambda = 0,
 *
 *     [Q  A'  Ga'] [dx      ]     [Qx + q + A'nu + Ga'lambda]
 *     [A  0   0  ] [dnu     ] = - [Ax - b                   ]
 *     [Ga 0   0  ] [dlambda ]     [Ga x - ha                ]
 *
 * An item keeps the new point only if its relative residual, recomputed, is no larger than before.
 */
export function polish(
  problem: QuadraticProgram,
  method: KktMethod,
  point: InteriorPoint,
  wanted: (item: number, relative: number) => boolean,
  units: ResidualUnits = residualUnits(problem),
): Polished {
  const best = copyPoint(point);
  const relative = assess(problem, best, units).relative;
  const steps = new Int32Array(problem.batch);
  const active = Uint8Array.from(activeSet(problem, point, allItems(problem.batch), 0).D, (d) => (d === 0 ? 1 : 0));
  let items = allItems(problem.batch).filter((item) => wanted(item, relative[item]));
  for (let attempt = 0; attempt < attempts && items.length > 0; attempt++) {
    const candidate = onActiveSet(problem, method, best, active, items);
    const improved = keepImproved(problem, candidate, best, relative, items, units);
    for (const item of items) steps[item]++;
    items = items.filter((item, k) => !improved[k] && correctGuess(problem, candidate, active, item));
  }
  return { point: best, relative, steps };
}

/** The point of each item (others: copies of `from`) where the active rows are equalities; lambda and s still unclipped. */
function onActiveSet(
  problem: QuadraticProgram,
  method: KktMethod,
  from: InteriorPoint,
  active: Uint8Array,
  items: Int32Array,
): InteriorPoint {
  const { n, p, m } = problem;
  const start = kktVector(problem, items.length);
  const D = new Float64Array(items.length * m);
  items.forEach((item, k) => {
    start.x.set(from.x.subarray(item * n, (item + 1) * n), k * n);
    start.nu.set(from.nu.subarray(item * p, (item + 1) * p), k * p);
    for (let i = 0; i < m; i++) {
      const isActive = active[item * m + i] === 1;
      D[k * m + i] = isActive ? 0 : Infinity;
      start.lambda[k * m + i] = isActive ? from.lambda[item * m + i] : 0;
    }
  });
  method.factor(items, D);
  const rhs = kktVector(problem, items.length);
  fillRows(problem.q, -1, rhs.x, items);
  fillRows(problem.b, 1, rhs.nu, items);
  fillRows(problem.h, 1, rhs.lambda, items);
  applyDatum(-1, problem.Q, start.x, 1, rhs.x, items);
  if (p > 0) applyTransposedDatum(-1, problem.A, start.nu, 1, rhs.x, items);
  if (m > 0) applyTransposedDatum(-1, problem.G, start.lambda, 1, rhs.x, items);
  applyDatum(-1, problem.A, start.x, 1, rhs.nu, items);
  applyDatum(-1, problem.G, start.x, 1, rhs.lambda, items);
  const inactiveSlack = rhs.lambda.slice();
  for (let i = 0; i < D.length; i++) if (D[i] === Infinity) rhs.lambda[i] = 0;
  const { z } = solveRefined(problem, method, items, D, rhs, refinement);

  const result = copyPoint(from);
  applyDatum(-1, problem.G, z.x, 1, inactiveSlack, items);
  items.forEach((item, k) => {
    for (let i = 0; i < n; i++) result.x[item * n + i] = start.x[k * n + i] + z.x[k * n + i];
    for (let i = 0; i < p; i++) result.nu[item * p + i] = start.nu[k * p + i] + z.nu[k * p + i];
    for (let i = 0, at = k * m; i < m; i++, at++) {
      result.lambda[item * m + i] = start.lambda[at] + z.lambda[at];
      result.s[item * m + i] = D[at] === 0 ? 0 : inactiveSlack[at];
    }
  });
  return result;
}

/** Copies the items whose clipped candidate is no worse into `best`; says by 1 which they are. */
function keepImproved(
  problem: QuadraticProgram,
  candidate: InteriorPoint,
  best: InteriorPoint,
  relative: Float64Array,
  items: Int32Array,
  units: ResidualUnits,
): Uint8Array {
  const { n, p, m } = problem;
  const clipped = { ...candidate, lambda: candidate.lambda.map((value) => Math.max(value, 0)) };
  const after = assess(problem, clipped, units).relative;
  return Uint8Array.from(items, (item) => {
    if (!(after[item] <= relative[item])) return 0;
    relative[item] = after[item];
    best.x.set(candidate.x.subarray(item * n, (item + 1) * n), item * n);
    best.nu.set(candidate.nu.subarray(item * p, (item + 1) * p), item * p);
    best.lambda.set(clipped.lambda.subarray(item * m, (item + 1) * m), item * m);
    for (let i = item * m; i < (item + 1) * m; i++) best.s[i] = Math.max(candidate.s[i], 0);
    return 1;
  });
}

/** Whether the active rows of an item changed: negative multipliers leave, violated rows enter. */
function correctGuess({ m }: QuadraticProgram, candidate: InteriorPoint, active: Uint8Array, item: number): boolean {
  let changed = false;
  for (let i = item * m; i < (item + 1) * m; i++) {
    const next = active[i] === 1 ? (candidate.lambda[i] >= 0 ? 1 : 0) : candidate.s[i] < 0 ? 1 : 0;
    changed ||= next !== active[i];
    active[i] = next;
  }
  return changed;
}
