import { checkCount, checkFraction, checkPositive, checkRelaxation } from "../check-options.ts";
import type { SparseQuadraticProgram } from "../problem/sparse-quadratic-program.ts";
import { type ActiveBounds, activeBounds } from "../solvers/sparse/active-bounds.ts";
import type { DifferentiationReport } from "./rule.ts";
import { FrozenRecursion, type RecursionRun, type RecursionSettings } from "./sparse/frozen-recursion.ts";
import { conditionTangents, sparseGradients } from "./sparse/kkt-cotangents.ts";
import { weaklyActiveNotes } from "./sparse/notes.ts";
import { overBatch, type SolvedPoint, type SparseRule } from "./sparse/over-batch.ts";
import {
  filledCotangent,
  filledTangents,
  type SparseCotangent,
  type SparseDataTangents,
  type SparseJvp,
  type SparseVjp,
} from "./sparse/sparse-rule.ts";

export interface SparseAlternatingOptions {
  /** Where the recursion stops: the estimated distance to its limit, relative to its first change. Its own tolerance, not the solver's. Default 1e-12. */
  readonly truncate?: number;
  /** Default 20000. */
  readonly maxIterations?: number;
  /** Over-relaxation of the recursion in (0, 2); the limit does not depend on it. Default 1.6. */
  readonly relaxation?: number;
  /** The penalty for solutions of other solvers than ADMM, which brings its own. Default 1. */
  readonly rho?: number;
}

/**
 * Alt-Diff (Sun et al. 2023, equation (7)) for sparse QPs: the derivative of ADMM's updates at the solution of any solver. The VJP
 * runs the recursion backwards for one cotangent, the JVP forwards for one direction; a step costs one solve with
 * `sparseAdmm`'s factor, and nothing of the size of a Jacobian is formed. Both tend to the derivative through the KKT conditions; the
 * report says how far they were run.
 *
 * Throws an `OptionError` for an option out of range.
 */
export function sparseAlternating(options: SparseAlternatingOptions = {}): SparseRule {
  const { truncate = 1e-12, maxIterations = 20_000, relaxation = 1.6, rho = 1 } = options;
  checkFraction("truncate", truncate);
  checkCount("maxIterations", maxIterations);
  checkRelaxation(relaxation);
  checkPositive("rho", rho);
  const settings: RecursionSettings = { truncate, maxIterations, relaxation, rho };
  return overBatch("alternating", {
    vjp: (problem, point, cotangent) => vjp(problem, point, cotangent, settings),
    jvp: (problem, point, tangents) => jvp(problem, point, tangents, settings),
  });
}

function vjp(
  problem: SparseQuadraticProgram,
  point: SolvedPoint,
  cotangent: SparseCotangent,
  settings: RecursionSettings,
): SparseVjp {
  const begin = performance.now();
  const c = filledCotangent(problem, cotangent);
  const r = new Float64Array(problem.p + problem.m);
  r.set(c.nu);
  r.set(c.lambda, problem.p);
  const bounds = activeBounds(problem, point);
  const run = new FrozenRecursion(problem, point, bounds.active, settings).adjoint(c.x, r, c.zeta);
  const gradients = sparseGradients(problem, point, bounds.active, run);
  return { gradients, report: reportOf(problem, bounds, run, settings, begin) };
}

function jvp(
  problem: SparseQuadraticProgram,
  point: SolvedPoint,
  tangents: SparseDataTangents,
  settings: RecursionSettings,
): SparseJvp {
  const begin = performance.now();
  const bounds = activeBounds(problem, point);
  const { c, r, f } = conditionTangents(problem, point, bounds.active, filledTangents(problem, tangents));
  const run = new FrozenRecursion(problem, point, bounds.active, settings).forward(c, r, f);
  const { p } = problem;
  const tangent = { x: run.u, nu: run.y.slice(0, p), lambda: run.y.slice(p), zeta: run.z };
  return { tangent, report: reportOf(problem, bounds, run, settings, begin) };
}

/** From this tolerance on a report says that the derivative is a truncated one. */
const truncatedOnPurpose = 1e-6;

function reportOf(
  { n, p, m }: SparseQuadraticProgram,
  { weaklyActive }: ActiveBounds,
  { iterations, residual }: RecursionRun,
  { truncate }: RecursionSettings,
  begin: number,
): DifferentiationReport {
  const notes = weaklyActiveNotes(weaklyActive);
  if (!(residual <= truncate)) {
    const advice =
      residual < 1
        ? "raise maxIterations"
        : "dependent constraints may leave it without a limit, as they do not sparseImplicit()";
    notes.push(
      `The recursion is still an estimated ${residual.toExponential(1)} (relative) from its limit after ${iterations} iterations; ${advice}.`,
    );
  } else if (truncate >= truncatedOnPurpose) {
    notes.push(`The recursion was truncated at a residual of ${truncate} on purpose.`);
  }
  return {
    iterations,
    milliseconds: performance.now() - begin,
    peakBytes: 8 * (5 * (n + p + m) + 4 * n),
    residual,
    notes,
  };
}
