import { checkCount, checkPositive, checkRelaxation } from "../check-options.ts";
import { datumTangents, tangentArrays, tangentSweep } from "../differentiate/alternating-forward.ts";
import { implicit } from "../differentiate/implicit.ts";
import { OptionError } from "../errors.ts";
import type { DatumName, QuadraticProgram } from "../problem/quadratic-program.ts";
import { singleItem } from "../problem/select-items.ts";
import { admmGeometry } from "../solvers/admm-geometry.ts";
import { boundsOf } from "../solvers/admm-groups.ts";
import { penaltyFactor, primalUpdate } from "../solvers/admm-update.ts";
import { interiorPoint } from "../solvers/interior-point.ts";
import { distanceBetween } from "./distance.ts";

export interface ConvergenceOptions {
  /** Default 50. */
  readonly iterations?: number;
  /** Penalty of the scaled problem. Default 1. */
  readonly rho?: number;
  /** Over-relaxation; 1 (default) is the iteration of the paper. */
  readonly relaxation?: number;
}

/** Where one iteration stood. */
export interface ConvergencePoint {
  readonly iteration: number;
  /** |x_k - x*| / |x*|. */
  readonly solutionError: number;
  /** |dx_k - J*|_F / |J*|_F. */
  readonly jacobianError: number;
}

/**
 * Figure 1 of Alt-Diff: ADMM from zero with its Jacobian for one datum carried along, as the paper's Algorithm 1 runs
 * them, and after every iteration the distance to the exact solution and to the Jacobian of the KKT conditions. Takes the first item of a
 * batch; the KKT Jacobian costs n implicit gradients.
 *
 * Throws a RangeError where the item has no solution, an `OptionError` for an option outside its range.
 */
export function jacobianConvergence(
  problem: QuadraticProgram,
  datum: DatumName,
  { iterations = 50, rho = 1, relaxation = 1 }: ConvergenceOptions = {},
): ConvergencePoint[] {
  checkCount("iterations", iterations);
  checkPositive("rho", rho);
  checkRelaxation(relaxation);
  const single = singleItem(problem, 0);
  const exact = kktJacobian(single, datum);
  const advance = jointIteration(single, datum, rho, relaxation);
  return Array.from({ length: iterations }, (_, k) => {
    const { x, J } = advance();
    return {
      iteration: k + 1,
      solutionError: distanceBetween(x, exact.x).relativeDifference,
      jacobianError: distanceBetween(J, exact.J).relativeDifference,
    };
  });
}

/** x, and its Jacobian for one datum with one row an entry of the datum (d x n). */
interface PointWithJacobian {
  readonly x: Float64Array;
  readonly J: Float64Array;
}

/** One iteration of ADMM and of its Jacobian at each call, from t = 0 and dt = 0. The arrays are used again. */
function jointIteration(
  single: QuadraticProgram,
  datum: DatumName,
  rho: number,
  relaxation: number,
): () => PointWithJacobian {
  const { n, p } = single;
  const geometry = admmGeometry(single, 0);
  const factor = penaltyFactor(geometry, rho);
  if (!factor) throw new OptionError("rho", rho, "a penalty at which Q + rho (A'A + G'G) can be factored");
  const { r, scale } = geometry;
  const k = boundsOf(single, { first: 0, count: 1, geometry });
  const update = primalUpdate(geometry, factor, single.q.values);
  const [t, Z, Kx] = [new Float64Array(r), new Float64Array(r), new Float64Array(r)];
  const x = new Float64Array(n);
  const d = single[datum].values.length;
  const arrays = tangentArrays(d * r);
  const J = new Float64Array(d * n);
  return () => {
    const active = Uint8Array.from(t, (value, j) => (j < p || value > 0 ? 1 : 0));
    for (let j = 0; j < r; j++) Z[j] = (j < p ? t[j] : Math.abs(t[j])) - rho * k[j];
    update.step(Z, Kx);
    update.recover(Z, Kx, x);
    // the duals that the x-update belongs to: Qx + q + A'nu + G'lambda = 0
    const duals = Z.map((z, j) => scale[j] * (z + rho * Kx[j]));
    const point = { x, nu: duals.subarray(0, p), lambda: duals.subarray(p) };
    const { force, shift } = datumTangents(single, datum, point, scale);
    const tangents = primalUpdate(geometry, factor, force, J);
    tangentSweep(tangents, { active, rho, relaxation }, shift, arrays, new Float64Array(1));
    tangents.recover(arrays.Z, arrays.KdX, J);
    for (let j = 0; j < r; j++) {
      const base = active[j] ? t[j] : (1 - relaxation) * t[j];
      t[j] = base + relaxation * rho * (Kx[j] - k[j]);
    }
    return { x, J };
  };
}

/** The exact solution, and its Jacobian from the KKT conditions. */
function kktJacobian(problem: QuadraticProgram, datum: DatumName): PointWithJacobian {
  const solution = interiorPoint({ tolerance: 1e-10 }).solve(problem);
  if (solution.status[0] !== "solved") throw new RangeError(`jacobianConvergence: the item is ${solution.status[0]}`);
  const { n } = problem;
  const rule = implicit();
  const d = problem[datum].values.length;
  const J = new Float64Array(d * n);
  for (let j = 0; j < n; j++) {
    const x = new Float64Array(n);
    x[j] = 1;
    const row = rule.vjp(problem, solution, { x }, { wanted: [datum] }).gradients[datum] ?? new Float64Array(d);
    for (let e = 0; e < d; e++) J[e * n + j] = row[e];
  }
  return { x: solution.x, J };
}
