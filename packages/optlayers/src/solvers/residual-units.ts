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
    const sizes = { Q: sizeQ(i), q: sizeq(i), A: sizeA(i), b: sizeb(i), G: sizeG(i), h: sizeh(i), bounds: 0 };
    const own = unitsOf(sizes);
    units.primal[i] = own.primal;
    units.dual[i] = own.dual;
    units.gap[i] = own.gap;
  }
  return units;
}

/** The largest absolute entry of each datum of one problem; of h, and of simple bounds on x, the smallest that is not zero. */
export type DataSizes = Readonly<Record<"Q" | "q" | "A" | "b" | "G" | "h" | "bounds", number>>;

/** The units of one problem from the sizes of its data. */
export function unitsOf({ Q, q, A, b, G, h, bounds }: DataSizes): Readonly<Record<"primal" | "dual" | "gap", number>> {
  const K = Math.max(A, G, bounds > 0 ? 1 : 0);
  const free = quotient(q, Q);
  const bound = smallestScale(quotient(b, A), quotient(h, G), bounds);
  const dual = Math.min(1, smallestScale(q, Q * bound) || 1);
  return {
    primal: Math.min(1, smallestScale(b, h, bounds, K * free) || 1),
    dual,
    // the product of two tiny scales may vanish, and a gap of 0 is no NaN
    gap: Math.min(1, Math.max(Number.MIN_VALUE, dual * (smallestScale(free, bound) || 1))),
  };
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

/** The smallest absolute value that is neither zero nor infinite; 0 where there is none. */
export function smallestNonzero(values: Float64Array): number {
  let smallest = 0;
  for (let k = 0; k < values.length; k++) {
    const value = Math.abs(values[k]);
    if (value > 0 && value < Infinity && (smallest === 0 || value < smallest)) smallest = value;
  }
  return smallest;
}
