import type { SparsePoint } from "../../problem/sparse-quadratic-program.ts";
import type { ActiveFace } from "./active-face.ts";

export interface ActiveSetSettings {
  readonly maxRounds: number;
  readonly accepts: (point: SparsePoint) => boolean;
  /** Whether a point that is as exact as it gets is good enough, accepted or not. */
  readonly isFinal: (point: SparsePoint) => boolean;
  readonly interrupted: () => boolean;
  /** Called after every round, with a way to its point. */
  readonly onRound: (point: () => SparsePoint) => void;
}

/** Regularization of the face's system. */
const delta = 1e-10;

/** How long the method goes on. */
interface Patience {
  readonly rounds: number;
  /** Share of the wrong ones before that there may still be after a round, while there are more than `few`. */
  readonly progress: number;
  readonly few: number;
  /** Rounds in a row without fewer wrong ones. */
  readonly idle: number;
}

const whereCheap: Patience = { rounds: 30, progress: 0.6, few: 50, idle: 12 };
const whereLong: Patience = { rounds: 8, progress: 0.4, few: 0, idle: 0 };
/** Multiplications and additions of a long factorization. */
const longWork = 1e7;

/**
 * The primal-dual active set method (M. Hintermüller, K. Ito and K. Kunisch, 2003): solve on the face of the guess, let go of
 * what has a multiplier of the wrong sign, take hold of what is violated, repeat. A strictly convex problem mostly takes a few
 * rounds, which end at its solution exactly. Where the wrong ones do not get fewer every other one is corrected, which breaks most
 * cycles. The method gives up as soon as they hardly dwindle while they are many, or its end is not accepted:
 * it then returns null.
 */
export function activeSetMethod(
  face: ActiveFace,
  guess: Uint8Array,
  start: SparsePoint,
  settings: ActiveSetSettings,
): SparsePoint | null {
  const { maxRounds, interrupted, onRound } = settings;
  const patience = face.work > longWork ? whereLong : whereCheap;
  const limit = Math.min(patience.rounds, maxRounds);
  face.begin(guess, start);
  let fewest = Infinity;
  let idle = 0;
  for (let rounds = 1; rounds <= limit && !interrupted(); rounds++) {
    if (!face.solve(delta)) return null;
    onRound(() => face.point());
    const wrong = face.findWrong();
    if (wrong === 0) return acceptedPoint(face, settings);
    if (wrong > patience.few && !(wrong < patience.progress * fewest)) return null;
    idle = wrong < fewest ? 0 : idle + 1;
    if (idle > patience.idle) return null;
    fewest = Math.min(fewest, wrong);
    if (idle === 0) face.correctAll();
    else face.correctEveryOther(rounds % 2 === 0 ? 0 : 1);
  }
  return null;
}

/** The point of the face, refined if need be. */
function acceptedPoint(face: ActiveFace, { accepts, isFinal }: ActiveSetSettings): SparsePoint | null {
  const point = face.point();
  if (accepts(point)) return point;
  face.refine();
  const refined = face.point();
  return isFinal(refined) ? refined : null;
}
