import type { SignalSet } from "../datasets/signals.ts";

/**
 * Total variation denoising of one signal,
 *
 *     minimize 1/2 |x - y|^2 + lambda sum_i |x_{i+1} - x_i|,
 *
 * exactly, by dynamic programming over the chain (Johnson 2013): the derivative of the cost of y_1, ..., y_i as a function
 * of x_i is increasing and piecewise linear; clipped to [-lambda, lambda] it is the cost that the rest of the chain sees,
 * and where it is clipped says what x_i is for any x_{i+1}. Each sample adds two knots and removes those that are clipped away:
 * O(n) in all.
 */
export function totalVariation(y: Float64Array, lambda: number, x = new Float64Array(y.length)): Float64Array {
  const n = y.length;
  if (lambda === 0 || n < 2) {
    x.set(y);
    return x;
  }
  const cost = new ClippedDerivative(n, lambda);
  const [low, high] = [new Float64Array(n - 1), new Float64Array(n - 1)];
  for (let i = 0; i < n - 1; i++) {
    cost.add(y[i]);
    low[i] = cost.clipLeft();
    high[i] = cost.clipRight();
  }
  cost.add(y[n - 1]);
  x[n - 1] = cost.root();
  for (let i = n - 2; i >= 0; i--) x[i] = Math.min(high[i], Math.max(low[i], x[i + 1]));
  return x;
}

/**
 * An increasing piecewise linear function: a line at the far left and one at the far right, and knots between them, at each of
 * which the line's slope and intercept change by what is stored there.
 */
class ClippedDerivative {
  readonly #lambda: number;
  readonly #at: Float64Array;
  readonly #slope: Float64Array;
  readonly #intercept: Float64Array;
  #first: number;
  #last: number;
  #left = { slope: 0, intercept: 0 };
  #right = { slope: 0, intercept: 0 };

  constructor(n: number, lambda: number) {
    this.#lambda = lambda;
    this.#at = new Float64Array(2 * n);
    this.#slope = new Float64Array(2 * n);
    this.#intercept = new Float64Array(2 * n);
    this.#first = n;
    this.#last = n - 1;
  }

  /** Adds the derivative x - y of the next sample's cost. */
  add(y: number): void {
    this.#left = { slope: this.#left.slope + 1, intercept: this.#left.intercept - y };
    this.#right = { slope: this.#right.slope + 1, intercept: this.#right.intercept - y };
  }

  /** Clips the function from below at -lambda, and returns where it begins to be more. */
  clipLeft(): number {
    let { slope, intercept } = this.#left;
    while (this.#first <= this.#last && slope * this.#at[this.#first] + intercept <= -this.#lambda) {
      slope += this.#slope[this.#first];
      intercept += this.#intercept[this.#first++];
    }
    const at = (-this.#lambda - intercept) / slope;
    this.#set(--this.#first, at, slope, intercept + this.#lambda);
    this.#left = { slope: 0, intercept: -this.#lambda };
    return at;
  }

  /** Clips the function from above at lambda, and returns where it reaches it. */
  clipRight(): number {
    let { slope, intercept } = this.#right;
    while (this.#last >= this.#first && slope * this.#at[this.#last] + intercept >= this.#lambda) {
      slope -= this.#slope[this.#last];
      intercept -= this.#intercept[this.#last--];
    }
    const at = (this.#lambda - intercept) / slope;
    this.#set(++this.#last, at, -slope, this.#lambda - intercept);
    this.#right = { slope: 0, intercept: this.#lambda };
    return at;
  }

  /** Where the function is zero. */
  root(): number {
    let { slope, intercept } = this.#left;
    for (let k = this.#first; k <= this.#last && slope * this.#at[k] + intercept <= 0; k++) {
      slope += this.#slope[k];
      intercept += this.#intercept[k];
    }
    return -intercept / slope;
  }

  #set(knot: number, at: number, slope: number, intercept: number): void {
    this.#at[knot] = at;
    this.#slope[knot] = slope;
    this.#intercept[knot] = intercept;
  }
}

/** The mean squared error of total variation over a set of signals. */
export function totalVariationError(set: SignalSet, lambda: number): number {
  const x = new Float64Array(set.length);
  let sum = 0;
  for (let i = 0; i < set.count; i++) {
    const from = i * set.length;
    totalVariation(set.noisy.subarray(from, from + set.length), lambda, x);
    for (let k = 0; k < set.length; k++) sum += (x[k] - set.clean[from + k]) ** 2;
  }
  return sum / set.noisy.length;
}

/**
 * The lambda of least error between 0 and `most`, to `precision`, by golden sections: the error falls to its minimum and
 * rises after it.
 */
export function bestLambda(
  set: SignalSet,
  { most = 50, precision = 0.1 }: { readonly most?: number; readonly precision?: number } = {},
): { readonly lambda: number; readonly error: number } {
  const golden = (Math.sqrt(5) - 1) / 2;
  const measured = (lambda: number) => ({ lambda, error: totalVariationError(set, lambda) });
  let [from, to] = [0, most];
  let left = measured(to - golden * (to - from));
  let right = measured(from + golden * (to - from));
  while (to - from > precision) {
    if (left.error < right.error) {
      [to, right] = [right.lambda, left];
      left = measured(to - golden * (to - from));
    } else {
      [from, left] = [left.lambda, right];
      right = measured(from + golden * (to - from));
    }
  }
  return left.error < right.error ? left : right;
}
