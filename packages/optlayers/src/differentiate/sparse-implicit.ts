import type { SparseMatrix } from "@solvegrad/linalg";
import { maxAbs } from "../arrays.ts";
import { DatumRangeError } from "../errors.ts";
import type { SparsePoint, SparseQuadraticProgram } from "../problem/sparse-quadratic-program.ts";
import { AT_HIGH, AT_LOW, HELD } from "../solvers/sparse/active-set.ts";
import type { SparseState } from "../solvers/sparse/kkt-system.ts";
import type { DifferentiationReport } from "./rule.ts";
import { activeBounds } from "./sparse/active-bounds.ts";
import { FaceSystem } from "./sparse/face-system.ts";

/** The cotangents of a sparse solution; those that are missing are zero. */
export interface SparseCotangent {
  readonly x: Float64Array;
  readonly nu?: Float64Array;
  readonly lambda?: Float64Array;
  readonly zeta?: Float64Array;
}

/**
 * The cotangents of the data. Those of Q, A and G have one entry for each stored entry of the matrix; an entry (i, j) of Q
 * is that of the symmetric gradient, so a change of both Q_ij and Q_ji counts it twice off the diagonal.
 */
export interface SparseDataCotangents {
  readonly Q: Float64Array;
  readonly q: Float64Array;
  readonly A: Float64Array;
  readonly b: Float64Array;
  readonly G: Float64Array;
  readonly l: Float64Array;
  readonly u: Float64Array;
  readonly lower: Float64Array;
  readonly upper: Float64Array;
}

export interface SparseVjp {
  readonly gradients: SparseDataCotangents;
  readonly report: DifferentiationReport;
}

/** Residual of the linear system, relative to the cotangent, over which the report says that no solution was found. */
const acceptedResidual = 1e-6;

/**
 * The vector-Jacobian product of a sparse QP's solution through its KKT conditions (OptNet, Amos and Kolter 2017), with the
 * rows and bounds that are active. With (u, y, w, z) the solution of the symmetric KKT system for the cotangent,
 *
 *     q: -u,  Q: -(u x' + x u')/2,  b: y,  A: -(nu u' + y x'),  G: -(lambda u' + w x'),
 *     l or u: w, lower or upper: z, at the bound that is active.
 *
 * A constraint that binds with a multiplier of zero counts as inactive; the report says how many there are. Where a quantity's bounds
 * agree, the cotangent goes in halves to both. Throws a `DatumRangeError` for a cotangent of the wrong length.
 */
export function sparseImplicitVjp(
  problem: SparseQuadraticProgram,
  point: SparsePoint & { readonly state?: SparseState },
  cotangent: SparseCotangent,
): SparseVjp {
  const begin = performance.now();
  const { n, p, m } = problem;
  const c = checked("x", cotangent.x, n);
  const r = new Float64Array(p + m);
  r.set(checked("nu", cotangent.nu, p));
  r.set(checked("lambda", cotangent.lambda, m), p);
  const { active, weaklyActive } = activeBounds(problem, point);
  const system = new FaceSystem(problem, active, point.state);
  const { u, y, z, residual } = system.solve(c, r, checked("zeta", cotangent.zeta, n));
  const [yA, w] = [y.slice(0, p), y.slice(p)];
  const rows = active.subarray(n + p);
  const gradients: SparseDataCotangents = {
    q: u.map((value) => 0 - value),
    b: yA,
    Q: onPattern(problem.Q, (i, j) => -(u[i] * point.x[j] + point.x[i] * u[j]) / 2),
    A: onPattern(problem.A, (i, j) => -(point.nu[i] * u[j] + yA[i] * point.x[j])),
    G: onPattern(problem.G, (i, j) => -(point.lambda[i] * u[j] + w[i] * point.x[j])),
    l: sideOf(w, rows, AT_LOW),
    u: sideOf(w, rows, AT_HIGH),
    lower: sideOf(z, active, AT_LOW),
    upper: sideOf(z, active, AT_HIGH),
  };
  const size = Math.max(maxAbs(c), maxAbs(r), Number.MIN_VALUE);
  const relative = residual / size;
  const report: DifferentiationReport = {
    iterations: 0,
    milliseconds: performance.now() - begin,
    peakBytes: 8 * (problem.Q.data.length + problem.A.data.length + problem.G.data.length + 12 * (n + p + m)),
    residual: relative,
    notes: notesOn(weaklyActive, relative, system.regular),
  };
  return { gradients, report };
}

function notesOn(weaklyActive: number, residual: number, regular: boolean): string[] {
  const notes: string[] = [];
  if (weaklyActive > 0) {
    const which = weaklyActive === 1 ? "1 constraint binds" : `${weaklyActive} constraints bind`;
    notes.push(`${which} with a multiplier of zero and count as inactive: the derivative is one-sided there.`);
  }
  if (!regular || residual > acceptedResidual) {
    notes.push(
      "The KKT system of the active constraints is singular: the solution is not unique, nor is its derivative.",
    );
  }
  return notes;
}

function checked(name: string, values: Float64Array | undefined, length: number): Float64Array {
  if (values === undefined) return new Float64Array(length);
  if (values.length === length) return values;
  const expected = `${length} numbers`;
  throw new DatumRangeError(`the cotangent of ${name} has ${values.length} entries; expected ${expected}`, {
    argument: name,
    shape: [values.length],
    item: null,
    expected,
  });
}

/** One value for each stored entry. */
function onPattern(M: SparseMatrix, value: (i: number, j: number) => number): Float64Array {
  const result = new Float64Array(M.data.length);
  for (let j = 0; j < M.shape[1]; j++) {
    for (let k = M.indptr[j]; k < M.indptr[j + 1]; k++) result[k] = value(M.indices[k], j);
  }
  return result;
}

/** The cotangents of the bounds on one side: all of it where that side is active, half of it where both are one. */
function sideOf(values: Float64Array, active: Uint8Array, side: number): Float64Array {
  return values.map((value, k) => (active[k] === side ? value : active[k] === HELD ? value / 2 : 0));
}
