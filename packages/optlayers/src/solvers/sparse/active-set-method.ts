import type { SparsePoint } from "../../problem/sparse-quadratic-program.ts";
import type { ActiveFace } from "./active-face.ts";

export interface ActiveSetSettings {
  readonly maxRounds: number;
  readonly accepts: (point: SparsePoint) => boolean;
  readonly interrupted: () => boolean;
  /** Called with the point of every round. */
  readonly onRound?: (round: number, point: SparsePoint) => void;
}

export interface ActiveSetRun {
  /** The accepted point; null where the method gave up. */
  readonly point: SparsePoint | null;
  /** Factorizations. */
  readonly rounds: number;
}

const delta = 1e-10;
const mostRounds = 30;
/** Share of the wrong ones before that there may still be after a round, while there are more than a few. */
const progress = 0.6;
const few = 50;
/** Rounds without fewer wrong ones, after which they are corrected one at a time, if they are so few. */
const patience = 3;
const veryFew = 12;

/**
 * The primal-dual active set method (M. Hintermüller, K. Ito and K. Kunisch, 2003): solve on the face of the guess, let go of
 * what has a multiplier of the wrong sign, take hold of what is violated, repeat. A strictly convex problem mostly takes a few
 * rounds, which end at its solution exactly; against cycles, the last wrong one alone is corrected for a while (J. Júdice and
 * F. Pires, 1994). The method gives up as soon as the wrong ones do not dwindle, or its end is not accepted.
 */
export function activeSetMethod(
  face: ActiveFace,
  guess: Uint8Array,
  start: SparsePoint,
  { maxRounds, accepts, interrupted, onRound }: ActiveSetSettings,
): ActiveSetRun {
  const limit = Math.min(mostRounds, maxRounds);
  face.begin(guess, start);
  let fewest = Infinity;
  let idle = 0;
  for (let rounds = 1; rounds <= limit && !interrupted(); rounds++) {
    if (!face.solve(delta)) return { point: null, rounds };
    onRound?.(rounds, face.point());
    const wrong = face.findWrong();
    if (wrong === 0) return { point: acceptedPoint(face, accepts), rounds };
    if (wrong > few && !(wrong < progress * fewest)) return { point: null, rounds };
    idle = wrong < fewest ? 0 : idle + 1;
    fewest = Math.min(fewest, wrong);
    if (idle <= patience) face.correctAll();
    else if (wrong <= veryFew) face.correctLast();
    else return { point: null, rounds };
  }
  return { point: null, rounds: limit };
}

/** The point of the face, refined if need be. */
function acceptedPoint(face: ActiveFace, accepts: (point: SparsePoint) => boolean): SparsePoint | null {
  const point = face.point();
  if (accepts(point)) return point;
  face.refine();
  const refined = face.point();
  return accepts(refined) ? refined : null;
}
