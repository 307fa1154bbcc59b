import type { SparsePoint, SparseQuadraticProgram } from "../problem/sparse-quadratic-program.ts";
import { activeBounds } from "../solvers/sparse/active-bounds.ts";
import type { SparseState } from "../solvers/sparse/kkt-system.ts";
import type { DifferentiationReport } from "./rule.ts";
import { FaceSystem } from "./sparse/face-system.ts";
import { conditionTangents, sparseGradients } from "./sparse/kkt-cotangents.ts";
import { weaklyActiveNotes } from "./sparse/notes.ts";
import {
  filledCotangent,
  filledTangents,
  type SparseCotangent,
  type SparseDataTangents,
  type SparseJvp,
  type SparseVjp,
} from "./sparse/sparse-rule.ts";

/** Residual of the linear system, relative to its right-hand side, over which the report says that no solution was found. */
const acceptedResidual = 1e-6;

/** A solution, with what its solver left behind for a derivative. */
type SolvedPoint = SparsePoint & { readonly state?: SparseState };

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
  point: SolvedPoint,
  cotangent: SparseCotangent,
): SparseVjp {
  const begin = performance.now();
  const { p, m } = problem;
  const c = filledCotangent(problem, cotangent);
  const r = new Float64Array(p + m);
  r.set(c.nu);
  r.set(c.lambda, p);
  const face = faceAt(problem, point);
  const { u, y, z, residual } = face.system.solve(c.x, r, c.zeta);
  const gradients = sparseGradients(problem, point, face.active, { u, y, z });
  return { gradients, report: reportOf(problem, face, residual, begin) };
}

/**
 * The Jacobian-vector product along a direction of the data: the same symmetric system, with the KKT conditions differentiated
 * at the active rows and bounds on its right-hand side,
 *
 *     Q dx + A'dnu + G'dlambda + dzeta = -(dQ x + dq + dA'nu + dG'lambda),
 *     A dx = db - dA x,   G dx = d(its bound) - dG x on the active rows,   dx = d(its bound) on the active bounds.
 *
 * The conventions are those of `sparseImplicitVjp`, whose transpose this is. Throws a `DatumRangeError` for a tangent of the
 * wrong length.
 */
export function sparseImplicitJvp(
  problem: SparseQuadraticProgram,
  point: SolvedPoint,
  tangents: SparseDataTangents,
): SparseJvp {
  const begin = performance.now();
  const { p } = problem;
  const face = faceAt(problem, point);
  const { c, r, f } = conditionTangents(problem, point, face.active, filledTangents(problem, tangents));
  const { u, y, z, residual } = face.system.solve(c, r, f);
  return {
    tangent: { x: u, nu: y.slice(0, p), lambda: y.slice(p), zeta: z },
    report: reportOf(problem, face, residual, begin),
  };
}

/** The linear system at the constraints that are active at a point. */
interface Face {
  readonly system: FaceSystem;
  readonly active: Uint8Array;
  readonly weaklyActive: number;
}

function faceAt(problem: SparseQuadraticProgram, point: SolvedPoint): Face {
  const { active, weaklyActive } = activeBounds(problem, point);
  return { system: new FaceSystem(problem, active, point.state), active, weaklyActive };
}

function reportOf(
  { n, p, m, Q, A, G }: SparseQuadraticProgram,
  { system, weaklyActive }: Face,
  residual: number,
  begin: number,
): DifferentiationReport {
  return {
    iterations: 0,
    milliseconds: performance.now() - begin,
    peakBytes: 8 * (Q.data.length + A.data.length + G.data.length + 12 * (n + p + m)),
    residual,
    notes: notesOn(weaklyActive, residual, system.regular),
  };
}

function notesOn(weaklyActive: number, residual: number, regular: boolean): string[] {
  const notes = weaklyActiveNotes(weaklyActive);
  if (!regular || residual > acceptedResidual) {
    notes.push(
      "The KKT system of the active constraints is singular: the solution is not unique, nor is its derivative.",
    );
  }
  return notes;
}
