import { activeKernels, transposed, type View, view } from "@solvegrad/linalg";
import { diagonalRatio } from "../../arrays.ts";
import { itemOf, type QuadraticProgram } from "../../problem/quadratic-program.ts";

/**
 * What ADMM needs of (Q, A, G) whatever the penalty: the constraints stacked and scaled, K = E [A; G] (r x n, r = p + m),
 * and the factor of Q where it is positive definite.
 *
 * The rows are scaled so that rho = 1 is a good first guess: E_A makes the diagonal of A Q^-1 A' equal to
 * `equalityWeight`, and E_G the diagonal of G (Q + A'E_A^2 A)^-1 G' equal to 1, which is the part of G that the
 * equalities leave free. Without it, constraints that share one dominant direction (entries uniform on (0, 1)) take
 * thousands of iterations. The scaled problem has the same x; its duals are nu / E and lambda / E, its slacks E s.
 * Where Q is singular the rows are scaled by their Euclidean lengths instead.
 */
export interface AdmmGeometry {
  readonly n: number;
  readonly p: number;
  readonly r: number;
  readonly Q: View<Float64Array>;
  readonly K: View<Float64Array>;
  /** The diagonal of E. */
  readonly scale: Float64Array;
  /** Lower Cholesky factor of Q, null where Q is not (numerically) positive definite. */
  readonly factorQ: View<Float64Array> | null;
  /** T = factorQ^-1 K' (n x r), null together with factorQ. */
  readonly T: View<Float64Array> | null;
  /** S = K Q^-1 K' (r x r), where the iteration runs in the space of the constraints; otherwise null. */
  readonly S: View<Float64Array> | null;
  /** The factors made so far, by penalty: a training run meets the same few again and again. */
  readonly penalties: Map<number, PenaltyFactor>;
}

/** The factors for one penalty: M = K H^-1 K' in the space of the constraints, or the Cholesky factor of H. */
export interface PenaltyFactor {
  readonly rho: number;
  /** The Cholesky factor of I + rho S in the space of the constraints; otherwise null. */
  readonly shifted: View<Float64Array> | null;
  /** M (r x r) or the factor of H + proximal I (n x n). */
  readonly matrix: View<Float64Array>;
  /** 0, or the weight of the proximal term that stands in where H itself is singular. */
  readonly proximal: number;
}

/** Weight of the equalities against the inequalities, in the diagonal of K Q^-1 K': they have no slack to find. */
const equalityWeight = 100;

/** A pivot of Q's factor smaller than this fraction of the largest counts as zero: x would lose most of its digits. */
const singularPivot = 1e-5;

/** The geometry of item `i` (any item, when Q, A and G are shared). `space` overrides the choice of the iteration's space. */
export function admmGeometry(problem: QuadraticProgram, i: number, space?: "full" | "reduced"): AdmmGeometry {
  const { n, p, m } = problem;
  const r = p + m;
  const Q = view(itemOf(problem.Q, i), [n, n]);
  const rows = new Float64Array(r * n);
  rows.set(itemOf(problem.A, i));
  rows.set(itemOf(problem.G, i), p * n);
  const K = view(rows, [r, n]);
  const factorQ = positiveDefiniteFactor(Q);
  const scale = factorQ ? metricScale(Q, factorQ, K, p) : euclideanScale(Q, K, p);
  for (let k = 0; k < r * n; k++) rows[k] *= scale[Math.floor(k / n)];

  const T = factorQ && whitened(factorQ, K);
  const reduced = T !== null && (space ? space === "reduced" : r < n);
  const S = reduced ? gram(T) : null;
  return { n, p, r, Q, K, scale, factorQ, T, S, penalties: new Map() };
}

/** The Cholesky factor of Q with zeros above the diagonal, or null where a pivot (nearly) vanishes. */
function positiveDefiniteFactor(Q: View<Float64Array>): View<Float64Array> | null {
  const n = Q.shape[0];
  const L = view(Q.data.slice(Q.offset, Q.offset + n * n), [n, n]);
  if (activeKernels().potrf(L) !== 0) return null;
  return diagonalRatio(L.data, n) > singularPivot ? L : null;
}

/** L^-1 K' (n x r). */
function whitened(L: View<Float64Array>, K: View<Float64Array>): View<Float64Array> {
  const [r, n] = K.shape;
  const T = view(new Float64Array(n * r), [n, r]);
  for (let i = 0; i < r; i++) for (let j = 0; j < n; j++) T.data[j * r + i] = K.data[K.offset + i * n + j];
  if (r > 0) activeKernels().trsm("lower", 1, L, T);
  return T;
}

/** T'T. */
function gram(T: View<Float64Array>): View<Float64Array> {
  const r = T.shape[1];
  const S = view(new Float64Array(r * r), [r, r]);
  if (r > 0) activeKernels().syrk(1, transposed(T), 0, S);
  return S;
}

function metricScale(
  Q: View<Float64Array>,
  factorQ: View<Float64Array>,
  K: View<Float64Array>,
  p: number,
): Float64Array {
  const [r, n] = K.shape;
  const equalities = view(K.data, [p, n]);
  const scale = new Float64Array(r);
  scale.set(inverseColumnLengths(whitened(factorQ, equalities), Math.sqrt(equalityWeight)));

  const weighted = view(equalities.data.slice(0, p * n), [p, n]);
  for (let k = 0; k < p * n; k++) weighted.data[k] *= scale[Math.floor(k / n)];
  const H = view(Q.data.slice(Q.offset, Q.offset + n * n), [n, n]);
  if (p > 0) activeKernels().syrk(1, transposed(weighted), 1, H);
  const failed = activeKernels().potrf(H) !== 0;
  const inequalities = view(K.data, [r - p, n], p * n);
  scale.set(inverseColumnLengths(whitened(failed ? factorQ : H, inequalities), 1), p);
  return scale;
}

function euclideanScale(Q: View<Float64Array>, K: View<Float64Array>, p: number): Float64Array {
  const [, n] = K.shape;
  let trace = 0;
  for (let j = 0; j < n; j++) trace += Q.data[Q.offset + j * n + j];
  const size = Math.sqrt(trace > 0 ? trace / n : 1);
  const scale = inverseColumnLengths(transposed(K), size);
  for (let i = 0; i < p; i++) scale[i] *= Math.sqrt(equalityWeight);
  return scale;
}

/** `target` over the Euclidean length of each column; 1 for a column of zeros. */
function inverseColumnLengths(M: View<Float64Array>, target: number): Float64Array {
  const [rows, columns] = M.shape;
  const squares = new Float64Array(columns);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const value = M.data[M.offset + i * M.stride[0] + j * M.stride[1]];
      squares[j] += value * value;
    }
  }
  return squares.map((square) => (square > 0 ? target / Math.sqrt(square) : 1));
}
