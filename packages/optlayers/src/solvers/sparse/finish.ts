import { maxAbs } from "../../arrays.ts";
import type { SparsePoint } from "../../problem/sparse-quadratic-program.ts";
import { iterateSparse, type SparseRun } from "./iteration.ts";
import { KktSystem } from "./kkt-system.ts";
import { multiplierProgram } from "./least-norm-multipliers.ts";
import { polishSparse, worstResidual } from "./polish.ts";
import { isAtRounding } from "./relative-residual.ts";
import { assessSparse } from "./residuals.ts";
import { type ScaledProgram, scaledProgram } from "./scaled-program.ts";

const multiplierIterations = 60;

/** Share of the tolerance that a finish asks for where the iteration has met it. */
const sharper = 1e-3;

/**
 * The most exact point that can be made of a run: a finish on its active set, one round where the iteration has met its tolerance,
 * so that a derivative finds constraints that are active to rounding; and, where residuals stay above `target`, the least
 * multipliers of it, once more finished.
 */
export function finishSparse(
  program: ScaledProgram,
  { newton, point, outcome }: SparseRun,
  target: number,
  interrupted: () => boolean,
): SparsePoint {
  if (interrupted()) return point;
  const active = newton.boxes.activeGuess();
  if (outcome === "converged")
    return polishSparse(program, newton.system, point, active, sharper * target, { rounds: 1 });
  const polished = polishSparse(program, newton.system, point, active, target, { interrupted });
  if (worstResidual(program, polished) <= target || interrupted()) return polished;
  if (isAtRounding(assessSparse(program.original, polished))) return polished;
  const relaxed = withLeastMultipliers(program, polished, active, target, interrupted);
  if (worstResidual(program, relaxed) >= worstResidual(program, polished)) return polished;
  return polishSparse(program, newton.system, relaxed, active, target, { interrupted });
}

/** The least multipliers, in the unit of the gradient first, then in their own. */
function withLeastMultipliers(
  program: ScaledProgram,
  point: SparsePoint,
  active: Uint8Array,
  target: number,
  interrupted: () => boolean,
): SparsePoint {
  let unit = 1 + maxAbs(program.original.q);
  let best = point;
  for (let attempt = 0; attempt < 2; attempt++) {
    const found = leastMultipliers(program, point, active, target, unit, interrupted);
    if (worstResidual(program, found) < worstResidual(program, best)) best = found;
    if (worstResidual(program, best) <= target) break;
    unit = 1 + Math.max(maxAbs(found.nu), maxAbs(found.lambda));
  }
  return best;
}

function leastMultipliers(
  program: ScaledProgram,
  point: SparsePoint,
  active: Uint8Array,
  target: number,
  unit: number,
  interrupted: () => boolean,
): SparsePoint {
  const dual = multiplierProgram(program.original, point.x, active, unit);
  const scaled = scaledProgram(dual.program);
  const system = new KktSystem(scaled);
  const { newton, point: found } = iterateSparse(
    scaled,
    system,
    {},
    {
      maxIterations: multiplierIterations,
      accepts: ({ primal, dual: rest, gap }) => Math.max(primal, rest, gap) < target / unit,
      interrupted,
    },
  );
  return dual.pointFrom(polishSparse(scaled, system, found, newton.boxes.activeGuess(), target / unit).x);
}
