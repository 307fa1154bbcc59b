import { sizeOf } from "@solvegrad/linalg";
import { checkChoice, checkCount, checkFraction, checkPositive, checkRelaxation } from "../check-options.ts";
import { OptionError } from "../errors.ts";
import { type DatumName, datumNames, type QuadraticProgram } from "../problem/quadratic-program.ts";
import { GeometryCache } from "../solvers/admm-groups.ts";
import type { Solution } from "../solvers/solver.ts";
import { adjointRecursion, type RecursionRun, type RecursionSettings } from "./alternating-adjoint.ts";
import { adjointConjugateGradients, allowsConjugateGradients } from "./alternating-conjugate-gradients.ts";
import { forwardRecursion } from "./alternating-forward.ts";
import { type FrozenPoint, type FrozenPoints, frozenPoints } from "./alternating-point.ts";
import { type AdjointPoint, pullBack } from "./pullback.ts";
import type { Cotangent, DataCotangents, DifferentiationReport, DifferentiationRule, VjpOptions } from "./rule.ts";

interface CommonOptions {
  /** Where the recursion stops: its residual relative to the first one. Its own tolerance, not the solver's. Default 1e-10. */
  readonly truncate?: number;
  /** Default 10000. */
  readonly maxIterations?: number;
  /** Over-relaxation of the recursion in (0, 2); the limit does not depend on it. Default 1.6. */
  readonly relaxation?: number;
  /** The penalty for solutions of other solvers than ADMM, which brings its own. Default 1. */
  readonly rho?: number;
}

export interface AdjointOptions extends CommonOptions {
  readonly mode?: "adjoint";
  /**
   * How the fixed point of the transposed recursion is found: by conjugate gradients where Q is positive definite (the
   * default), or always by the plain recursion.
   */
  readonly acceleration?: "conjugateGradients" | "none";
}

export interface ForwardOptions extends CommonOptions {
  readonly mode: "forward";
  /** The datum that the Jacobian is taken for; without it, every datum that is asked for. */
  readonly datum?: DatumName;
}

/** The Jacobian of x: `values` is batch x n x d row by row, d the entries of one item of the datum. */
export interface Jacobian {
  readonly values: Float64Array;
  readonly shape: readonly [batch: number, n: number, d: number];
  readonly report: DifferentiationReport;
}

export interface ForwardRule extends DifferentiationRule {
  /** The Jacobian of x with respect to a datum; zero at items whose status is not usable. Q's is symmetric in its indices. */
  jacobian(problem: QuadraticProgram, solution: Solution, datum: DatumName): Jacobian;
}

/**
 * Alt-Diff: the derivative of ADMM's updates at the solution, for the solution of any solver.
 *
 * `mode: "adjoint"` (default) runs the recursion backwards for one cotangent, O(n^2 + n (p + m)) a step; `mode:
 * "forward"` carries the whole Jacobian of a datum along, n x d numbers an item, as the paper (Sun et al. 2023, equation (7)) has it.
 * Both tend to the same gradients; the report says how far they were run and whether the active set has settled.
 *
 * Throws an `OptionError` for an option outside its range.
 */
export function alternating(options?: AdjointOptions): DifferentiationRule;
export function alternating(options: ForwardOptions): ForwardRule;
export function alternating(options: AdjointOptions | ForwardOptions = {}): DifferentiationRule {
  const settings = validated(options);
  return options.mode === "forward" ? forwardRule(options, settings) : adjointRule(options, settings);
}

interface Settings extends RecursionSettings {
  readonly rho: number;
}

function validated(options: AdjointOptions | ForwardOptions): Settings {
  const { mode = "adjoint", truncate = 1e-10, maxIterations = 10_000, relaxation = 1.6, rho = 1 } = options;
  checkChoice("mode", mode, ["adjoint", "forward"]);
  checkFraction("truncate", truncate);
  checkCount("maxIterations", maxIterations);
  checkRelaxation(relaxation);
  checkPositive("rho", rho);
  return { truncate, maxIterations, relaxation, rho };
}

function adjointRule({ acceleration = "conjugateGradients" }: AdjointOptions, settings: Settings): DifferentiationRule {
  checkChoice("acceleration", acceleration, ["conjugateGradients", "none"]);
  const cache = new GeometryCache();
  return {
    name: "alternating",
    vjp(problem, solution, cotangent, { wanted = datumNames }: VjpOptions = {}) {
      const start = performance.now();
      const frozen = frozenPoints(problem, solution, cache, settings.rho);
      const { n, p, m, batch } = problem;
      const adjoint: AdjointPoint = {
        u: new Float64Array(batch * n),
        y: new Float64Array(batch * p),
        w: new Float64Array(batch * m),
      };
      const runs = frozen.points.map((point) => {
        const accelerated = acceleration !== "none" && allowsConjugateGradients(point);
        const method = accelerated ? adjointConjugateGradients : adjointRecursion;
        return method(problem, point, cotangent, settings, adjoint);
      });
      const gradients = pullBack(problem, solution, adjoint, wanted);
      const held = 8 * batch * (n + p + m) + bytesOf(gradients);
      return { gradients, report: summary(runs, frozen, settings, held, start) };
    },
  };
}

function bytesOf(gradients: DataCotangents): number {
  return datumNames.reduce((sum, name) => sum + 8 * (gradients[name]?.length ?? 0), 0);
}

/** What the runs of all groups come to. The groups run one after another, so the largest one's arrays are the peak. */
function summary(
  runs: readonly RecursionRun[],
  { notes, bytes }: FrozenPoints,
  { truncate }: Settings,
  held: number,
  start: number,
): DifferentiationReport {
  const residual = runs.reduce((largest, run) => Math.max(largest, run.residual), 0);
  const iterations = runs.reduce((largest, run) => Math.max(largest, run.iterations), 0);
  const all = [...notes];
  if (residual > truncate) {
    all.push(
      `The recursion stopped at ${iterations} iterations with residual ${residual.toExponential(1)}, above truncate = ${truncate}; raise maxIterations.`,
    );
  } else if (truncate >= 1e-6) all.push(`The recursion was truncated at a residual of ${truncate} on purpose.`);
  return {
    iterations,
    milliseconds: performance.now() - start,
    peakBytes: bytes + held + runs.reduce((largest, run) => Math.max(largest, run.bytes), 0),
    residual,
    notes: all,
  };
}

function forwardRule({ datum }: ForwardOptions, settings: Settings): ForwardRule {
  const cache = new GeometryCache();
  return {
    name: "alternating (forward)",
    vjp(problem, solution, cotangent, { wanted = datum ? [datum] : datumNames }: VjpOptions = {}) {
      const other = wanted.find((name) => datum !== undefined && name !== datum);
      if (other) {
        throw new OptionError(
          "datum",
          datum,
          `"${other}", which is wanted too; leave datum out to differentiate all data`,
        );
      }
      const start = performance.now();
      const frozen = frozenPoints(problem, solution, cache, settings.rho);
      const gradients: DataCotangents = {};
      const runs: RecursionRun[] = [];
      for (const name of wanted) {
        gradients[name] = contracted(problem, solution, frozen.points, name, cotangent, settings, runs);
      }
      return { gradients, report: summary(runs, frozen, settings, bytesOf(gradients), start) };
    },
    jacobian(problem, solution, name) {
      const start = performance.now();
      const frozen = frozenPoints(problem, solution, cache, settings.rho);
      const { n, batch } = problem;
      const d = sizeOf(problem[name].shape);
      const values = new Float64Array(batch * n * d);
      const runs: RecursionRun[] = [];
      forEachUsable(frozen.points, (point, i) => {
        const { dX, run } = forwardRecursion(problem, solution, point, i, name, settings);
        const at = (point.group.first + i) * n * d;
        for (let e = 0; e < d; e++) for (let j = 0; j < n; j++) values[at + j * d + e] = dX[e * n + j];
        runs.push(run);
      });
      return { values, shape: [batch, n, d], report: summary(runs, frozen, settings, 8 * values.length, start) };
    },
  };
}

/** The gradient of one datum, from the Jacobian of every item. */
function contracted(
  problem: QuadraticProgram,
  solution: Solution,
  points: readonly FrozenPoint[],
  name: DatumName,
  cotangent: Cotangent,
  settings: Settings,
  runs: RecursionRun[],
): Float64Array {
  const gradient = new Float64Array(problem[name].values.length);
  const size = sizeOf(problem[name].shape);
  forEachUsable(points, (point, i) => {
    const jacobian = forwardRecursion(problem, solution, point, i, name, settings);
    const at = problem[name].batched ? (point.group.first + i) * size : 0;
    contract(problem, point, i, jacobian, cotangent, gradient.subarray(at, at + size));
    runs.push(jacobian.run);
  });
  return gradient;
}

function forEachUsable(points: readonly FrozenPoint[], visit: (point: FrozenPoint, i: number) => void): void {
  for (const point of points) {
    for (let i = 0; i < point.group.count; i++) if (point.usable[i]) visit(point, i);
  }
}

/** gradient += J'c, with J of x and, where the loss uses them, of nu and lambda. */
function contract(
  { n, p, m }: QuadraticProgram,
  point: FrozenPoint,
  i: number,
  { dX, dt }: { readonly dX: Float64Array; readonly dt: Float64Array },
  cotangent: Cotangent,
  gradient: Float64Array,
): void {
  const item = point.group.first + i;
  const { r, scale } = point.group.geometry;
  const weights = new Float64Array(r);
  for (let j = 0; j < r; j++) {
    const value = j < p ? cotangent.nu?.[item * p + j] : cotangent.lambda?.[item * m + j - p];
    if (value !== undefined && point.active[i * r + j]) weights[j] = scale[j] * value;
  }
  for (let e = 0; e < gradient.length; e++) {
    let sum = 0;
    for (let j = 0; j < n; j++) sum += dX[e * n + j] * cotangent.x[item * n + j];
    for (let j = 0; j < r; j++) sum += dt[e * r + j] * weights[j];
    gradient[e] += sum;
  }
}
