import { checkCount, checkFraction, checkPositive, checkRelaxation } from "../check-options.ts";
import type { SparseQuadraticProgram } from "../problem/sparse-quadratic-program.ts";
import { AdmmFactor } from "../solvers/sparse/admm-iteration.ts";
import { admmFactorOf } from "../solvers/sparse/admm-state.ts";
import { scaledProgram } from "../solvers/sparse/scaled-program.ts";
import type { DifferentiationReport } from "./rule.ts";
import { AdmmTape, type TapeSettings } from "./sparse/admm-tape.ts";
import { overBatch, type SolvedPoint, type SparseRule } from "./sparse/over-batch.ts";
import { inOriginalUnits, inScaledUnits } from "./sparse/scaled-data.ts";
import {
  filledCotangent,
  filledTangents,
  type SparseCotangent,
  type SparseDataTangents,
  type SparseJvp,
  type SparseVjp,
} from "./sparse/sparse-rule.ts";

export interface SparseUnrolledOptions {
  /** Iterations on the tape. Without it, twice as many as the state takes to settle. */
  readonly iterations?: number;
  /** The state has settled where it changes by less than this share of its first change. Default 1e-10. */
  readonly tolerance?: number;
  /** Most iterations where `iterations` is not given. Default 20000. */
  readonly maxIterations?: number;
  /** Over-relaxation in (0, 2). Default 1.6. */
  readonly relaxation?: number;
  /** The penalty for solutions of other solvers than ADMM, which brings its own. Default 1. */
  readonly rho?: number;
}

/**
 * Unrolling for sparse QPs: ADMM is run from its cold start with one penalty, and the iterations are differentiated as they
 * are, backwards for the VJP and forwards for the JVP, which are exact transposes. States are kept at every root of the
 * number of iterations and the stretches between are computed anew, so the memory grows with that root (`peakBytes`). With enough iterations
 * its gradients are those of the other rules.
 *
 * Throws an `OptionError` for an option out of range.
 */
export function sparseUnrolled(options: SparseUnrolledOptions = {}): SparseRule {
  const { iterations, tolerance = 1e-10, maxIterations = 20_000, relaxation = 1.6, rho = 1 } = options;
  if (iterations !== undefined) checkCount("iterations", iterations);
  checkFraction("tolerance", tolerance);
  checkCount("maxIterations", maxIterations);
  checkRelaxation(relaxation);
  checkPositive("rho", rho);
  const settings: Settings = { iterations, tolerance, maxIterations, relaxation, rho };
  return overBatch("unrolled", {
    vjp: (problem, point, cotangent) => vjp(problem, point, cotangent, settings),
    jvp: (problem, point, tangents) => jvp(problem, point, tangents, settings),
  });
}

interface Settings extends TapeSettings {
  readonly rho: number;
}

function vjp(
  problem: SparseQuadraticProgram,
  point: SolvedPoint,
  cotangent: SparseCotangent,
  settings: Settings,
): SparseVjp {
  const begin = performance.now();
  const { program, tape } = tapeOf(problem, point, settings);
  const { n, D, E, cost } = program;
  const { p } = problem;
  const { x, nu, lambda, zeta } = filledCotangent(problem, cotangent);
  const c = x.map((value, j) => cost * D[j] * value);
  const g = Float64Array.from({ length: n + program.rows }, (_, k) => {
    if (k < n) return zeta[k] / D[k];
    return E[k - n] * (k - n < p ? nu[k - n] : lambda[k - n - p]);
  });
  const gradients = inOriginalUnits(problem, program, tape.backward(c, g));
  return { gradients, report: reportOf(tape, settings, begin) };
}

function jvp(
  problem: SparseQuadraticProgram,
  point: SolvedPoint,
  tangents: SparseDataTangents,
  settings: Settings,
): SparseJvp {
  const begin = performance.now();
  const { program, tape } = tapeOf(problem, point, settings);
  const { n, D, E, cost } = program;
  const { p } = problem;
  const { x, y } = tape.forward(inScaledUnits(problem, program, filledTangents(problem, tangents)));
  const rows = E.map((scale, i) => (scale / cost) * y[n + i]);
  const tangent = {
    x: x.map((value, j) => D[j] * value),
    nu: rows.slice(0, p),
    lambda: rows.slice(p),
    zeta: D.map((scale, j) => y[j] / (cost * scale)),
  };
  return { tangent, report: reportOf(tape, settings, begin) };
}

function tapeOf(problem: SparseQuadraticProgram, { state }: SolvedPoint, settings: Settings) {
  const program = state?.program.original === problem ? state.program : scaledProgram(problem);
  const factor = admmFactorOf(problem, state) ?? new AdmmFactor(program, settings.rho);
  return { program, tape: new AdmmTape(program, factor, settings) };
}

/** A tape whose memory of its start is below this many tolerances has the gradient of the fixed point. */
const settledMemory = 100;

function reportOf(tape: AdmmTape, { tolerance, iterations: wanted }: Settings, begin: number): DifferentiationReport {
  const { iterations, residual, memory, bytes } = tape;
  const notes: string[] = [];
  if (residual > tolerance) {
    notes.push(`The state still changed by ${residual.toExponential(1)} (relative) after ${iterations} iterations.`);
  }
  if (memory > settledMemory * tolerance) {
    const left = `${memory.toExponential(1)} of the cotangent is left at the start of ${iterations} iterations`;
    notes.push(`The gradient has not settled: ${left}${wanted === undefined ? "" : ", as many as were asked for"}.`);
  }
  return {
    iterations,
    milliseconds: performance.now() - begin,
    peakBytes: bytes,
    residual: Math.max(residual, memory),
    notes,
  };
}
