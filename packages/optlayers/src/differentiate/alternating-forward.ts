import { sizeOf } from "@solvegrad/linalg";
import type { DatumName, QuadraticProgram } from "../problem/quadratic-program.ts";
import { type PrimalUpdate, primalUpdate } from "../solvers/admm-update.ts";
import type { Solution } from "../solvers/solver.ts";
import type { RecursionRun, RecursionSettings } from "./alternating-adjoint.ts";
import type { FrozenPoint } from "./alternating-point.ts";

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

/** How a datum enters the recursion, one row an entry of the datum. */
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

/**
 * One sweep of the paper's recursion (7) for many tangents at once, in the form of the state t = (nu, w):
 *
 *     dx+  = -H^-1 (f + K'(sigma . dt + rho R))      (sigma = 2d - 1, d = 1 on the equalities)
 *     dt+  = d . dt + rho (K dx+ + R),   averaged with dt by the relaxation
 *
 * Returns the length of the change of dt before relaxation.
 */
export function tangentSweep(
  update: PrimalUpdate,
  row: { readonly active: Uint8Array; readonly rho: number; readonly relaxation: number },
  shift: Float64Array,
  arrays: TangentArrays,
): number {
  const { active, rho, relaxation } = row;
  const { dt, Z, KdX } = arrays;
  const r = active.length;
  for (let k = 0; k < dt.length; k++) {
    const j = k % r;
    Z[k] = (active[j] ? dt[k] : -dt[k]) + rho * shift[k];
  }
  update.step(Z, KdX);
  let sum = 0;
  for (let k = 0; k < dt.length; k++) {
    const step = rho * (KdX[k] + shift[k]) - (active[k % r] ? 0 : dt[k]);
    dt[k] += relaxation * step;
    sum += step * step;
  }
  return Math.sqrt(sum);
}

export interface TangentArrays {
  readonly dt: Float64Array;
  readonly Z: Float64Array;
  readonly KdX: Float64Array;
}

export function tangentArrays(length: number): TangentArrays {
  return { dt: new Float64Array(length), Z: new Float64Array(length), KdX: new Float64Array(length) };
}

/** The Jacobian of one item with respect to one datum of d entries: of x (d x n), and of the scaled state (d x r). */
export interface ItemJacobian {
  readonly dX: Float64Array;
  readonly dt: Float64Array;
  readonly run: RecursionRun;
}

/** The recursion (7) at the frozen pattern of item `i` of the group, run until dt changes no more than `truncate` of its first change. */
export function forwardRecursion(
  problem: QuadraticProgram,
  solution: Solution,
  point: FrozenPoint,
  i: number,
  datum: DatumName,
  settings: RecursionSettings,
): ItemJacobian {
  const { group, factor } = point;
  const { geometry } = group;
  const { r } = geometry;
  const { force, shift } = datumTangents(problem, datum, itemPoint(problem, solution, group.first + i), geometry.scale);
  const update = primalUpdate(geometry, factor, force);
  const row = {
    active: point.active.subarray(i * r, (i + 1) * r),
    rho: factor.rho,
    relaxation: settings.relaxation,
  };
  const arrays = tangentArrays(shift.length);
  let iterations = 0;
  let residual = 0;
  let first = 0;
  do {
    iterations++;
    const change = tangentSweep(update, row, shift, arrays);
    if (iterations === 1) first = change;
    residual = first > 0 ? change / first : 0;
  } while (residual > settings.truncate && iterations < settings.maxIterations);
  const dX = new Float64Array(force.length);
  update.recover(arrays.Z, arrays.KdX, dX);
  return { dX, dt: arrays.dt, run: { iterations, residual, bytes: 8 * (5 * force.length + 7 * shift.length) } };
}
