import { sizeOf } from "@solvegrad/linalg";
import { dot } from "../arrays.ts";
import { checkChoice, checkCount, checkFraction, checkRelaxation } from "../check-options.ts";
import { dependenceNote } from "../kkt/dependent-slots.ts";
import { type EntropyName, type EntropyProgram, entropyNames } from "../problem/entropy-program.ts";
import { isUsable, type Solution } from "../solvers/solver.ts";
import { dualRows, entropyTables } from "./entropic-implicit.ts";
import {
  adjointOfItem,
  bytesOf,
  directionOf,
  type EntropicRecursionRun,
  type EntropicRecursionSettings,
  type FrozenItem,
  frozenItems,
  scaledDuals,
  tangentOfItem,
} from "./entropy/alternating-item.ts";
import { type KktAnswer, type KktRule, type KktSolve, kktRule } from "./kkt-rule.ts";
import type { Cotangent, DataCotangents, DifferentiationReport, Jacobian, SolutionPart } from "./rule.ts";

export interface EntropicAlternatingOptions {
  /** "adjoint" (default) runs the recursion backwards for one cotangent; "forward" carries a tangent for every entry of the data. */
  readonly mode?: "adjoint" | "forward";
  /** Where the recursion stops: its change relative to the first one. Default 1e-12. */
  readonly truncate?: number;
  /** Default 10000. */
  readonly maxIterations?: number;
  /** Over-relaxation of the recursion in (0, 2); the limit does not depend on it. Default 1.6. */
  readonly relaxation?: number;
}

/** Both products, and the Jacobian of x, nu or lambda with respect to a datum, by forward mode. */
export type EntropicAlternatingRule = KktRule<EntropyProgram, EntropyName> & {
  jacobian(problem: EntropyProgram, solution: Solution, datum: EntropyName, of?: SolutionPart): Jacobian;
};

/**
 * Alt-Diff for entropy programs (Sun et al. 2023, sections 4.2 and B.2): the derivative of ADMM's updates at the solution,
 * with the Hessian that the last Newton step of the update of x leaves behind. For the solution of any solver; both modes
 * tend to the same gradients. Jacobian-vector products carry one tangent of all data forwards.
 *
 * Throws an `OptionError` for an option outside its range.
 */
export function entropicAlternating(options: EntropicAlternatingOptions = {}): EntropicAlternatingRule {
  const { mode = "adjoint", truncate = 1e-12, maxIterations = 10_000, relaxation = 1.6 } = options;
  checkChoice("mode", mode, ["adjoint", "forward"]);
  checkFraction("truncate", truncate);
  checkCount("maxIterations", maxIterations);
  checkRelaxation(relaxation);
  const settings = { truncate, maxIterations, relaxation };
  const name = mode === "adjoint" ? "alternating" : "alternating (forward)";
  const backwards = solveBy(adjointOfItem, settings);
  const forwards = solveBy(tangentOfRightHandSide, settings);
  const { vjp, jvp } = kktRule(name, entropyTables, backwards, forwards);
  return {
    name,
    jvp,
    vjp: mode === "adjoint" ? vjp : vjpByTangents(settings),
    jacobian(problem, solution, datum, of = "x") {
      const begin = performance.now();
      const items = usableItems(problem, solution);
      const runs: EntropicRecursionRun[] = [];
      const { n, p, m, batch } = problem;
      const d = sizeOf(problem[datum].shape);
      const width = { x: n, nu: p, lambda: m }[of];
      const values = new Float64Array(batch * width * d);
      for (const frozen of items) {
        for (let e = 0; e < d; e++) {
          const { F, shift } = directionOf(problem, solution, frozen, datum, e);
          const { dx, duals, run } = tangentOfItem(frozen, F, shift, settings);
          const column = { x: dx, nu: duals.subarray(0, p), lambda: duals.subarray(p) }[of];
          for (let j = 0; j < width; j++) values[(frozen.item * width + j) * d + e] = column[j];
          runs.push(run);
        }
      }
      const report = summary(items, runs, settings);
      return { values, shape: [batch, width, d], report: { ...report, milliseconds: performance.now() - begin } };
    },
  };
}

function usableItems(problem: EntropyProgram, solution: Solution): FrozenItem[] {
  return frozenItems(
    problem,
    solution,
    Int32Array.from(solution.status.keys()).filter((i) => isUsable(solution.status[i])),
  );
}

/** The KKT systems of all items, each by this recursion. */
function solveBy(recursion: typeof adjointOfItem, settings: EntropicRecursionSettings): KktSolve<EntropyProgram> {
  return (problem, solution, rhs): KktAnswer => {
    const { n, p, m, batch } = problem;
    const adjoint = { u: new Float64Array(batch * n), y: new Float64Array(batch * p), w: new Float64Array(batch * m) };
    const items = usableItems(problem, solution);
    const runs = items.map((frozen) => {
      const { u, multipliers, run } = recursion(problem, frozen, rhs, settings);
      adjoint.u.set(u, frozen.item * n);
      adjoint.y.set(multipliers.subarray(0, p), frozen.item * p);
      adjoint.w.set(multipliers.subarray(p), frozen.item * m);
      return run;
    });
    return { adjoint, report: summary(items, runs, settings) };
  };
}

/** The same solution by forward mode: the right-hand side is minus the tangents of the KKT conditions. */
const tangentOfRightHandSide: typeof adjointOfItem = (problem, frozen, rhs, settings) => {
  const c = rhs.x.subarray(frozen.item * problem.n, (frozen.item + 1) * problem.n);
  const minus = (values: Float64Array) => values.map((value) => -value);
  const { dx, duals, run } = tangentOfItem(frozen, minus(c), minus(scaledDuals(problem, frozen, rhs)), settings);
  return { u: dx, multipliers: duals, run };
};

/** Forward mode's vector-Jacobian product: a tangent for every entry of the data, contracted with the cotangent. */
function vjpByTangents(settings: EntropicRecursionSettings): KktRule<EntropyProgram, EntropyName>["vjp"] {
  return (problem, solution, cotangent, { wanted = entropyNames } = {}) => {
    const begin = performance.now();
    const items = usableItems(problem, solution);
    const runs: EntropicRecursionRun[] = [];
    const gradients: DataCotangents<EntropyName> = {};
    for (const name of wanted) {
      const gradient = new Float64Array(problem[name].values.length);
      const d = sizeOf(problem[name].shape);
      for (const frozen of items) {
        const at = problem[name].batched ? frozen.item * d : 0;
        contractItem(problem, solution, frozen, cotangent, name, settings, runs, gradient.subarray(at, at + d));
      }
      gradients[name] = gradient;
    }
    const report = summary(items, runs, settings);
    return { gradients, report: { ...report, milliseconds: performance.now() - begin } };
  };
}

/** gradient += J'c of one item. */
function contractItem(
  problem: EntropyProgram,
  solution: Solution,
  frozen: FrozenItem,
  cotangent: Cotangent,
  name: EntropyName,
  settings: EntropicRecursionSettings,
  runs: EntropicRecursionRun[],
  gradient: Float64Array,
): void {
  const c = cotangent.x.subarray(frozen.item * problem.n, (frozen.item + 1) * problem.n);
  const g = dualRows(problem, cotangent, frozen.item);
  for (let e = 0; e < gradient.length; e++) {
    const { F, shift } = directionOf(problem, solution, frozen, name, e);
    const { dx, duals, run } = tangentOfItem(frozen, F, shift, settings);
    gradient[e] += dot(c, dx) + dot(g, duals);
    runs.push(run);
  }
}

function summary(
  items: readonly FrozenItem[],
  runs: readonly EntropicRecursionRun[],
  { truncate }: EntropicRecursionSettings,
): Omit<DifferentiationReport, "milliseconds"> {
  const iterations = runs.reduce((most, run) => Math.max(most, run.iterations), 0);
  const residual = runs.reduce((most, run) => Math.max(most, run.residual), 0);
  const notes = items.flatMap(({ item, dependent }) =>
    dependent ? [dependenceNote(` of item ${item}`, dependent)] : [],
  );
  if (residual > truncate) {
    notes.push(
      `The recursion stopped at ${iterations} iterations with residual ${residual.toExponential(1)}, above truncate = ${truncate}; raise maxIterations.`,
    );
  } else if (truncate >= 1e-6) notes.push(`The recursion was truncated at a residual of ${truncate} on purpose.`);
  const peakBytes = items.reduce((sum, frozen) => sum + bytesOf(frozen), 0);
  return { iterations, peakBytes, residual, notes };
}
