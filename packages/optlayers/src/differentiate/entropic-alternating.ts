import { sizeOf } from "@solvegrad/linalg";
import { dot } from "../arrays.ts";
import { checkChoice, checkCount, checkFraction, checkRelaxation } from "../check-options.ts";
import { type EntropyName, type EntropyProgram, entropyNames } from "../problem/entropy-program.ts";
import { isUsable, type Solution } from "../solvers/solver.ts";
import {
  adjointOfItem,
  bytesOf,
  directionOf,
  type EntropicRecursionRun,
  type EntropicRecursionSettings,
  type FrozenItem,
  frozenItems,
  multiplierCotangents,
  tangentOfItem,
} from "./entropic-alternating-item.ts";
import { entropyCotangents } from "./entropic-implicit.ts";
import { pullBackBy, usableRows } from "./pullback.ts";
import type { DataCotangents, DifferentiationReport, DifferentiationRule, Jacobian } from "./rule.ts";

export interface EntropicAlternatingOptions {
  /** "adjoint" (default) runs the recursion backwards for one cotangent; "forward" carries a tangent for every entry of the data. */
  readonly mode?: "adjoint" | "forward";
  /** Where the recursion stops: its change relative to the first one. Default 1e-10. */
  readonly truncate?: number;
  /** Default 10000. */
  readonly maxIterations?: number;
  /** Over-relaxation of the recursion in (0, 2); the limit does not depend on it. Default 1.6. */
  readonly relaxation?: number;
}

export interface EntropicAlternatingRule extends DifferentiationRule<EntropyProgram, EntropyName> {
  /** The Jacobian of x with respect to a datum, by forward mode; zero at items whose status is not usable. */
  jacobian(problem: EntropyProgram, solution: Solution, datum: EntropyName): Jacobian;
}

/**
 * Alt-Diff for entropy programs (Sun et al. 2023, sections 4.2 and B.2): the derivative of ADMM's updates at the solution,
 * with the Hessian that the last Newton step of the update of x leaves behind. For the solution of any solver; both modes
 * tend to the same gradients.
 *
 * Throws an `OptionError` for an option outside its range.
 */
export function entropicAlternating(options: EntropicAlternatingOptions = {}): EntropicAlternatingRule {
  const { mode = "adjoint", truncate = 1e-10, maxIterations = 10_000, relaxation = 1.6 } = options;
  checkChoice("mode", mode, ["adjoint", "forward"]);
  checkFraction("truncate", truncate);
  checkCount("maxIterations", maxIterations);
  checkRelaxation(relaxation);
  const settings = { truncate, maxIterations, relaxation };
  const gradients = mode === "adjoint" ? byAdjoint : byTangents;
  return {
    name: mode === "adjoint" ? "alternating" : "alternating (forward)",
    vjp(problem, solution, cotangent, { wanted = entropyNames } = {}) {
      const begin = performance.now();
      const items = usableItems(problem, solution);
      const runs: EntropicRecursionRun[] = [];
      const found = gradients(problem, solution, items, cotangent, wanted, settings, runs);
      return { gradients: found, report: report(items, runs, settings, begin) };
    },
    jacobian(problem, solution, datum) {
      const begin = performance.now();
      const items = usableItems(problem, solution);
      const runs: EntropicRecursionRun[] = [];
      const { n, batch } = problem;
      const d = sizeOf(problem[datum].shape);
      const values = new Float64Array(batch * n * d);
      for (const frozen of items) {
        for (let e = 0; e < d; e++) {
          const { F, shift } = directionOf(problem, solution, frozen, datum, e);
          const { dx, run } = tangentOfItem(frozen, F, shift, settings);
          for (let j = 0; j < n; j++) values[(frozen.item * n + j) * d + e] = dx[j];
          runs.push(run);
        }
      }
      return { values, shape: [batch, n, d], report: report(items, runs, settings, begin) };
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

type Gradients = (
  problem: EntropyProgram,
  solution: Solution,
  items: readonly FrozenItem[],
  cotangent: Parameters<typeof multiplierCotangents>[2],
  wanted: readonly EntropyName[],
  settings: EntropicRecursionSettings,
  runs: EntropicRecursionRun[],
) => DataCotangents<EntropyName>;

const byAdjoint: Gradients = (problem, solution, items, cotangent, wanted, settings, runs) => {
  const { n, p, m, batch } = problem;
  const adjoint = { u: new Float64Array(batch * n), y: new Float64Array(batch * p), w: new Float64Array(batch * m) };
  for (const frozen of items) {
    const { u, multipliers, run } = adjointOfItem(problem, frozen, cotangent, settings);
    adjoint.u.set(u, frozen.item * n);
    adjoint.y.set(multipliers.subarray(0, p), frozen.item * p);
    adjoint.w.set(multipliers.subarray(p), frozen.item * m);
    runs.push(run);
  }
  return pullBackBy(entropyCotangents, problem, usableRows(problem, solution, adjoint), wanted);
};

const byTangents: Gradients = (problem, solution, items, cotangent, wanted, settings, runs) => {
  const gradients: DataCotangents<EntropyName> = {};
  for (const name of wanted) {
    const gradient = new Float64Array(problem[name].values.length);
    const d = sizeOf(problem[name].shape);
    for (const frozen of items) {
      const at = problem[name].batched ? frozen.item * d : 0;
      const g = multiplierCotangents(problem, frozen, cotangent);
      const c = cotangent.x.subarray(frozen.item * problem.n, (frozen.item + 1) * problem.n);
      for (let e = 0; e < d; e++) {
        const { F, shift } = directionOf(problem, solution, frozen, name, e);
        const { dx, dt, run } = tangentOfItem(frozen, F, shift, settings);
        gradient[at + e] += dot(c, dx) + dot(g, dt);
        runs.push(run);
      }
    }
    gradients[name] = gradient;
  }
  return gradients;
};

function report(
  items: readonly FrozenItem[],
  runs: readonly EntropicRecursionRun[],
  { truncate }: EntropicRecursionSettings,
  begin: number,
): DifferentiationReport {
  const iterations = runs.reduce((most, run) => Math.max(most, run.iterations), 0);
  const residual = runs.reduce((most, run) => Math.max(most, run.residual), 0);
  const notes: string[] = [];
  if (residual > truncate) {
    notes.push(
      `The recursion stopped at ${iterations} iterations with residual ${residual.toExponential(1)}, above truncate = ${truncate}; raise maxIterations.`,
    );
  } else if (truncate >= 1e-6) notes.push(`The recursion was truncated at a residual of ${truncate} on purpose.`);
  const peakBytes = items.reduce((sum, frozen) => sum + bytesOf(frozen), 0);
  return { iterations, milliseconds: performance.now() - begin, peakBytes, residual, notes };
}
