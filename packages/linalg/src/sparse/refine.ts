import { addDoubledSymmetricProduct, DoubledVector } from "./compensated.ts";
import type { SparseLdl } from "./ldl.ts";
import type { SparseMatrix } from "./matrix.ts";
import { addSymmetricProduct } from "./product.ts";

export interface RefinementOptions {
  /** Stop at a residual |b - Kx| (largest entry) of this share of |b|; 1e-14 by default. */
  readonly tolerance?: number;
  /** 10 by default. */
  readonly maxSteps?: number;
  /** Whether residuals are summed in twice the precision, so that x ends correct to rounding; false by default. */
  readonly doubled?: boolean;
  /** Where the vectors live; kept between solves, it saves allocating them. */
  readonly workspace?: RefinementWorkspace;
}

/** The vectors that refinement works with, for a matrix of n rows. */
export class RefinementWorkspace {
  readonly candidate: Float64Array;
  readonly rest: Float64Array;
  readonly spare: Float64Array;

  constructor(n: number) {
    this.candidate = new Float64Array(n);
    this.rest = new Float64Array(n);
    this.spare = new Float64Array(n);
  }
}

export interface Refinement {
  /** |b - Kx|, largest entry. */
  readonly residual: number;
  readonly steps: number;
}

/**
 * Solves K x = b with a factor of K + delta S, by x <- x + (K + delta S)^-1 (b - K x) until the residual meets the
 * tolerance or has stopped to fall; the best x stays. `upper` is K's upper triangle, without the regularization.
 */
export function solveRefined(
  factor: SparseLdl,
  upper: SparseMatrix,
  b: Float64Array,
  x: Float64Array,
  { tolerance = 1e-14, maxSteps = 10, doubled = false, workspace }: RefinementOptions = {},
): Refinement {
  const residualOf = doubled ? doubledResidual(upper, b) : plainResidual(upper, b);
  const target = tolerance * largestEntry(b);
  factor.solve(b, x);
  const vectors = workspace ?? new RefinementWorkspace(b.length);
  const { candidate } = vectors;
  let { rest, spare } = vectors;
  residualOf(x, rest);
  let residual = largestEntry(rest);
  let steps = 0;
  while (steps < maxSteps && residual > target) {
    steps++;
    factor.solve(rest, candidate);
    for (let i = 0; i < x.length; i++) candidate[i] += x[i];
    residualOf(candidate, spare);
    const size = largestEntry(spare);
    if (!(size < residual)) break;
    x.set(candidate);
    const slow = size > residual / 2;
    residual = size;
    [rest, spare] = [spare, rest];
    if (slow) break;
  }
  return { residual, steps };
}

type ResidualFunction = (x: Float64Array, into: Float64Array) => void;

function plainResidual(upper: SparseMatrix, b: Float64Array): ResidualFunction {
  return (x, into) => {
    into.set(b);
    addSymmetricProduct(-1, upper, x, into);
  };
}

function doubledResidual(upper: SparseMatrix, b: Float64Array): ResidualFunction {
  const sum = new DoubledVector(b.length);
  return (x, into) => {
    addDoubledSymmetricProduct(-1, upper, x, sum.set(b));
    sum.round(into);
  };
}

function largestEntry(values: Float64Array): number {
  let largest = 0;
  for (let i = 0; i < values.length; i++) {
    const size = Math.abs(values[i]);
    if (!(size <= largest)) largest = size;
  }
  return largest;
}
