/** What the search for tau ended with. */
export interface Threshold {
  readonly tau: number;
  /** Evaluations of the sum that it took. */
  readonly evaluations: number;
}

/** More than any sequence of random pivots takes; data whose sums overflow would go on for ever. */
const mostEvaluations = 1000;

/** The bracket [lower, upper] of tau, and what is known of f on it. */
interface Bracket {
  lower: number;
  upper: number;
  /** The first `count` of these entries change their piece inside the bracket. */
  readonly candidates: Int32Array;
  count: number;
  /** Sum of y, and number, of the entries that are free on the whole bracket. */
  freeSum: number;
  freeCount: number;
  /** Sum of u over the entries that are at their upper bound on the whole bracket. */
  boundSum: number;
}

/**
 * The root tau of the decreasing piecewise linear function
 *
 *     f(tau) = sum_i clip(y_i - tau, 0, u_i) - total
 *
 * with breakpoints y_i and y_i - u_i, for 0 < total < sum u. Newton's method inside a bracket: an entry whose piece is
 * known on the whole bracket leaves the candidates for three running sums, and where a Newton step leaves more than half
 * of them the next trial is a random breakpoint inside the bracket: expected O(n), as in Kiwiel, "Breakpoint searching
 * algorithms for the continuous quadratic knapsack problem" (2008). The same data give the same pivots.
 *
 * Where f vanishes on an interval (every entry at a bound) tau is its middle. `candidates` is working memory of n entries.
 */
export function simplexThreshold(y: Float64Array, u: Float64Array, total: number, candidates: Int32Array): Threshold {
  const bracket = wholeLine(y, candidates);
  const pivot = pivots(y, u);
  let tau = bracket.upper - total;
  for (let evaluations = 1; evaluations <= mostEvaluations; evaluations++) {
    const { sum, slope } = evaluate(y, u, tau, bracket);
    if (sum === total) return { tau: slope > 0 ? tau : middleOfFlat(y, u, tau), evaluations };
    if (sum > total) bracket.lower = tau;
    else bracket.upper = tau;
    const before = bracket.count;
    prune(y, u, bracket);
    if (bracket.count === 0) return { tau: rootOnLinePiece(y, u, total, bracket), evaluations };
    tau += (sum - total) / slope;
    const halved = 2 * bracket.count <= before;
    if (!(halved && tau > bracket.lower && tau < bracket.upper)) tau = pivot(bracket);
  }
  return { tau, evaluations: mostEvaluations };
}

function wholeLine(y: Float64Array, candidates: Int32Array): Bracket {
  let upper = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < y.length; i++) {
    candidates[i] = i;
    if (y[i] > upper) upper = y[i];
  }
  const lower = Number.NEGATIVE_INFINITY;
  return { lower, upper, candidates, count: y.length, freeSum: 0, freeCount: 0, boundSum: 0 };
}

/** f(tau) + total, and minus the slope of f at tau. */
function evaluate(y: Float64Array, u: Float64Array, tau: number, bracket: Bracket): { sum: number; slope: number } {
  const { candidates, count, freeSum, freeCount, boundSum } = bracket;
  let sum = boundSum + freeSum - freeCount * tau;
  let slope = freeCount;
  for (let k = 0; k < count; k++) {
    const i = candidates[k];
    const x = y[i] - tau;
    if (x >= u[i]) sum += u[i];
    else if (x > 0) {
      sum += x;
      slope++;
    }
  }
  return { sum, slope };
}

/** Moves the candidates whose piece is now known into the running sums. */
function prune(y: Float64Array, u: Float64Array, bracket: Bracket): void {
  const { lower, upper, candidates, count } = bracket;
  let { freeSum, freeCount, boundSum } = bracket;
  let kept = 0;
  for (let k = 0; k < count; k++) {
    const i = candidates[k];
    const breakpoint = y[i] - u[i];
    if (y[i] <= lower) continue;
    if (breakpoint >= upper) boundSum += u[i];
    else if (breakpoint <= lower && y[i] >= upper) {
      freeSum += y[i];
      freeCount++;
    } else candidates[kept++] = i;
  }
  Object.assign(bracket, { count: kept, freeSum, freeCount, boundSum });
}

/** Draws breakpoints strictly inside the bracket: every candidate has one. */
function pivots(y: Float64Array, u: Float64Array): (bracket: Bracket) => number {
  let random = 1;
  return ({ lower, upper, candidates, count }) => {
    random = (Math.imul(random, 1664525) + 1013904223) >>> 0;
    const i = candidates[Math.floor((random / 2 ** 32) * count)];
    return y[i] > lower && y[i] < upper ? y[i] : y[i] - u[i];
  };
}

/** The root where no entry changes its piece inside the bracket. */
function rootOnLinePiece(y: Float64Array, u: Float64Array, total: number, bracket: Bracket): number {
  const { lower, upper, freeSum, freeCount, boundSum } = bracket;
  if (freeCount > 0) return (freeSum + boundSum - total) / freeCount;
  if (isRounding(boundSum - total, total)) return middleOfFlat(y, u, upper);
  // y is so large that the root lies between two neighbouring numbers
  return boundSum > total ? upper : lower;
}

/** Whether a sum that should be total is off by no more than the rounding of its terms. */
function isRounding(excess: number, total: number): boolean {
  return Math.abs(excess) <= 4 * Number.EPSILON * total;
}

/**
 * The middle of the interval around tau on which no entry is free: from the largest y at 0 to the smallest y - u at u. A
 * half-line gives its end.
 */
function middleOfFlat(y: Float64Array, u: Float64Array, tau: number): number {
  let begin = Number.NEGATIVE_INFINITY;
  let end = Number.POSITIVE_INFINITY;
  for (let i = 0; i < y.length; i++) {
    if (y[i] <= tau) begin = Math.max(begin, y[i]);
    else end = Math.min(end, y[i] - u[i]);
  }
  if (begin === Number.NEGATIVE_INFINITY) return end;
  return end === Number.POSITIVE_INFINITY ? begin : begin + (end - begin) / 2;
}

/**
 * The root from its own free set F, for d = y - tau of a tau near it: delta + (sum_F (d - delta) + sum of the binding u
 * - total) / |F|, until delta stands still. The differences are the entries of x as they will be returned, so that these
 * sum to total however large y is; the sum is compensated (Neumaier), and so does not lose digits with n. Where tau was
 * rounded past the last free entry, that one is freed again.
 */
export function correction(d: Float64Array, u: Float64Array, total: number): number {
  let delta = 0;
  for (let round = 0; round < 5; round++) {
    let sum = -total;
    let lost = 0;
    let count = 0;
    for (let i = 0; i < d.length; i++) {
      let x = d[i] - delta;
      if (!(x > 0)) continue;
      if (x > u[i]) x = u[i];
      else count++;
      const next = sum + x;
      lost += Math.abs(sum) >= x ? sum - next + x : x - next + sum;
      sum = next;
    }
    if (count === 0) {
      const excess = sum + lost;
      if (isRounding(excess, total)) return delta;
      delta = neighbour(d, u, delta, excess < 0) + excess;
      continue;
    }
    const next = delta + (sum + lost) / count;
    if (next === delta) return delta;
    delta = next;
  }
  return delta;
}

/** The breakpoint next to delta: below it the largest d of an entry at 0, above it the smallest d - u of one at its bound. */
function neighbour(d: Float64Array, u: Float64Array, delta: number, below: boolean): number {
  let nearest = below ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  for (let i = 0; i < d.length; i++) {
    if (!(u[i] > 0)) continue;
    if (below && d[i] <= delta) nearest = Math.max(nearest, d[i]);
    else if (!below && d[i] > delta) nearest = Math.min(nearest, d[i] - u[i]);
  }
  return nearest;
}
