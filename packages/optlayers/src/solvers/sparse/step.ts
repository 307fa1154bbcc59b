import type { Boxes } from "./boxes.ts";

/** The longest steps up to 1 of slacks and of multipliers. */
export interface StepLengths {
  readonly primal: number;
  readonly dual: number;
}

/** A Newton step and the products of slacks and multipliers that it aims at. */
export class Step {
  readonly x: Float64Array;
  /** Of the multipliers of held rows; those of other rows and of bounds follow from zl and zu. */
  readonly y: Float64Array;
  /** Of t = (x, Cx). */
  readonly t: Float64Array;
  readonly sl: Float64Array;
  readonly su: Float64Array;
  readonly zl: Float64Array;
  readonly zu: Float64Array;
  /** What every sl zl and every su zu becomes to first order. */
  readonly below: Float64Array;
  readonly above: Float64Array;
  private lengths: StepLengths | null = null;

  constructor(n: number, size: number) {
    this.x = new Float64Array(n);
    const vectors = Array.from({ length: 8 }, () => new Float64Array(size));
    [this.y, this.t, this.sl, this.su, this.zl, this.zu, this.below, this.above] = vectors;
  }

  /** Forgets the lengths of the step before. */
  renew(): void {
    this.lengths = null;
  }

  /** The longest steps up to 1 that keep slacks and multipliers from going below zero. */
  longestInside({ sl, su, zl, zu }: Boxes): StepLengths {
    this.lengths ??= {
      primal: Math.min(longest(sl, this.sl), longest(su, this.su)),
      dual: Math.min(longest(zl, this.zl), longest(zu, this.zu)),
    };
    return this.lengths;
  }

  /** The same product everywhere. */
  aimAt(target: number): void {
    this.below.fill(target);
    this.above.fill(target);
  }

  /** Mehrotra's corrector: `target`, less the second-order term of the predictor. */
  aimWithCorrection(target: number, predictor: Step): void {
    const { below, above } = this;
    const { sl, su, zl, zu } = predictor;
    for (let k = 0; k < below.length; k++) {
      below[k] = target - sl[k] * zl[k];
      above[k] = target - su[k] * zu[k];
    }
  }

  /**
   * Gondzio's correction (1996) of another step's targets: products that steps of these lengths along it would leave outside
   * [target / 10, 10 target] are brought to its rim, by no more than 10 target.
   */
  aimAtCentrality(target: number, { sl, su, zl, zu }: Boxes, other: Step, primal: number, dual: number): void {
    const { below, above } = this;
    // a side without a bound has a slack, a multiplier and steps of zero: what is aimed at there is never looked at
    for (let k = 0; k < below.length; k++) {
      const atLow = (sl[k] + primal * other.sl[k]) * (zl[k] + dual * other.zl[k]);
      const atHigh = (su[k] + primal * other.su[k]) * (zu[k] + dual * other.zu[k]);
      below[k] = other.below[k] + centralityCorrection(atLow, target);
      above[k] = other.above[k] + centralityCorrection(atHigh, target);
    }
  }
}

function centralityCorrection(product: number, target: number): number {
  const rim = Math.min(Math.max(product, target / 10), 10 * target);
  return Math.max(rim - product, -10 * target);
}

function longest(values: Float64Array, steps: Float64Array): number {
  let alpha = 1;
  for (let k = 0; k < values.length; k++) {
    // no division, and no branch taken, where the step is short enough
    if (values[k] + alpha * steps[k] < 0) alpha = -values[k] / steps[k];
  }
  return alpha;
}
