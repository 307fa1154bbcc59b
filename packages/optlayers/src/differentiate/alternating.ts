import { sizeOf } from "@solvegrad/linalg";
import { dot } from "../arrays.ts";
import { checkChoice, checkCount, checkFraction, checkPositive, checkRelaxation } from "../check-options.ts";
import { OptionError } from "../errors.ts";
import { type DependentSlot, removeVanishingParts } from "../kkt/dependent-slots.ts";
import { type DatumName, datumNames, type QuadraticProgram } from "../problem/quadratic-program.ts";
import { GeometryCache } from "../solvers/admm/groups.ts";
import type { Solution } from "../solvers/solver.ts";
import { adjointRecursion, type RecursionRun, type RecursionSettings } from "./alternating/adjoint.ts";
import { adjointConjugateGradients, allowsConjugateGradients } from "./alternating/conjugate-gradients.ts";
import { forwardRecursion, type ItemJacobian, tangentRecursion } from "./alternating/forward.ts";
import {
  dependenceNotes,
  dependentItems,
  type FrozenPoint,
  type FrozenPoints,
  frozenPoints,
} from "./alternating/point.ts";
import { quadraticTables } from "./implicit.ts";
import { type KktRule, type KktSolve, kktRule } from "./kkt-rule.ts";
import type { Cotangent, DataCotangents, DifferentiationReport, Jacobian, SolutionPart, VjpOptions } from "./rule.ts";

interface CommonOptions {
  /** Where the recursion stops: its residual relative to the first one. Its own tolerance, not the solver's. Default 1e-12. */
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

/** Both products, and the whole Jacobian of x, nu or lambda with respect to a datum. */
export type ForwardRule = KktRule<QuadraticProgram, DatumName> & {
  jacobian(problem: QuadraticProgram, solution: Solution, datum: DatumName, of?: SolutionPart): Jacobian;
};

/**
 * Alt-Diff: the derivative of ADMM's updates at the solution, for the solution of any solver.
 *
 * `mode: "adjoint"` (default) runs the recursion backwards for one cotangent, O(n^2 + n (p + m)) a step; `mode:
 * "forward"` carries the whole Jacobian of a datum along, n x d numbers an item, as the paper (Sun et al. 2023, equation (7)) has it.
 * The Jacobian-vector product carries one tangent of all data forwards (by conjugate gradients where the adjoint mode takes them).
 * All tend to the same derivatives; the report says how far they were run and whether the active set has settled.
 *
 * Throws an `OptionError` for an option outside its range.
 */
export function alternating(options?: AdjointOptions): KktRule<QuadraticProgram, DatumName>;
export function alternating(options: ForwardOptions): ForwardRule;
export function alternating(options: AdjointOptions | ForwardOptions = {}): KktRule<QuadraticProgram, DatumName> {
  const settings = validated(options);
  return options.mode === "forward" ? forwardRule(options, settings) : adjointRule(options, settings);
}

interface Settings extends RecursionSettings {
  readonly rho: number;
}

function validated(options: AdjointOptions | ForwardOptions): Settings {
  const { mode = "adjoint", truncate = 1e-12, maxIterations = 10_000, relaxation = 1.6, rho = 1 } = options;
  checkChoice("mode", mode, ["adjoint", "forward"]);
  checkFraction("truncate", truncate);
  checkCount("maxIterations", maxIterations);
  checkRelaxation(relaxation);
  checkPositive("rho", rho);
  return { truncate, maxIterations, relaxation, rho };
}

function adjointRule(
  { acceleration = "conjugateGradients" }: AdjointOptions,
  settings: Settings,
): KktRule<QuadraticProgram, DatumName> {
  checkChoice("acceleration", acceleration, ["conjugateGradients", "none"]);
  const cache = new GeometryCache();
  const accelerates = (point: FrozenPoint) => acceleration !== "none" && allowsConjugateGradients(point);
  const methodFor = (point: FrozenPoint, plain: GroupSolve) => (accelerates(point) ? adjointConjugateGradients : plain);
  return kktRule(
    "alternating",
    quadraticTables,
    solveBy((point) => methodFor(point, adjointRecursion), settings, cache),
    solveBy((point) => methodFor(point, tangentRecursion), settings, cache),
  );
}

type GroupSolve = typeof adjointRecursion;

/** The KKT systems of all groups, each by its method; where rows are dependent, by the pseudoinverse. */
function solveBy(
  methodFor: (point: FrozenPoint) => GroupSolve,
  settings: Settings,
  cache: GeometryCache,
): KktSolve<QuadraticProgram> {
  return (problem, solution, given) => {
    const frozen = frozenAt(problem, solution, cache, settings.rho);
    const { n, p, m, batch } = problem;
    const rhs = consistent(problem, given, frozen.dependent);
    const adjoint = { u: new Float64Array(batch * n), y: new Float64Array(batch * p), w: new Float64Array(batch * m) };
    const runs = frozen.points.map((point) => methodFor(point)(problem, point, rhs, settings, adjoint));
    removeVanishingParts(problem, frozen.dependent, { nu: adjoint.y, lambda: adjoint.w });
    return { adjoint, report: summary(runs, frozen, settings, 8 * batch * (n + p + m)) };
  };
}

interface FrozenItems extends FrozenPoints {
  /** The items whose active rows are dependent. */
  readonly dependent: readonly DependentSlot[];
}

function frozenAt(problem: QuadraticProgram, solution: Solution, cache: GeometryCache, rho: number): FrozenItems {
  const frozen = frozenPoints(problem, solution, cache, rho);
  const dependent = dependentItems(problem, frozen.points);
  return { ...frozen, dependent, notes: [...frozen.notes, ...dependenceNotes(dependent)] };
}

/** The nearest right-hand side for which the systems of dependent rows have a solution. */
function consistent(problem: QuadraticProgram, given: Cotangent, dependent: readonly DependentSlot[]): Cotangent {
  if (dependent.length === 0 || !(given.nu || given.lambda)) return given;
  const { p, m, batch } = problem;
  const nu = given.nu?.slice() ?? new Float64Array(batch * p);
  const lambda = given.lambda?.slice() ?? new Float64Array(batch * m);
  removeVanishingParts(problem, dependent, { nu, lambda });
  return { ...given, nu, lambda };
}

/** What the runs of all groups come to. The groups run one after another, so the largest one's arrays are the peak. */
function summary(
  runs: readonly RecursionRun[],
  { notes, bytes }: FrozenPoints,
  { truncate }: Settings,
  held: number,
): Omit<DifferentiationReport, "milliseconds"> {
  const residual = runs.reduce((largest, run) => Math.max(largest, run.residual), 0);
  const iterations = runs.reduce((largest, run) => Math.max(largest, run.iterations), 0);
  const all = [...notes];
  if (residual > truncate) {
    all.push(
      `The recursion stopped at ${iterations} iterations with residual ${residual.toExponential(1)}, above truncate = ${truncate}; raise maxIterations.`,
    );
  } else if (truncate >= 1e-6) all.push(`The recursion was truncated at a residual of ${truncate} on purpose.`);
  const peakBytes = bytes + held + runs.reduce((largest, run) => Math.max(largest, run.bytes), 0);
  return { iterations, peakBytes, residual, notes: all };
}

function forwardRule({ datum }: ForwardOptions, settings: Settings): ForwardRule {
  const cache = new GeometryCache();
  const solve = solveBy(() => tangentRecursion, settings, cache);
  return {
    name: "alternating (forward)",
    jvp: kktRule("alternating (forward)", quadraticTables, solve).jvp,
    vjp(problem, solution, cotangent, { wanted = datum ? [datum] : datumNames }: VjpOptions = {}) {
      checkDatum(datum, wanted);
      const start = performance.now();
      const frozen = frozenAt(problem, solution, cache, settings.rho);
      const gradients: DataCotangents = {};
      const runs: RecursionRun[] = [];
      for (const name of wanted) {
        gradients[name] = contracted(problem, solution, frozen, name, cotangent, settings, runs);
      }
      const bytes = wanted.reduce((sum, name) => sum + 8 * (gradients[name]?.length ?? 0), 0);
      const report = summary(runs, frozen, settings, bytes);
      return { gradients, report: { ...report, milliseconds: performance.now() - start } };
    },
    jacobian(problem, solution, name, of = "x") {
      const start = performance.now();
      const frozen = frozenAt(problem, solution, cache, settings.rho);
      const { n, p, m, batch } = problem;
      const d = sizeOf(problem[name].shape);
      const width = { x: n, nu: p, lambda: m }[of];
      const values = new Float64Array(batch * width * d);
      const runs: RecursionRun[] = [];
      forEachUsable(frozen, (point, i, dependent) => {
        const jacobian = forwardRecursion(problem, solution, point, i, name, settings, dependent);
        const at = (point.group.first + i) * width * d;
        transpose(jacobian[of], width, values.subarray(at, at + width * d));
        runs.push(jacobian.run);
      });
      const report = summary(runs, frozen, settings, 8 * values.length);
      return { values, shape: [batch, width, d], report: { ...report, milliseconds: performance.now() - start } };
    },
  };
}

/** Forward mode of one datum has nothing to say of the others. */
function checkDatum(datum: DatumName | undefined, wanted: readonly DatumName[]): void {
  const other = wanted.find((name) => datum !== undefined && name !== datum);
  if (!other) return;
  const wish = `"${other}", which is wanted too; leave datum out to differentiate all data`;
  throw new OptionError("datum", datum, wish);
}

/** to (width x d) <- from' (d x width). */
function transpose(from: Float64Array, width: number, to: Float64Array): void {
  const d = to.length / width;
  for (let e = 0; e < d; e++) for (let j = 0; j < width; j++) to[j * d + e] = from[e * width + j];
}

/** The gradient of one datum, from the Jacobian of every item. */
function contracted(
  problem: QuadraticProgram,
  solution: Solution,
  frozen: FrozenItems,
  name: DatumName,
  cotangent: Cotangent,
  settings: Settings,
  runs: RecursionRun[],
): Float64Array {
  const gradient = new Float64Array(problem[name].values.length);
  const size = sizeOf(problem[name].shape);
  forEachUsable(frozen, (point, i, dependent) => {
    const jacobian = forwardRecursion(problem, solution, point, i, name, settings, dependent);
    const item = point.group.first + i;
    const at = problem[name].batched ? item * size : 0;
    contract(problem, item, jacobian, cotangent, gradient.subarray(at, at + size));
    runs.push(jacobian.run);
  });
  return gradient;
}

function forEachUsable(
  { points, dependent }: FrozenItems,
  visit: (point: FrozenPoint, i: number, dependent: DependentSlot | undefined) => void,
): void {
  for (const point of points) {
    for (let i = 0; i < point.group.count; i++) {
      if (point.usable[i])
        visit(
          point,
          i,
          dependent.find(({ item }) => item === point.group.first + i),
        );
    }
  }
}

/** gradient += J'c, with J of x and, where the loss uses them, of nu and lambda. */
function contract(
  { n, p, m }: QuadraticProgram,
  item: number,
  jacobian: ItemJacobian,
  cotangent: Cotangent,
  gradient: Float64Array,
): void {
  for (const [part, width] of [
    ["x", n],
    ["nu", p],
    ["lambda", m],
  ] as const) {
    const weights = cotangent[part]?.subarray(item * width, (item + 1) * width);
    if (!weights) continue;
    for (let e = 0; e < gradient.length; e++) gradient[e] += dot(weights, jacobian[part].subarray(e * width));
  }
}
