import type { SparsePoint } from "../../problem/sparse-quadratic-program.ts";
import { ActiveFace } from "./active-face.ts";
import type { KktSystem } from "./kkt-system.ts";
import { assessSparse } from "./residuals.ts";
import type { ScaledProgram } from "./scaled-program.ts";

const regularizations = [1e-9, 1e-12];

export interface PolishOptions {
  /** How often the guess is corrected at most; 8 by default. */
  readonly rounds?: number;
  readonly interrupted?: () => boolean;
}

/** The largest of the three absolute residuals. */
export function worstResidual(program: ScaledProgram, point: SparsePoint): number {
  const { primal, dual, gap } = assessSparse(program.original, point);
  return Math.max(primal, dual, gap);
}

/**
 * Finishes on the active set: solves the KKT conditions of the equality-constrained problem that a guess of it defines, in
 * the problem's own variables and with residuals in twice the precision, corrects the guess where a multiplier has
 * the wrong sign or a bound is violated, and repeats. Returns the point with the smallest residuals, `start` where none
 * is better. `active` lists the bounds of x, then of the rows.
 */
export function polishSparse(
  program: ScaledProgram,
  system: KktSystem,
  start: SparsePoint,
  active: Uint8Array,
  target: number,
  { rounds = 8, interrupted = () => false }: PolishOptions = {},
): SparsePoint {
  let best = start;
  let bestResidual = worstResidual(program, start);
  const face = new ActiveFace(program, system);
  for (const delta of regularizations) {
    const guess = active.slice();
    for (let round = 0; round < rounds && bestResidual > target && !interrupted(); round++) {
      face.begin(guess, best);
      if (!face.settle(delta)) break;
      const residual = worstResidual(program, face.point());
      if (residual < bestResidual) {
        best = face.point();
        bestResidual = residual;
      }
      if (face.findWrong() === 0) break;
      face.correctAll();
      guess.set(face.active);
    }
    if (bestResidual <= target) break;
  }
  return best;
}
