import { AT_HIGH, AT_LOW, HELD, INACTIVE } from "./active-set.ts";

/** How a boxed quantity is bounded: from below, from above, both, or held at one value. */
export const BELOW = 1;
export const ABOVE = 2;

/**
 * The bounds low <= t <= high of the interior point with their slacks and multipliers,
 *
 *     t - sl = low,  t + su = high,  sl, su, zl, zu > 0,
 *
 * each there only where its bound is finite; y = zu - zl is the multiplier of t. A quantity whose bounds agree is held: it
 * has neither slack nor sign.
 */
export class Boxes {
  readonly count: number;
  /** How many finite bounds there are. */
  readonly bounds: number;
  readonly kind: Uint8Array;
  readonly held: Uint8Array;
  readonly sl: Float64Array;
  readonly su: Float64Array;
  readonly zl: Float64Array;
  readonly zu: Float64Array;
  readonly low: Float64Array;
  readonly high: Float64Array;

  constructor(low: Float64Array, high: Float64Array) {
    this.count = low.length;
    this.low = low;
    this.high = high;
    this.held = new Uint8Array(this.count);
    this.kind = new Uint8Array(this.count);
    let bounds = 0;
    for (let k = 0; k < this.count; k++) {
      if (low[k] === high[k]) {
        this.held[k] = 1;
        continue;
      }
      if (low[k] > -Infinity) this.kind[k] |= BELOW;
      if (high[k] < Infinity) this.kind[k] |= ABOVE;
      bounds += (this.kind[k] & BELOW ? 1 : 0) + (this.kind[k] & ABOVE ? 1 : 0);
    }
    this.bounds = bounds;
    this.sl = new Float64Array(this.count);
    this.su = new Float64Array(this.count);
    this.zl = new Float64Array(this.count);
    this.zu = new Float64Array(this.count);
  }

  isBelow(k: number): boolean {
    return (this.kind[k] & BELOW) !== 0;
  }

  isAbove(k: number): boolean {
    return (this.kind[k] & ABOVE) !== 0;
  }

  /** sl'zl + su'zu, over the number of bounds. */
  complementarity(): number {
    const { sl, su, zl, zu } = this;
    let sum = 0;
    for (let k = 0; k < this.count; k++) sum += sl[k] * zl[k] + su[k] * zu[k];
    return this.bounds > 0 ? sum / this.bounds : 0;
  }

  /** Which bounds hold at the limit, as far as this point shows: those whose multiplier has outgrown their slack. */
  activeGuess(): Uint8Array {
    return Uint8Array.from(this.kind, (_, k) => {
      if (this.held[k] === 1) return HELD;
      if (this.isAbove(k) && this.su[k] < this.zu[k]) return AT_HIGH;
      if (this.isBelow(k) && this.sl[k] < this.zl[k]) return AT_LOW;
      return INACTIVE;
    });
  }
}
