import {
  addDoubledSymmetricProduct,
  addDoubledTransposedProduct,
  DoubledVector,
  fromTriplets,
  type SparseMatrix,
  sparseTranspose,
  sparseZeros,
  type Triplet,
  triplets,
} from "@solvegrad/linalg";
import type { SparsePoint, SparseQuadraticProgram } from "../../problem/sparse-quadratic-program.ts";
import { AT_HIGH, AT_LOW, HELD, INACTIVE } from "./active-set.ts";

/** A quadratic program for the multipliers of a point, and the way back from its solution. */
export interface MultiplierProgram {
  readonly program: SparseQuadraticProgram;
  readonly pointFrom: (multipliers: Float64Array) => SparsePoint;
}

/**
 * Where the feasible set has no interior, the multipliers of a solution x are an unbounded set, and an interior point
 * follows it to infinity. This states the choice of the least of them,
 *
 *     minimize 1/2 |nu|^2 + 1/2 |lambda|^2 + 1/2 |zeta|^2
 *     subject to  A'nu + G'lambda + zeta = -(Qx + q),  lambda, zeta of the sign of the bound that is active, else 0,
 *
 * with the multipliers measured in `unit`, their expected size.
 */
export function multiplierProgram(
  problem: SparseQuadraticProgram,
  x: Float64Array,
  active: Uint8Array,
  unit: number,
): MultiplierProgram {
  const { n, p, m, A, G } = problem;
  const rows = Array.from({ length: p + m }, (_, i) => i).filter((i) => active[n + i] !== INACTIVE);
  const bounds = Array.from({ length: n }, (_, j) => j).filter((j) => active[j] !== INACTIVE);
  const kinds = [...rows.map((i) => active[n + i]), ...bounds.map((j) => active[j])];
  const size = kinds.length;
  const snapped = snappedToBounds(problem, x, active);
  const gradient = gradientOf(problem, snapped);
  const program: SparseQuadraticProgram = {
    kind: "sparse_qp",
    n: size,
    p: n,
    m: 0,
    Q: fromTriplets(
      [size, size],
      kinds.map((_, k): Triplet => [k, k, 1]),
    ),
    q: new Float64Array(size),
    A: stationarityRows(A, G, rows, bounds, n),
    b: gradient.map((value) => -value / unit),
    G: sparseZeros(0, size),
    l: new Float64Array(0),
    u: new Float64Array(0),
    lower: Float64Array.from(kinds, (kind) => (kind === AT_HIGH ? 0 : -Infinity)),
    upper: Float64Array.from(kinds, (kind) => (kind === AT_LOW ? 0 : Infinity)),
    constant: 0,
  };
  const pointFrom = (values: Float64Array): SparsePoint => {
    const y = new Float64Array(p + m);
    rows.forEach((i, k) => {
      y[i] = signed(unit * values[k], kinds[k]);
    });
    return exactPoint(problem, snapped, y, active);
  };
  return { program, pointFrom };
}

/** x with the entries whose bound is active put on it. */
function snappedToBounds({ n, lower, upper }: SparseQuadraticProgram, x: Float64Array, active: Uint8Array) {
  const result = x.slice();
  for (let j = 0; j < n; j++) {
    if (active[j] === AT_LOW || active[j] === HELD) result[j] = lower[j];
    if (active[j] === AT_HIGH) result[j] = upper[j];
  }
  return result;
}

function signed(value: number, kind: number): number {
  if (kind === AT_LOW) return Math.min(value, 0);
  return kind === AT_HIGH ? Math.max(value, 0) : value;
}

/** Qx + q. */
function gradientOf({ n, Q, q }: SparseQuadraticProgram, x: Float64Array): Float64Array {
  const sum = new DoubledVector(n).set(q);
  addDoubledSymmetricProduct(1, Q, x, sum);
  return sum.round(new Float64Array(n));
}

/** The columns A'e_i, G'e_i of these rows, then e_j of these bounds. */
function stationarityRows(
  A: SparseMatrix,
  G: SparseMatrix,
  rows: readonly number[],
  bounds: readonly number[],
  n: number,
): SparseMatrix {
  const p = A.shape[0];
  const place = new Int32Array(p + G.shape[0]).fill(-1);
  rows.forEach((i, k) => {
    place[i] = k;
  });
  const ofRows = (M: SparseMatrix, offset: number) =>
    triplets(sparseTranspose(M))
      .filter(([, i]) => place[offset + i] >= 0)
      .map(([j, i, value]): Triplet => [j, place[offset + i], value]);
  const ofBounds = bounds.map((j, k): Triplet => [j, rows.length + k, 1]);
  return fromTriplets([n, rows.length + bounds.length], [...ofRows(A, 0), ...ofRows(G, p), ...ofBounds]);
}

/** The point whose bound multipliers make it stationary exactly, where their sign allows it. */
function exactPoint(
  problem: SparseQuadraticProgram,
  x: Float64Array,
  y: Float64Array,
  active: Uint8Array,
): SparsePoint {
  const { n, p, Q, q, A, G } = problem;
  const sum = new DoubledVector(n).set(q);
  addDoubledSymmetricProduct(1, Q, x, sum);
  addDoubledTransposedProduct(1, A, y.subarray(0, p), sum);
  addDoubledTransposedProduct(1, G, y.subarray(p), sum);
  const gradient = sum.round(new Float64Array(n));
  const zeta = gradient.map((value, j) => (active[j] === INACTIVE ? 0 : signed(-value, active[j])));
  return { x, nu: y.slice(0, p), lambda: y.slice(p), zeta };
}
