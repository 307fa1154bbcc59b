import { sizeOf } from "@solvegrad/linalg";
import { type DependentSlot, removeVanishingFrom } from "../../kkt/dependent-slots.ts";
import type { DatumName, QuadraticProgram } from "../../problem/quadratic-program.ts";
import { type PrimalUpdate, primalUpdate } from "../../solvers/admm/update.ts";
import type { Solution } from "../../solvers/solver.ts";
import type { AdjointPoint } from "../pullback.ts";
import type { Cotangent, SolutionPart } from "../rule.ts";
import { largestRatio, type RecursionRun, type RecursionSettings, sourcesOf, writeAdjoint } from "./adjoint.ts";
import type { FrozenPoint } from "./point.ts";

/** The point at which an item is differentiated, in the units of the data. */
export interface ItemPoint {
  readonly x: Float64Array;
  readonly nu: Float64Array;
  readonly lambda: Float64Array;
}

function itemPoint({ n, p, m }: QuadraticProgram, solution: Solution, item: number): ItemPoint {
  return {
    x: solution.x.subarray(item * n, (item + 1) * n),
    nu: solution.nu.subarray(item * p, (item + 1) * p),
    lambda: solution.lambda.subarray(item * m, (item + 1) * m),
  };
}

/** How data enter the recursion, one row a tangent. */
export interface DatumTangents {
  /** f = dQ x + dq + dA'nu + dG'lambda (d x n). */
  readonly force: Float64Array;
  /** R = E ([dA; dG] x - [db; dh]), the change of the scaled constraints' values (d x r). */
  readonly shift: Float64Array;
}

/**
 * The tangents of every entry of a datum. An entry of Q moves together with its mirror image, each by half: the
 * Jacobian of Q is symmetric in the two indices.
 */
export function datumTangents(
  problem: QuadraticProgram,
  datum: DatumName,
  { x, nu, lambda }: ItemPoint,
  scale: Float64Array,
): DatumTangents {
  const { n, p, m } = problem;
  const r = p + m;
  const size = sizeOf(problem[datum].shape);
  const force = new Float64Array(size * n);
  const shift = new Float64Array(size * r);
  for (let entry = 0; entry < size; entry++) {
    const i = Math.floor(entry / n);
    const j = entry % n;
    if (datum === "q") force[entry * n + entry] = 1;
    else if (datum === "b") shift[entry * r + entry] = -scale[entry];
    else if (datum === "h") shift[entry * r + p + entry] = -scale[p + entry];
    else if (datum === "Q") {
      force[entry * n + i] += x[j] / 2;
      force[entry * n + j] += x[i] / 2;
    } else {
      const row = datum === "A" ? i : p + i;
      force[entry * n + j] = datum === "A" ? nu[i] : lambda[i];
      shift[entry * r + row] = scale[row] * x[j];
    }
  }
  return { force, shift };
}

/** The pattern at which tangents are swept, of one item or of as many as there are rows (then row by row), and the averaging. */
export interface SweepPattern {
  readonly active: Uint8Array;
  readonly rho: number;
  readonly relaxation: number;
}

/**
 * One sweep of the paper's recursion (7) for many tangents at once, in the form of the state t = (nu, w):
 *
 *     dx+  = -H^-1 (f + K'(sigma . dt + rho R))      (sigma = 2d - 1, d = 1 on the equalities)
 *     dt+  = d . dt + rho (K dx+ + R),   averaged with dt by the relaxation
 *
 * The rows are split evenly among `changes`, each of which gets the length of the change of its rows of dt before relaxation.
 */
export function tangentSweep(
  update: PrimalUpdate,
  { active, rho, relaxation }: SweepPattern,
  shift: Float64Array,
  { dt, Z, KdX }: TangentArrays,
  changes: Float64Array,
): void {
  const period = active.length;
  for (let k = 0, j = 0; k < dt.length; k++, j++) {
    if (j === period) j = 0;
    Z[k] = (active[j] ? dt[k] : -dt[k]) + rho * shift[k];
  }
  update.step(Z, KdX);
  const share = dt.length / changes.length;
  for (let i = 0, k = 0, j = 0; i < changes.length; i++) {
    let sum = 0;
    for (const end = (i + 1) * share; k < end; k++, j++) {
      if (j === period) j = 0;
      const step = rho * (KdX[k] + shift[k]) - (active[j] ? 0 : dt[k]);
      dt[k] += relaxation * step;
      sum += step * step;
    }
    changes[i] = Math.sqrt(sum);
  }
}

export interface TangentArrays {
  readonly dt: Float64Array;
  readonly Z: Float64Array;
  readonly KdX: Float64Array;
}

export function tangentArrays(length: number): TangentArrays {
  return { dt: new Float64Array(length), Z: new Float64Array(length), KdX: new Float64Array(length) };
}

/** Tangents of x (d x n) and of the scaled state (d x r), one row each. */
export interface StateTangents {
  readonly dX: Float64Array;
  readonly dt: Float64Array;
  readonly run: RecursionRun;
}

/**
 * The recursion (7) from dt = 0, run until dt changes no more than `truncate` of its first change, in each of the given number of
 * parts of the rows.
 */
function settledTangents(
  { group: { geometry }, factor }: FrozenPoint,
  active: Uint8Array,
  { force, shift }: DatumTangents,
  settings: RecursionSettings,
  parts: number,
): StateTangents {
  const update = primalUpdate(geometry, factor, force);
  const pattern = { active, rho: factor.rho, relaxation: settings.relaxation };
  const arrays = tangentArrays(shift.length);
  const changes = new Float64Array(parts);
  let first = changes;
  let iterations = 0;
  let residual = 0;
  do {
    iterations++;
    tangentSweep(update, pattern, shift, arrays, changes);
    if (iterations === 1) first = changes.slice();
    residual = largestRatio(changes, first);
  } while (residual > settings.truncate && iterations < settings.maxIterations);
  const dX = new Float64Array(force.length);
  update.recover(arrays.Z, dX);
  return { dX, dt: arrays.dt, run: { iterations, residual, bytes: 8 * (5 * force.length + 7 * shift.length) } };
}

/** The Jacobian of one item with respect to one datum of d entries, in the units of the data: d x n, d x p and d x m. */
export interface ItemJacobian extends Record<SolutionPart, Float64Array> {
  readonly run: RecursionRun;
}

/** The Jacobian of item `i` of the group at its frozen pattern. */
export function forwardRecursion(
  problem: QuadraticProgram,
  solution: Solution,
  point: FrozenPoint,
  i: number,
  datum: DatumName,
  settings: RecursionSettings,
  dependent?: DependentSlot,
): ItemJacobian {
  const { first, geometry } = point.group;
  const { r, scale } = geometry;
  const tangents = datumTangents(problem, datum, itemPoint(problem, solution, first + i), scale);
  const active = point.active.subarray(i * r, (i + 1) * r);
  const perUnit = scale.map((e) => 1 / e);
  if (dependent) eachRow(tangents.shift, r, (row) => removeVanishingFrom(row, dependent, perUnit));
  const { dX, dt, run } = settledTangents(point, active, tangents, settings, 1);
  const d = dt.length / r;
  const [nu, lambda] = [new Float64Array(d * problem.p), new Float64Array(d * problem.m)];
  eachRow(dt, r, (row, e) => {
    if (dependent) removeVanishingFrom(row, dependent, scale);
    for (let j = 0; j < r; j++) row[j] = active[j] ? scale[j] * row[j] : 0;
    nu.set(row.subarray(0, problem.p), e * problem.p);
    lambda.set(row.subarray(problem.p), e * problem.m);
  });
  return { x: dX, nu, lambda, run };
}

function eachRow(values: Float64Array, width: number, visit: (row: Float64Array, k: number) => void): void {
  for (let k = 0; k * width < values.length; k++) visit(values.subarray(k * width, (k + 1) * width), k);
}

/**
 * The solution (u, y, w) of the KKT systems of a group for one right-hand side (c, g), by the recursion (7): force -c and shift
 * -E g. With the tangents of the data in it (`pushForwardBy`) this is Alt-Diff's forward mode for one direction.
 */
export function tangentRecursion(
  problem: QuadraticProgram,
  point: FrozenPoint,
  rhs: Cotangent,
  settings: RecursionSettings,
  adjoint: AdjointPoint,
): RecursionRun {
  const { c, duals } = sourcesOf(problem, point, rhs);
  const negative = (values: Float64Array) => values.map((value) => -value);
  const tangents = { force: negative(c), shift: negative(duals) };
  const { dX, dt, run } = settledTangents(point, point.active, tangents, settings, point.group.count);
  writeAdjoint(
    point,
    dX,
    dt.map((value, k) => (point.active[k] ? value : 0)),
    adjoint,
  );
  return run;
}
