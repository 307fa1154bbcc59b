import type { Datum, QuadraticProgram } from "../../problem/quadratic-program.ts";
import type { InteriorPoint } from "./state.ts";

/** Rows whose norms differ by less than this factor stay as they are. */
const worthwhile = 10;

/** A problem with rows of norm 1, and the way back to the point of the original one. */
export interface Equilibrated {
  readonly problem: QuadraticProgram;
  /** nu, lambda and s of the original problem from those of the scaled one, in place. */
  restore(point: InteriorPoint): void;
}

/** Divides the rows of A, b and G, h by the norms of A's and G's rows; null when these are of one size already. */
export function equilibrated(problem: QuadraticProgram): Equilibrated | null {
  const sizeA = rowNorms(problem.A);
  const sizeG = rowNorms(problem.G);
  if (spread(sizeA) < worthwhile && spread(sizeG) < worthwhile) return null;
  const { n, p, m, batch, A, b, G, h } = problem;
  const scaled: QuadraticProgram = {
    ...problem,
    A: { ...A, values: A.values.map((value, k) => value / sizeA[Math.floor(k / n)]) },
    G: { ...G, values: G.values.map((value, k) => value / sizeG[Math.floor(k / n)]) },
    b: dividedRight(b, sizeA, p, batch),
    h: dividedRight(h, sizeG, m, batch),
  };
  const restore = ({ nu, lambda, s }: InteriorPoint) => {
    for (let k = 0; k < nu.length; k++) nu[k] /= sizeA[k % sizeA.length];
    for (let k = 0; k < lambda.length; k++) {
      lambda[k] /= sizeG[k % sizeG.length];
      s[k] *= sizeG[k % sizeG.length];
    }
  };
  return { problem: scaled, restore };
}

/** A right-hand side over its rows' norms: one an item as soon as either is. */
function dividedRight(right: Datum, sizes: Float64Array, rows: number, batch: number): Datum {
  const batched = right.batched || sizes.length > rows;
  const values = new Float64Array((batched ? batch : 1) * rows);
  for (let k = 0; k < values.length; k++) {
    values[k] = right.values[k % right.values.length] / sizes[k % sizes.length];
  }
  return { ...right, values, batched };
}

/** The norms of all rows of all items; 1 for a row of zeros. */
function rowNorms({ values, shape }: Datum): Float64Array {
  const n = shape[1];
  const norms = new Float64Array(values.length / n);
  for (let row = 0; row < norms.length; row++) {
    let square = 0;
    for (let k = row * n; k < (row + 1) * n; k++) square += values[k] * values[k];
    norms[row] = Math.sqrt(square) || 1;
  }
  return norms;
}

function spread(values: Float64Array): number {
  let smallest = Infinity;
  let largest = 0;
  for (const value of values) {
    smallest = Math.min(smallest, value);
    largest = Math.max(largest, value);
  }
  return largest === 0 ? 1 : largest / smallest;
}
