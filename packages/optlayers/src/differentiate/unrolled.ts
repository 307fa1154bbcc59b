import { withRecording } from "@solvegrad/autograd";
import { symmetrize } from "../arrays.ts";
import { checkCount, checkFraction, checkPositive, checkRelaxation } from "../check-options.ts";
import { OptionError } from "../errors.ts";
import { datumNames } from "../problem/quadratic-program.ts";
import { GeometryCache } from "../solvers/admm-groups.ts";
import { frozenPoints } from "./alternating-point.ts";
import type { DataCotangents, DifferentiationRule, VjpOptions } from "./rule.ts";
import { differentiateTape, settledMemory, type TapeSettings } from "./unrolled-tape.ts";

export interface UnrolledOptions {
  /** Iterations on the tape. Without it, as many as it takes until the state and its derivative settle. */
  readonly iterations?: number;
  /**
   * Where `iterations` is not given, the tape ends when the state changes by less than this share of its first change, and
   * less than 100 times this share of the cotangent is left at the start. Default 1e-10.
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
 * (`peakBytes` is what the tape held). With enough iterations its gradients are those of the other rules.
 *
 * Of the solution it uses the statuses (items without a usable one are left off the tape) and ADMM's penalty.
 * Throws an `OptionError` for an option outside its range.
 */
export function unrolled(options: UnrolledOptions = {}): DifferentiationRule {
  const settings = validated(options);
  const cache = new GeometryCache();
  return {
    name: "unrolled",
    vjp(problem, solution, cotangent, { wanted = datumNames }: VjpOptions = {}) {
      const start = performance.now();
      const gradients: DataCotangents = {};
      for (const name of wanted) gradients[name] = new Float64Array(problem[name].values.length);
      const { points, notes, bytes } = frozenPoints(problem, solution, cache, settings.rho);
      const tapes = points
        .filter(({ usable }) => usable.includes(true))
        .map((point) => {
          const items = point.usable.flatMap((use, i) => (use ? [point.group.first + i] : []));
          // the backward pass of a layer runs without recording
          return withRecording(true, () => differentiateTape(problem, point, items, cotangent, settings, gradients));
        });
      if (gradients.Q) symmetrize(gradients.Q, problem.n);
      const residual = tapes.reduce((largest, tape) => Math.max(largest, tape.residual), 0);
      const memory = tapes.reduce((largest, tape) => Math.max(largest, tape.memory), 0);
      const iterations = tapes.reduce((largest, tape) => Math.max(largest, tape.iterations), 0);
      const unconverged =
        residual > settings.tolerance
          ? [`The state still changed by ${residual.toExponential(1)} (relative) after ${iterations} iterations.`]
          : [];
      const unsettled =
        memory > settledMemory * settings.tolerance
          ? [
              `The gradient has not settled: ${memory.toExponential(1)} of the cotangent is left at the start of ${iterations} iterations.`,
            ]
          : [];
      return {
        gradients,
        report: {
          iterations,
          milliseconds: performance.now() - start,
          peakBytes: bytes + tapes.reduce((largest, tape) => Math.max(largest, tape.bytes), 0),
          residual: Math.max(residual, memory),
          notes: [...notes, ...unconverged, ...unsettled],
        },
      };
    },
  };
}

function validated(options: UnrolledOptions): TapeSettings & { readonly rho: number } {
  const { iterations, tolerance = 1e-10, maxIterations = 2000, relaxation = 1.6, rho = 1 } = options;
  const { checkpoints = false } = options;
  if (iterations !== undefined) checkCount("iterations", iterations);
  checkCount("maxIterations", maxIterations);
  checkFraction("tolerance", tolerance);
  checkRelaxation(relaxation);
  checkPositive("rho", rho);
  if (typeof checkpoints !== "boolean") throw new OptionError("checkpoints", checkpoints, "true or false");
  return { iterations, tolerance, maxIterations, relaxation, rho, checkpoints };
}
