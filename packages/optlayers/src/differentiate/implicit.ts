import { OptionError } from "../errors.ts";
import { type ActiveSet, activeSet } from "../kkt/active-set.ts";
import { type DependentSlot, dependenceNote, dependentSlots, removeVanishingParts } from "../kkt/dependent-slots.ts";
import { type KktVector, kktVector } from "../kkt/kkt-method.ts";
import { methodFor } from "../kkt/kkt-state.ts";
import { solveRefined } from "../kkt/refine.ts";
import { type Replacement, replaceSingular } from "../kkt/replace-singular.ts";
import { type DatumName, datumNames, type QuadraticProgram } from "../problem/quadratic-program.ts";
import { isUsable, type Solution } from "../solvers/solver.ts";
import { type KktAnswer, type KktRule, type KktTables, kktRule } from "./kkt-rule.ts";
import { quadraticCotangents } from "./pullback.ts";
import { quadraticTangents } from "./pushforward.ts";
import type { Cotangent } from "./rule.ts";

export interface ImplicitOptions {
  /** How small lambda and s of one row must both be, relative to their size in the problem, to count as weakly active; 1e-8. */
  readonly weakTolerance?: number;
}

const refinement = { steps: 10, tolerance: 1e-14 };

/** How the data of a QP enter its KKT conditions. */
export const quadraticTables: KktTables<QuadraticProgram, DatumName> = {
  names: datumNames,
  cotangents: quadraticCotangents,
  tangents: quadraticTangents,
};

/**
 * Implicit differentiation of the KKT conditions (OptNet; Amos and Kolter 2017, section 3): with the active rows a,
 *
 *     [Q  A'  Ga'] [u ]   [cotangent of x        ]
 *     [A  0   0  ] [y ] = [cotangent of nu       ]
 *     [Ga 0   0  ] [wa]   [cotangent of lambda_a ]
 *
 * and the cotangents of the data by `pullBack`; the same system with the tangents of the data on the right (`pushForwardBy`) gives
 * the tangents of the solution. The factors of the interior-point solver are used again when the
 * solution carries them, with refinement against the unregularized system; any other solver's solution will do.
 *
 * Where the solution map is not differentiable, the choice is: weakly active rows count as inactive, and where the system is singular,
 * because active rows depend on each other or because the solution is not unique, it gets its least-norm least-squares solution, by
 * the pseudoinverse of the matrix above. The report's notes say when either happened.
 */
export function implicit(options: ImplicitOptions = {}): KktRule<QuadraticProgram, DatumName> {
  const { weakTolerance = 1e-8 } = options;
  if (!(weakTolerance >= 0 && weakTolerance < 1)) {
    throw new OptionError("weakTolerance", weakTolerance, "a number from 0 to 1");
  }
  return kktRule("implicit", quadraticTables, (problem, solution, rhs) => solve(problem, solution, rhs, weakTolerance));
}

function solve(problem: QuadraticProgram, solution: Solution, given: Cotangent, weakTolerance: number): KktAnswer {
  const items = Int32Array.from(solution.status.keys()).filter((i) => isUsable(solution.status[i]));
  const active = activeSet(problem, solution, items, weakTolerance);
  const method = methodFor(problem, solution.state);
  method.factor(items, active.D);
  const dependent = dependentSlots(problem, method, items, active.D);
  const rhs = rightHandSide(problem, given, items, active.D);
  removeVanishingParts(problem, dependent, rhs);
  const solved = solveRefined(problem, method, items, active.D, rhs, refinement);
  removeVanishingParts(problem, dependent, solved.z);
  const replaced = replaceSingular(problem, items, active.D, rhs, solved);
  const { x: u, nu: y, lambda: w } = scattered(problem, items, solved.z);
  const report = {
    iterations: 0,
    peakBytes: method.bytes + 8 * 5 * items.length * (problem.n + problem.p + problem.m),
    residual: solved.residual.reduce((worst, value) => Math.max(worst, value), 0),
    notes: notesOn(problem, active, replaced, dependent),
  };
  return { adjoint: { u, y, w }, report };
}

/** The cotangents of the selected items, those of inactive multipliers (which are constantly zero) dropped. */
function rightHandSide(problem: QuadraticProgram, cotangent: Cotangent, items: Int32Array, D: Float64Array): KktVector {
  const rhs = kktVector(problem, items.length);
  gather(cotangent.x, problem.n, items, rhs.x);
  if (cotangent.nu) gather(cotangent.nu, problem.p, items, rhs.nu);
  if (cotangent.lambda) gather(cotangent.lambda, problem.m, items, rhs.lambda);
  for (let i = 0; i < D.length; i++) if (D[i] === Infinity) rhs.lambda[i] = 0;
  return rhs;
}

function gather(values: Float64Array, width: number, items: Int32Array, rows: Float64Array): void {
  items.forEach((item, k) => {
    rows.set(values.subarray(item * width, (item + 1) * width), k * width);
  });
}

/** The rows of the slots at the places of their items, zeros at the others. */
function scattered(problem: QuadraticProgram, items: Int32Array, z: KktVector): KktVector {
  const { n, p, m } = problem;
  const result = kktVector(problem, problem.batch);
  items.forEach((item, k) => {
    result.x.set(z.x.subarray(k * n, (k + 1) * n), item * n);
    result.nu.set(z.nu.subarray(k * p, (k + 1) * p), item * p);
    result.lambda.set(z.lambda.subarray(k * m, (k + 1) * m), item * m);
  });
  return result;
}

function notesOn(
  problem: QuadraticProgram,
  { weak }: ActiveSet,
  replaced: readonly Replacement[],
  dependent: readonly DependentSlot[],
): string[] {
  const notes: string[] = [];
  const where = (item: number) => (problem.batched ? ` of item ${item}` : "");
  if (weak.length > 0) {
    const { item, rows } = weak[0];
    const more = weak.length > 1 ? `, and those of ${weak.length - 1} more items,` : "";
    notes.push(
      `${rows} weakly active constraint(s)${where(item)}${more} were taken as inactive: the gradient is one-sided there.`,
    );
  }
  if (replaced.length > 0) {
    const { item, rank, size } = replaced[0];
    const more = replaced.length > 1 ? ` (and of ${replaced.length - 1} more items)` : "";
    notes.push(
      `The KKT system${where(item)}${more} is singular (rank ${rank} of ${size}): the gradient is the least-norm least-squares one.`,
    );
  }
  const shared = dependent.filter(({ item }) => !replaced.some((other) => other.item === item));
  if (shared.length > 0) {
    const more = shared.length > 1 ? ` (and of ${shared.length - 1} more items)` : "";
    notes.push(dependenceNote(`${where(shared[0].item)}${more}`, shared[0]));
  }
  return notes;
}
