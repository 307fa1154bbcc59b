import { maxAbs } from "../arrays.ts";
import { measured, type QuadraticProgram } from "../problem/quadratic-program.ts";

/** What a residual of each item is measured by where the terms at the point itself vanish; at most 1. */
export interface ResidualUnits {
  readonly primal: Float64Array;
  readonly dual: Float64Array;
  readonly gap: Float64Array;
}

/** Of several scales of one item, those below this share of the largest do not count. */
const smallestShare = 1e-8;

/**
 * The scales that the data themselves give, so that a problem in small units (all prices 1e-6, say) is not called
 * solved for the smallness of its numbers. With |.| the largest absolute entry, x is of the size |q| / |Q| where
 * the objective decides it and |b| / |A| or min |h| / |G| where the constraints do; hence
 *
 *     primal  min(1, |b|, min |h|, max(|A|, |G|) |q| / |Q|)
 *     dual    min(1, |q|, |Q| |x|)
 *     gap     min(1, the dual unit times the smaller of the two sizes of x),
 *
 * each over what is not zero, and 1 where all is. Entries of h are compared by their smallest: a bound that stands for infinity
 * says nothing. Never above 1, so that data of ordinary size are judged by 1 plus their terms as usual.
 */
export function residualUnits(problem: QuadraticProgram): ResidualUnits {
  const { batch } = problem;
  const [sizeQ, sizeq, sizeA, sizeb, sizeG] = [problem.Q, problem.q, problem.A, problem.b, problem.G].map((datum) =>
    measured(datum, maxAbs),
  );
  const sizeh = measured(problem.h, smallestNonzero);
  const units = { primal: new Float64Array(batch), dual: new Float64Array(batch), gap: new Float64Array(batch) };
  for (let i = 0; i < batch; i++) {
    const K = Math.max(sizeA(i), sizeG(i));
    const free = quotient(sizeq(i), sizeQ(i));
    const bound = smallestScale(quotient(sizeb(i), sizeA(i)), quotient(sizeh(i), sizeG(i)));
    units.primal[i] = Math.min(1, smallestScale(sizeb(i), sizeh(i), K * free) || 1);
    units.dual[i] = Math.min(1, smallestScale(sizeq(i), sizeQ(i) * bound) || 1);
    // the product of two tiny scales may vanish, and a gap of 0 is no NaN
    units.gap[i] = Math.min(1, Math.max(Number.MIN_VALUE, units.dual[i] * (smallestScale(free, bound) || 1)));
  }
  return units;
}

/** The units of items first, ..., first + count - 1. */
export function unitsFrom({ primal, dual, gap }: ResidualUnits, first: number, count: number): ResidualUnits {
  const end = first + count;
  return { primal: primal.subarray(first, end), dual: dual.subarray(first, end), gap: gap.subarray(first, end) };
}

function quotient(a: number, b: number): number {
  return b > 0 ? a / b : 0;
}

/** The smallest of the scales that are not zero and not beyond comparison with the largest; 0 where all are zero. */
function smallestScale(...scales: number[]): number {
  const least = smallestShare * Math.max(...scales);
  return scales.reduce(
    (smallest, scale) => (scale > least && (smallest === 0 || scale < smallest) ? scale : smallest),
    0,
  );
}

function smallestNonzero(values: Float64Array): number {
  let smallest = 0;
  for (let k = 0; k < values.length; k++) {
    const value = Math.abs(values[k]);
    if (value > 0 && (smallest === 0 || value < smallest)) smallest = value;
  }
  return smallest;
}
