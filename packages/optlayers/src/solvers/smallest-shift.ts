import { maxAbs } from "../arrays.ts";
import { type Datum, itemOf, type QuadraticProgram } from "../problem/quadratic-program.ts";
import { zeroDatum } from "../problem/read-data.ts";
import { interiorPoint } from "./interior-point.ts";

/** A multiplier below this share of the largest one is 0: t = -nu and r = lambda are all of one unit. */
const rounding = 1e-8;

/**
 * Which constraints of one item move in the closest feasible problem,
 *
 *     minimize 1/2 |t|^2 + 1/2 |r|^2   over x, t, r   subject to  Ax - t = b,  Gx - r <= h.
 *
 * It always has a solution; (t, r) is unique, and r = the multipliers of its inequalities, so r >= 0 by itself and the rows that
 * move are those with a multiplier. Returns these inequalities; all others can be met as they are.
 */
export function rowsOfSmallestShift(problem: QuadraticProgram, item: number): number[] {
  const shifted = shiftProblem(problem, item);
  const { nu, lambda } = interiorPoint().solve(shifted);
  const least = rounding * Math.max(maxAbs(nu), maxAbs(lambda));
  return [...lambda.keys()].filter((row) => lambda[row] > least);
}

/** As a QP in (x, t, r). */
function shiftProblem({ n, p, m, A, b, G, h }: QuadraticProgram, item: number): QuadraticProgram {
  const width = n + p + m;
  const Q = zeroDatum(width, width);
  for (let k = n; k < width; k++) Q.values[k * (width + 1)] = 1;
  return {
    ...{ kind: "qp", n: width, p, m, batch: 1, batched: false },
    ...{ Q, q: zeroDatum(width) },
    ...{ A: besideNegativeIdentity(A, item, n, width), b: { ...b, values: itemOf(b, item), batched: false } },
    ...{ G: besideNegativeIdentity(G, item, n + p, width), h: { ...h, values: itemOf(h, item), batched: false } },
  };
}

/** The rows [K 0 -I 0], the identity from column `at`. */
function besideNegativeIdentity(K: Datum, item: number, at: number, width: number): Datum {
  const [rows, n] = K.shape;
  const result = zeroDatum(rows, width);
  const values = itemOf(K, item);
  for (let i = 0; i < rows; i++) {
    result.values.set(values.subarray(i * n, (i + 1) * n), i * width);
    result.values[i * width + at + i] = -1;
  }
  return result;
}
