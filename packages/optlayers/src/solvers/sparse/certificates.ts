import {
  addProduct,
  addSymmetricProduct,
  addTransposedProduct,
  fromTriplets,
  type Triplet,
  triplets,
} from "@solvegrad/linalg";
import { concatenated, maxAbs } from "../../arrays.ts";
import type { SparseQuadraticProgram } from "../../problem/sparse-quadratic-program.ts";
import { iterateSparse } from "./iteration.ts";
import { KktSystem } from "./kkt-system.ts";
import { scaledProgram } from "./scaled-program.ts";

/**
 * Proof that a sparse QP has no solution. Primal infeasible: A'nu + G'lambda + zeta = 0 and
 * b'nu + sigma(lambda) + sigma(zeta) = -1 < 0, with sigma(y) = upper'max(y, 0) + lower'min(y, 0) finite. Dual infeasible
 * (unbounded, if feasible): a direction d with Qd = 0, Ad = 0, q'd = -1 that no finite bound of Gx or x stops.
 */
export type SparseCertificate =
  /** The lower bound of one quantity lies above its upper one: `index` counts the bounds of x, then the rows of G. */
  | { readonly kind: "primal_infeasible"; readonly crossed: number }
  | {
      readonly kind: "primal_infeasible";
      readonly nu: Float64Array;
      readonly lambda: Float64Array;
      readonly zeta: Float64Array;
    }
  | { readonly kind: "dual_infeasible"; readonly direction: Float64Array };

/** How exactly a certificate's conditions must hold, relative to its data and to its value. */
const certificateTolerance = 1e-7;

/** A checked proof that the problem has no solution, or null where none is found. */
export function sparseCertificate(
  problem: SparseQuadraticProgram,
  interrupted: () => boolean,
): SparseCertificate | null {
  const crossed = crossedBounds(problem);
  if (crossed !== null) return crossed;
  return closestPointCertificate(problem, interrupted) ?? directionCertificate(problem, interrupted);
}

/** The proof that a lower bound lies above its upper one, or null where none does. */
export function crossedBounds({ n, lower, upper, l, u }: SparseQuadraticProgram): SparseCertificate | null {
  const j = lower.findIndex((value, k) => value > upper[k]);
  if (j >= 0) return { kind: "primal_infeasible", crossed: j };
  const i = l.findIndex((value, k) => value > u[k]);
  return i >= 0 ? { kind: "primal_infeasible", crossed: n + i } : null;
}

/**
 * The closest feasible relaxation: minimize 1/2 |r|^2 + 1/2 |v|^2 subject to Ax - r = b, l <= Gx - v <= u and the bounds of
 * x. Its multipliers r and v have A'r + G'v + zeta = 0 and prove infeasibility unless they vanish.
 */
function closestPointCertificate(
  problem: SparseQuadraticProgram,
  interrupted: () => boolean,
): SparseCertificate | null {
  const { n, p, m, A, G } = problem;
  if (p + m === 0) return null;
  const size = n + p + m;
  const widened = (M: typeof A, offset: number) =>
    fromTriplets(
      [M.shape[0], size],
      [...triplets(M), ...Array.from({ length: M.shape[0] }, (_, i): Triplet => [i, offset + i, -1])],
    );
  const free = (value: number) => new Float64Array(p + m).fill(value);
  const relaxation: SparseQuadraticProgram = {
    ...problem,
    n: size,
    Q: fromTriplets(
      [size, size],
      Array.from({ length: p + m }, (_, i): Triplet => [n + i, n + i, 1]),
    ),
    q: new Float64Array(size),
    A: widened(A, n),
    G: widened(G, n + p),
    lower: concatenated(problem.lower, free(-Infinity)),
    upper: concatenated(problem.upper, free(Infinity)),
    constant: 0,
  };
  const { nu, lambda, zeta } = solved(relaxation, interrupted);
  return checkedPrimal(problem, nu, lambda, zeta.slice(0, n));
}

/** The certificate of these multipliers, if they are one. */
export function checkedPrimal(
  problem: SparseQuadraticProgram,
  nu: Float64Array,
  lambda: Float64Array,
  zeta: Float64Array,
): SparseCertificate | null {
  const { n, A, G, b, l, u, lower, upper } = problem;
  const y = lambda.map((value, i) => possible(value, l[i], u[i]));
  const combination = new Float64Array(n);
  addTransposedProduct(1, A, nu, combination);
  addTransposedProduct(1, G, y, combination);
  // the multipliers of the bounds take up what they may
  const z = zeta.map((_, j) => possible(-combination[j], lower[j], upper[j]));
  let value = 0;
  for (let i = 0; i < nu.length; i++) value -= b[i] * nu[i];
  for (let i = 0; i < y.length; i++) if (y[i] !== 0) value -= y[i] * (y[i] > 0 ? u[i] : l[i]);
  for (let j = 0; j < n; j++) if (z[j] !== 0) value -= z[j] * (z[j] > 0 ? upper[j] : lower[j]);
  const size = Math.max(maxAbs(nu), maxAbs(y), maxAbs(z));
  const rows = 1 + Math.max(maxAbs(A.data), maxAbs(G.data));
  const rest = maxAbs(combination.map((entry, j) => entry + z[j]));
  if (!(value > certificateTolerance * size && rest <= certificateTolerance * Math.min(size * rows, value)))
    return null;
  const normalized = (values: Float64Array) => values.map((entry) => entry / value);
  return { kind: "primal_infeasible", nu: normalized(nu), lambda: normalized(y), zeta: normalized(z) };
}

/** A multiplier, or zero where it would push against an infinite bound. */
function possible(value: number, low: number, high: number): number {
  return Number.isFinite(value > 0 ? high : low) ? value : 0;
}

/** The shortest direction with Qd = 0, Ad = 0, q'd = -1 that stays inside all finite bounds for ever. */
function directionCertificate(problem: SparseQuadraticProgram, interrupted: () => boolean): SparseCertificate | null {
  const { n, p, m, Q, A, q } = problem;
  const rows: Triplet[] = [
    ...triplets(A),
    ...triplets(Q).flatMap(([i, j, value]): Triplet[] =>
      i === j
        ? [[p + i, j, value]]
        : [
            [p + i, j, value],
            [p + j, i, value],
          ],
    ),
    ...Array.from(q, (value, j): Triplet => [p + n, j, value]),
  ];
  const b = new Float64Array(p + n + 1);
  b[p + n] = -1;
  const away = (bound: number) => (Number.isFinite(bound) ? 0 : bound);
  const cone: SparseQuadraticProgram = {
    ...problem,
    p: p + n + 1,
    m,
    Q: fromTriplets(
      [n, n],
      Array.from({ length: n }, (_, j): Triplet => [j, j, 1]),
    ),
    q: new Float64Array(n),
    A: fromTriplets([p + n + 1, n], rows),
    b,
    l: problem.l.map(away),
    u: problem.u.map(away),
    lower: problem.lower.map(away),
    upper: problem.upper.map(away),
    constant: 0,
  };
  return checkedDirection(problem, solved(cone, interrupted).x);
}

/** The certificate of this direction, if it is one. */
export function checkedDirection(problem: SparseQuadraticProgram, direction: Float64Array): SparseCertificate | null {
  const { n, p, m, Q, A, G, q, l, u, lower, upper } = problem;
  const d = direction.map((value, j) => stayed(value, lower[j], upper[j]));
  let decrease = 0;
  for (let j = 0; j < n; j++) decrease -= q[j] * d[j];
  const size = maxAbs(d);
  if (!(decrease > certificateTolerance * size * (1 + maxAbs(q)))) return null;
  const limit = (data: Float64Array) => certificateTolerance * Math.min(size * (1 + maxAbs(data)), decrease);
  const [Qd, Ad, Gd] = [new Float64Array(n), new Float64Array(p), new Float64Array(m)];
  addSymmetricProduct(1, Q, d, Qd);
  addProduct(1, A, d, Ad);
  addProduct(1, G, d, Gd);
  const beyond = Gd.map((value, i) => value - stayed(value, l[i], u[i]));
  if (!(maxAbs(Qd) <= limit(Q.data) && maxAbs(Ad) <= limit(A.data) && maxAbs(beyond) <= limit(G.data))) return null;
  return { kind: "dual_infeasible", direction: d.map((value) => value / decrease) };
}

/** The part of a change that no finite bound stops. */
function stayed(change: number, low: number, high: number): number {
  return Number.isFinite(change > 0 ? high : low) ? 0 : change;
}

function solved(problem: SparseQuadraticProgram, interrupted: () => boolean) {
  const accepts = ({ primal, dual, gap }: { primal: number; dual: number; gap: number }) =>
    Math.max(primal, dual, gap) < 1e-12;
  const program = scaledProgram(problem);
  return iterateSparse(program, new KktSystem(program), {}, { maxIterations: 100, accepts, interrupted }).point;
}
