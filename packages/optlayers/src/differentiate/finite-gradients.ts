import { GradientError } from "../errors.ts";
import { isUsable, type Solution } from "../solvers/solver.ts";
import type { Cotangent, DataCotangents, DifferentiationRule, Vjp } from "./rule.ts";

/** What an item does whose gradient is not finite: "raise" throws, "mask" leaves it out of the gradient. */
export interface FiniteGradientsOptions {
  readonly onFailure?: "raise" | "mask";
}

/**
 * Any rule, the caller's own too, whose gradients are numbers: where one of a finite cotangent overflows or is NaN, it throws a
 * `GradientError` that names the datum and the items, or leaves these items out and says so in the report's notes. A cotangent
 * that is not finite itself is answered as the rule answers it.
 */
export function withFiniteGradients<P, N extends string>(
  rule: DifferentiationRule<P, N>,
  { onFailure = "raise" }: FiniteGradientsOptions = {},
): DifferentiationRule<P, N> {
  return {
    name: rule.name,
    vjp(problem, solution, cotangent, options) {
      const vjpOf = (own: Solution) => rule.vjp(problem, own, cotangent, options);
      const result = vjpOf(solution);
      const name = firstNotFinite(result.gradients);
      if (name === null || !isFiniteCotangent(cotangent)) return result;
      const failed = failedItems(solution, vjpOf);
      if (onFailure === "raise") throw new GradientError(rule.name, name, failed);
      return leavingOut(failed, solution, vjpOf);
    },
  };
}

/** The items whose gradients are not finite, each asked for by itself; none where only the sum over the batch overflows. */
function failedItems<N extends string>(solution: Solution, vjpOf: (own: Solution) => Vjp<N>): number[] {
  const usable = [...solution.status.keys()].filter((i) => isUsable(solution.status[i]));
  if (usable.length === 1) return usable;
  return usable.filter((i) => {
    const others = usable.filter((other) => other !== i);
    return firstNotFinite(vjpOf(without(others, solution)).gradients) !== null;
  });
}

function leavingOut<N extends string>(
  failed: readonly number[],
  solution: Solution,
  vjpOf: (own: Solution) => Vjp<N>,
): Vjp<N> {
  const { gradients, report } = vjpOf(without(failed, solution));
  const items = `${failed.length} of ${solution.status.length} items (the first is ${failed[0]})`;
  const note = `The gradient of ${items} is not finite, and counts as zero.`;
  return { gradients, report: { ...report, notes: [...report.notes, note] } };
}

/** The solution with these items as failed ones, which contribute zero to every gradient. */
function without(items: readonly number[], solution: Solution): Solution {
  return { ...solution, status: solution.status.map((own, i) => (items.includes(i) ? "numerical_error" : own)) };
}

function firstNotFinite<N extends string>(gradients: DataCotangents<N>): N | null {
  for (const name of Object.keys(gradients) as N[]) if (!(gradients[name]?.every(Number.isFinite) ?? true)) return name;
  return null;
}

function isFiniteCotangent({ x, nu, lambda, zeta }: Cotangent): boolean {
  return [x, nu, lambda, zeta].every((values) => values?.every(Number.isFinite) ?? true);
}
