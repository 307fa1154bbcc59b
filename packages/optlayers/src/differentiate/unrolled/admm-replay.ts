import type { QuadraticProgram } from "../../problem/quadratic-program.ts";
import type { PenaltyFactor } from "../../solvers/admm/geometry.ts";
import { type AdmmGroup, boundsOf, linearTermsOf } from "../../solvers/admm/groups.ts";
import { primalUpdate } from "../../solvers/admm/update.ts";
import { type DatumTangents, tangentArrays, tangentSweep } from "../alternating/forward.ts";

/** ADMM's iteration in plain loops, with tangents that follow it. The arrays are used again. */
export interface AdmmReplay {
  /** x (count x n) after the last iteration. */
  readonly x: Float64Array;
  /** The duals that this x belongs to, Qx + q + A'nu + G'lambda = 0, in the units of the data (count x r). */
  readonly duals: Float64Array;
  /** The state t = (nu, w), scaled (count x r). */
  readonly t: Float64Array;
  /** The tangents of x and of t, one row each. */
  readonly dX: Float64Array;
  readonly dt: Float64Array;
  /** (5): x+, and t+ averaged with t by the relaxation. */
  advance(): void;
  /** (7) of the last iteration, at the pattern of the state that it began with. */
  advanceTangents(tangents: DatumTangents): void;
}

/**
 * The iterations of one group from the state t on. The rows of tangents are the group's items, or any number of
 * directions of a group of one item.
 */
export function admmReplay(
  problem: QuadraticProgram,
  group: AdmmGroup,
  factor: PenaltyFactor,
  relaxation: number,
  t: Float64Array,
  directions = group.count,
): AdmmReplay {
  const { n, p, r, scale } = group.geometry;
  const { rho } = factor;
  const k = boundsOf(problem, group);
  const update = primalUpdate(group.geometry, factor, linearTermsOf(problem, group));
  const x = new Float64Array(group.count * n);
  const [Z, Kx, duals] = [new Float64Array(t.length), new Float64Array(t.length), new Float64Array(t.length)];
  const active = new Uint8Array(t.length);
  const dX = new Float64Array(directions * n);
  const arrays = tangentArrays(directions * r);
  const changes = new Float64Array(1);
  return {
    ...{ x, duals, t, dX, dt: arrays.dt },
    advance() {
      for (let i = 0; i < t.length; i++) {
        active[i] = i % r < p || t[i] > 0 ? 1 : 0;
        Z[i] = (active[i] ? t[i] : -t[i]) - rho * k[i];
      }
      update.step(Z, Kx);
      update.recover(Z, x);
      for (let i = 0; i < t.length; i++) {
        duals[i] = scale[i % r] * (Z[i] + rho * Kx[i]);
        t[i] = (active[i] ? t[i] : (1 - relaxation) * t[i]) + relaxation * rho * (Kx[i] - k[i]);
      }
    },
    advanceTangents({ force, shift }) {
      const tangents = primalUpdate(group.geometry, factor, force, dX);
      tangentSweep(tangents, { active, rho, relaxation }, shift, arrays, changes);
      tangents.recover(arrays.Z, dX);
    },
  };
}
