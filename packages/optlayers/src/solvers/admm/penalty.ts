import type { AdmmGeometry } from "./geometry.ts";
import type { Look, Penalty, Sweep } from "./sweep.ts";
import { penaltyFactor, primalUpdate } from "./update.ts";

/** A new penalty differs by at least 10^(2/4) from the old one. */
const worthwhile = 2;
/** The first iterations say little about the balance that follows. */
const settleIn = 20;
/**
 * No penalty leaves the first one by more than 10^(12/4): the rows are scaled, so a larger change comes from an item
 * without a solution, whose certificate would drown in rounding.
 */
const largestExponent = 12;

/**
 * The penalty for the next iterations: rho times the square root of the balance, primal residual against dual, in the
 * geometric mean over the unfinished rows, so that both fall together. It is rounded to a power of 10^(1/4), so that
 * factors of earlier solves serve again, and is taken only when that pays:
 *
 *  - it differs from the old one by half a power of ten or more;
 *  - the iterations since the last factorization cost at least as much as the next factorization will;
 *  - each period is longer than the last by half, so that rho settles.
 */
export function adaptedPenalty(
  sweep: Sweep,
  look: Look,
  unfinished: readonly number[],
  penalty: Penalty,
  iteration: number,
): Penalty {
  const { geometry, F, t } = sweep.rows;
  const spent = (iteration - penalty.since) * iterationFlops(geometry, sweep.count);
  if (iteration < settleIn || iteration < 1.5 * penalty.since || spent < factorFlops(geometry)) return penalty;
  const wanted = penalty.exponent + Math.round(2 * meanExponent(look, unfinished));
  const exponent = Math.min(Math.max(wanted, -largestExponent), largestExponent);
  if (Math.abs(exponent - penalty.exponent) < worthwhile) return penalty;

  const old = penalty.factor.rho;
  const factor = penaltyFactor(geometry, sweep.firstRho * 10 ** (exponent / 4));
  if (!factor) return penalty;
  const X = new Float64Array(F.length);
  if (factor.proximal > 0) penalty.update.recover(sweep.Z, X);
  keepPoint(t, geometry, factor.rho / old);
  return { factor, update: primalUpdate(geometry, factor, F, X), exponent, since: iteration };
}

/** The mean of log10 of the balance; 0 where there is none. */
function meanExponent(look: Look, unfinished: readonly number[]): number {
  const balances = unfinished.map((i) => look.balance[i]).filter(Number.isFinite);
  const sum = balances.reduce((total, balance) => total + Math.log10(balance), 0);
  return balances.length > 0 ? sum / balances.length : 0;
}

/** w = lambda - rho s of the same lambda and s under another penalty: the negative part changes in proportion. */
function keepPoint(t: Float64Array, { r, p }: AdmmGeometry, change: number): void {
  for (let at = 0; at < t.length; at++) if (at % r >= p && t[at] < 0) t[at] *= change;
}

function iterationFlops({ n, r, S }: AdmmGeometry, count: number): number {
  return count * (S ? 2 * r * r : 2 * n * n + 4 * n * r);
}

function factorFlops({ n, r, S }: AdmmGeometry): number {
  return S ? (r * r * r) / 3 + 2 * r * r * r : (n * n * n) / 3 + n * n * r;
}
