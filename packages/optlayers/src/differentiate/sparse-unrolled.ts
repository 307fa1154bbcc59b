import { checkCount, checkFraction, checkPositive, checkRelaxation } from "../check-options.ts";
import type { SparseQuadraticProgram } from "../problem/sparse-quadratic-program.ts";
import { AdmmFactor } from "../solvers/sparse/admm-iteration.ts";
import { admmFactorOf } from "../solvers/sparse/admm-state.ts";
import { type ScaledProgram, scaledProgram } from "../solvers/sparse/scaled-program.ts";
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
  /** Iterations on the tape. Without it, as many as it takes until the state and its derivative settle. */
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
  const { program, factor } = iterationOf(problem, point, settings);
  const { n, D, E, cost } = program;
  const { p } = problem;
  const { x, nu, lambda, zeta } = filledCotangent(problem, cotangent);
  const c = x.map((value, j) => cost * D[j] * value);
  const g = Float64Array.from({ length: n + program.rows }, (_, k) => {
    if (k < n) return zeta[k] / D[k];
    return E[k - n] * (k - n < p ? nu[k - n] : lambda[k - n - p]);
  });
  const { tape, result } = onTape(program, factor, settings, ofGradient, (own) => own.backward(c, g));
  return { gradients: inOriginalUnits(problem, program, result), report: reportOf(tape, ofGradient, settings, begin) };
}

function jvp(
  problem: SparseQuadraticProgram,
  point: SolvedPoint,
  tangents: SparseDataTangents,
  settings: Settings,
): SparseJvp {
  const begin = performance.now();
  const { program, factor } = iterationOf(problem, point, settings);
  const { n, D, E, cost } = program;
  const { p } = problem;
  const d = inScaledUnits(problem, program, filledTangents(problem, tangents));
  const { tape, result } = onTape(program, factor, settings, ofTangent, (own) => own.forward(d));
  const { x, y } = result;
  const rows = E.map((scale, i) => (scale / cost) * y[n + i]);
  const tangent = {
    x: x.map((value, j) => D[j] * value),
    nu: rows.slice(0, p),
    lambda: rows.slice(p),
    zeta: D.map((scale, j) => y[j] / (cost * scale)),
  };
  return { tangent, report: reportOf(tape, ofTangent, settings, begin) };
}

function iterationOf(problem: SparseQuadraticProgram, { state }: SolvedPoint, settings: Settings) {
  const program = state?.program.original === problem ? state.program : scaledProgram(problem);
  return { program, factor: admmFactorOf(problem, state) ?? new AdmmFactor(program, settings.rho) };
}

/** When a derivative counts as settled, in tolerances, and what to say of one that has not. */
interface Settling {
  readonly limit: number;
  sentence(share: string, iterations: number): string;
}

const ofGradient: Settling = {
  limit: 100,
  sentence: (share, iterations) =>
    `The gradient has not settled: ${share} of the cotangent is left at the start of ${iterations} iterations`,
};

const ofTangent: Settling = {
  limit: 1,
  sentence: (share, iterations) =>
    `The tangent has not settled: it still changed by ${share} (relative) after ${iterations} iterations`,
};

/**
 * Differentiates a tape. The state may settle before the derivative does (a start that happens to be the solution): while the
 * derivative has not, and the number of iterations is free, the tape is made twice as long.
 */
function onTape<T>(
  program: ScaledProgram,
  factor: AdmmFactor,
  settings: Settings,
  { limit }: Settling,
  differentiate: (tape: AdmmTape) => T,
): { tape: AdmmTape; result: T } {
  const { iterations, tolerance, maxIterations } = settings;
  let atLeast = 1;
  let before = Infinity;
  for (;;) {
    const tape = new AdmmTape(program, factor, settings, atLeast);
    const result = differentiate(tape);
    const { unsettled } = tape;
    const settled = unsettled <= limit * tolerance || unsettled > before / 2;
    atLeast = 2 * tape.iterations;
    if (settled || iterations !== undefined || atLeast >= maxIterations) return { tape, result };
    before = unsettled;
  }
}

function reportOf(
  { iterations, residual, unsettled, bytes }: AdmmTape,
  { limit, sentence }: Settling,
  { tolerance, iterations: wanted }: Settings,
  begin: number,
): DifferentiationReport {
  const notes: string[] = [];
  if (residual > tolerance) {
    notes.push(`The state still changed by ${residual.toExponential(1)} (relative) after ${iterations} iterations.`);
  }
  if (unsettled > limit * tolerance) {
    const asked = wanted === undefined ? "" : ", as many as were asked for";
    notes.push(`${sentence(unsettled.toExponential(1), iterations)}${asked}.`);
  }
  return {
    iterations,
    milliseconds: performance.now() - begin,
    peakBytes: bytes,
    residual: Math.max(residual, unsettled),
    notes,
  };
}
