import { withRecording } from "@solvegrad/autograd";
import { symmetrize } from "../arrays.ts";
import { checkCount, checkFraction, checkPositive, checkRelaxation } from "../check-options.ts";
import { OptionError } from "../errors.ts";
import { type DatumName, datumNames, type QuadraticProgram } from "../problem/quadratic-program.ts";
import { GeometryCache } from "../solvers/admm/groups.ts";
import type { Solution } from "../solvers/solver.ts";
import { type FrozenPoints, frozenPoints } from "./alternating/point.ts";
import type { KktRule } from "./kkt-rule.ts";
import type { DataCotangents, DifferentiationReport, VjpOptions } from "./rule.ts";
import { carryTangents } from "./unrolled/tangent.ts";
import { differentiateTape, settledMemory, type TapeSettings, type UnrolledRun } from "./unrolled/tape.ts";

export interface UnrolledOptions {
  /** Iterations on the tape. Without it, as many as it takes until the state and its derivative settle. */
  readonly iterations?: number;
  /**
   * Where `iterations` is not given, the tape ends when the state changes by less than this share of its first change, and
   * less than 100 times this share of the cotangent is left at the start. Default 1e-11.
   */
  readonly tolerance?: number;
  /** Most iterations where `iterations` is not given. Default 2000. */
  readonly maxIterations?: number;
  /** Over-relaxation in (0, 2). Default 1.6. */
  readonly relaxation?: number;
  /** The penalty for solutions of other solvers than ADMM, which brings its own. Default 1. */
  readonly rho?: number;
  /**
   * Stores the states of about sqrt(k) of the k iterations instead of the whole tape, and runs the others again on the way back:
   * memory grows with the square root of the iterations, for twice the work forwards. The gradients are the same to rounding. Default false.
   */
  readonly checkpoints?: boolean;
}

/**
 * Unrolling: ADMM is run from its cold start on the tape of the autodiff engine, and the tape is run backwards. It differentiates
 * the iterations themselves, so it takes no optimality condition for granted, and its memory grows with their number
 * (`peakBytes` is what the tape held), or with its square root with `checkpoints`. With enough iterations its gradients are those of the
 * other rules. The Jacobian-vector product carries tangents forwards along the same iterations, at constant memory.
 *
 * Of the solution it uses the statuses (items without a usable one are left off the tape) and ADMM's penalty. ADMM's start,
 * the scaling of its rows and its penalty count as constants.
 * Throws an `OptionError` for an option outside its range.
 */
export function unrolled(options: UnrolledOptions = {}): KktRule<QuadraticProgram, DatumName> {
  const settings = validated(options);
  const cache = new GeometryCache();
  return {
    name: "unrolled",
    vjp(problem, solution, cotangent, { wanted = datumNames }: VjpOptions = {}) {
      const start = performance.now();
      const gradients: DataCotangents = {};
      for (const name of wanted) gradients[name] = new Float64Array(problem[name].values.length);
      const frozen = usablePoints(problem, solution, cache, settings.rho);
      const tapes = frozen.points.map((point) => {
        const items = point.usable.flatMap((use, i) => (use ? [point.group.first + i] : []));
        // the backward pass of a layer runs without recording
        return withRecording(true, () => differentiateTape(problem, point, items, cotangent, settings, gradients));
      });
      if (gradients.Q) symmetrize(gradients.Q, problem.n);
      return { gradients, report: reportOn(largestOf(tapes), unsettledGradient, frozen, settings, start) };
    },
    jvp(problem, solution, tangents) {
      const start = performance.now();
      const frozen = usablePoints(problem, solution, cache, settings.rho);
      const { tangent, run } = carryTangents(problem, solution, frozen.points, tangents, settings);
      return { tangent, report: reportOn(run, unsettledTangent, frozen, settings, start) };
    },
  };
}

/** The largest figures of the tapes, which run one after another. */
function largestOf(tapes: readonly UnrolledRun[]): UnrolledRun {
  const largest = (figure: keyof UnrolledRun) => tapes.reduce((most, tape) => Math.max(most, tape[figure]), 0);
  return {
    iterations: largest("iterations"),
    residual: largest("residual"),
    unsettled: largest("unsettled"),
    bytes: largest("bytes"),
  };
}

/** A sentence on a derivative that has not settled, null where it has. */
type Unsettled = (run: UnrolledRun, tolerance: number) => string | null;

const unsettledGradient: Unsettled = ({ unsettled, iterations }, tolerance) =>
  unsettled > settledMemory * tolerance
    ? `The gradient has not settled: ${unsettled.toExponential(1)} of the cotangent is left at the start of ${iterations} iterations.`
    : null;

const unsettledTangent: Unsettled = ({ unsettled, iterations }, tolerance) =>
  unsettled > tolerance
    ? `The tangent has not settled: it still changed by ${unsettled.toExponential(1)} (relative) after ${iterations} iterations.`
    : null;

function reportOn(
  run: UnrolledRun,
  unsettledNote: Unsettled,
  { notes, bytes }: FrozenPoints,
  { tolerance }: TapeSettings,
  start: number,
): DifferentiationReport {
  const { iterations, residual, unsettled } = run;
  const change = `The state still changed by ${residual.toExponential(1)} (relative) after ${iterations} iterations.`;
  const own = [residual > tolerance ? change : null, unsettledNote(run, tolerance)].filter((note) => note !== null);
  return {
    iterations,
    milliseconds: performance.now() - start,
    peakBytes: bytes + run.bytes,
    residual: Math.max(residual, unsettled),
    notes: [...notes, ...own],
  };
}

/** The groups that have an item which may be used. */
function usablePoints(problem: QuadraticProgram, solution: Solution, cache: GeometryCache, rho: number): FrozenPoints {
  const frozen = frozenPoints(problem, solution, cache, rho);
  return { ...frozen, points: frozen.points.filter(({ usable }) => usable.includes(true)) };
}

function validated(options: UnrolledOptions): TapeSettings & { readonly rho: number } {
  const { iterations, tolerance = 1e-11, maxIterations = 2000, relaxation = 1.6, rho = 1 } = options;
  const { checkpoints = false } = options;
  if (iterations !== undefined) checkCount("iterations", iterations);
  checkCount("maxIterations", maxIterations);
  checkFraction("tolerance", tolerance);
  checkRelaxation(relaxation);
  checkPositive("rho", rho);
  if (typeof checkpoints !== "boolean") throw new OptionError("checkpoints", checkpoints, "true or false");
  return { iterations, tolerance, maxIterations, relaxation, rho, checkpoints };
}
