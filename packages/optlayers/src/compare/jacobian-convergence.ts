import { checkCount, checkPositive, checkRelaxation } from "../check-options.ts";
import { datumTangents } from "../differentiate/alternating/forward.ts";
import { implicit } from "../differentiate/implicit.ts";
import { solutionJacobian } from "../differentiate/solution-jacobian.ts";
import { type AdmmReplay, admmReplay } from "../differentiate/unrolled/admm-replay.ts";
import { OptionError } from "../errors.ts";
import type { DatumName, QuadraticProgram } from "../problem/quadratic-program.ts";
import { singleItem } from "../problem/select-items.ts";
import { admmGeometry } from "../solvers/admm/geometry.ts";
import { penaltyFactor } from "../solvers/admm/update.ts";
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
 * batch; the KKT Jacobian costs n implicit gradients, or d products with tangents where the datum has d < n entries.
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
  const exact = interiorPoint({ tolerance: 1e-10 }).solve(single);
  if (exact.status[0] !== "solved") throw new RangeError(`jacobianConvergence: the item is ${exact.status[0]}`);
  const J = solutionJacobian(implicit(), single, exact, datum).values;
  const advance = jointIteration(single, datum, rho, relaxation);
  return Array.from({ length: iterations }, (_, k) => {
    const { x, dX } = advance();
    return {
      iteration: k + 1,
      solutionError: distanceBetween(x, exact.x).relativeDifference,
      jacobianError: distanceBetween(transposed(dX, x.length), J).relativeDifference,
    };
  });
}

/** One iteration of ADMM and of its Jacobian (d x n) at each call, from t = 0 and dt = 0. */
function jointIteration(single: QuadraticProgram, datum: DatumName, rho: number, relaxation: number): () => AdmmReplay {
  const geometry = admmGeometry(single, 0);
  const factor = penaltyFactor(geometry, rho);
  if (!factor) throw new OptionError("rho", rho, "a penalty at which Q + rho (A'A + G'G) can be factored");
  const group = { first: 0, count: 1, geometry };
  const directions = single[datum].values.length;
  const replay = admmReplay(single, group, factor, relaxation, new Float64Array(geometry.r), directions);
  const { x, duals } = replay;
  const point = { x, nu: duals.subarray(0, single.p), lambda: duals.subarray(single.p) };
  return () => {
    replay.advance();
    replay.advanceTangents(datumTangents(single, datum, point, geometry.scale));
    return replay;
  };
}

/** The columns of a matrix of n columns, one after another. */
function transposed(rows: Float64Array, n: number): Float64Array {
  const d = rows.length / n;
  return rows.map((_, k) => rows[(k % d) * n + Math.floor(k / d)]);
}
