/** What the search along a row ended with. */
export interface RowThreshold {
  /** The root; -Infinity or Infinity where the function stays below or above 0. */
  readonly alpha: number;
  /** Evaluations of the function that it took. */
  readonly evaluations: number;
}

/** More than any sequence of random pivots takes; data whose sums overflow would go on for ever. */
const mostEvaluations = 1000;

/** The bracket [low, high] of alpha, and what is known of the sum on it. */
interface Bracket {
  low: number;
  high: number;
  /** The first `count` of these entries change their piece inside the bracket. */
  readonly candidates: Int32Array;
  count: number;
  /** The sum of a x over the entries that are at one bound on the whole bracket. */
  fixed: number;
  /** Over the entries that are free on the whole bracket: sums of a v and of a^2. */
  level: number;
  slope: number;
}

/** The line that is searched: clip(v - alpha a, lower, upper), and the value that a'x shall have. */
export interface RowLine {
  readonly a: Float64Array;
  readonly v: Float64Array;
  readonly lower: Float64Array;
  readonly upper: Float64Array;
  readonly beta: number;
}

/**
 * The root alpha of the decreasing piecewise linear function
 *
 *     f(alpha) = sum_j a_j clip(v_j - alpha a_j, lower_j, upper_j) - beta,
 *
 * a of any signs: the continuous quadratic knapsack in its general form, and the exact line search of the dual of a box
 * projection. Newton's method inside a bracket, as `simplexThreshold` has it for a = 1 and lower = 0: expected O(n)
 * (Kiwiel, "Breakpoint searching algorithms for the continuous quadratic knapsack problem", 2008).
 *
 * Where f vanishes on an interval alpha is its middle, or its end where it is a half-line. `candidates` is working
 * memory of n entries. Where f has no root, alpha is infinite, on the side where f comes nearest to one.
 */
export function rowThreshold(line: RowLine, candidates: Int32Array): RowThreshold {
  const bracket = wholeLine(line, candidates);
  const pivot = pivots(line);
  let alpha = 0;
  for (let evaluations = 1; evaluations <= mostEvaluations; evaluations++) {
    const { value, slope } = evaluate(line, alpha, bracket);
    if (value === 0) return { alpha: slope > 0 ? alpha : middleOfFlat(line, alpha), evaluations };
    if (value > 0) bracket.low = alpha;
    else bracket.high = alpha;
    const before = bracket.count;
    prune(line, bracket);
    if (bracket.count === 0) return { alpha: rootOnPiece(line, bracket), evaluations };
    alpha += value / slope;
    const halved = 2 * bracket.count <= before;
    if (!(halved && alpha > bracket.low && alpha < bracket.high)) alpha = pivot(bracket);
  }
  return { alpha, evaluations: mostEvaluations };
}

/** Where entry j leaves the bound that it has at alpha = -Infinity, and where it arrives at the other. */
function breakpoint({ a, v, lower, upper }: RowLine, j: number, first: boolean): number {
  return (v[j] - (a[j] > 0 === first ? upper[j] : lower[j])) / a[j];
}

function wholeLine({ a }: RowLine, candidates: Int32Array): Bracket {
  let count = 0;
  for (let j = 0; j < a.length; j++) if (a[j] !== 0) candidates[count++] = j;
  return { low: -Infinity, high: Infinity, candidates, count, fixed: 0, level: 0, slope: 0 };
}

/** f(alpha), and minus its slope there. */
function evaluate({ a, v, lower, upper, beta }: RowLine, alpha: number, bracket: Bracket) {
  const { candidates, count } = bracket;
  let value = bracket.fixed + bracket.level - bracket.slope * alpha - beta;
  let slope = bracket.slope;
  for (let k = 0; k < count; k++) {
    const j = candidates[k];
    const step = v[j] - alpha * a[j];
    if (step <= lower[j]) value += a[j] * lower[j];
    else if (step >= upper[j]) value += a[j] * upper[j];
    else {
      value += a[j] * step;
      slope += a[j] * a[j];
    }
  }
  return { value, slope };
}

/** Moves the candidates whose piece is now known into the running sums: by their steps at both ends of the bracket. */
function prune({ a, v, lower, upper }: RowLine, bracket: Bracket): void {
  const { low, high, candidates, count } = bracket;
  let { fixed, level, slope } = bracket;
  let kept = 0;
  for (let k = 0; k < count; k++) {
    const j = candidates[k];
    const aj = a[j];
    const one = v[j] - low * aj;
    const other = v[j] - high * aj;
    const largest = aj > 0 ? one : other;
    const smallest = aj > 0 ? other : one;
    if (largest <= lower[j]) fixed += aj * lower[j];
    else if (smallest >= upper[j]) fixed += aj * upper[j];
    else if (smallest >= lower[j] && largest <= upper[j]) {
      level += aj * v[j];
      slope += aj * aj;
    } else candidates[kept++] = j;
  }
  Object.assign(bracket, { count: kept, fixed, level, slope });
}

/**
 * Draws breakpoints strictly inside the bracket: every candidate has one, but for rounding; then it is the middle. The same
 * data give the same pivots.
 */
function pivots(line: RowLine): (bracket: Bracket) => number {
  let random = 1;
  return ({ low, high, candidates, count }) => {
    random = (Math.imul(random, 1664525) + 1013904223) >>> 0;
    const j = candidates[Math.floor((random / 2 ** 32) * count)];
    for (const first of [true, false]) {
      const place = breakpoint(line, j, first);
      if (place > low && place < high) return place;
    }
    return low + (high - low) / 2;
  };
}

/** The root where no entry changes its piece inside the bracket. */
function rootOnPiece(line: RowLine, { low, high, fixed, level, slope }: Bracket): number {
  const value = fixed + level - line.beta;
  if (slope > 0) return Math.min(high, Math.max(low, value / slope));
  const scale = Math.abs(line.beta) + Math.abs(fixed);
  if (Math.abs(value) <= 8 * Number.EPSILON * scale) return middleOfFlat(line, Number.isFinite(low) ? low : high);
  return value > 0 ? high : low;
}

/** The middle of the interval around alpha on which no entry is free; a half-line gives its end. */
function middleOfFlat(line: RowLine, alpha: number): number {
  let begin = -Infinity;
  let end = Infinity;
  for (let j = 0; j < line.a.length; j++) {
    if (line.a[j] === 0) continue;
    const [first, last] = [breakpoint(line, j, true), breakpoint(line, j, false)];
    if (last <= alpha) begin = Math.max(begin, last);
    else end = Math.min(end, first);
  }
  if (begin === -Infinity) return end === Infinity ? alpha : end;
  return end === Infinity ? begin : begin + (end - begin) / 2;
}
