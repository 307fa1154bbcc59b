import { type SparsemaxName, type SparsemaxProblem, sparsemaxNames } from "../problem/sparsemax-problem.ts";
import type { KktRule } from "./kkt-rule.ts";
import { checkedTangent } from "./pushforward.ts";
import type { DifferentiationReport } from "./rule.ts";
import {
  type SimplexDerivative,
  simplexDerivative,
  simplexPullBack,
  simplexPushForward,
} from "./simplex-projection.ts";

/**
 * Implicit differentiation of a sparsemax problem by its structure, in O(n) an item: the KKT system of the active rows
 * solved by hand (`SimplexDerivative`). For the solution of any solver.
 */
export function sparsemaxImplicit(): KktRule<SparsemaxProblem, SparsemaxName> {
  return {
    name: "implicit",
    vjp(problem, solution, cotangent, { wanted = sparsemaxNames } = {}) {
      const begin = performance.now();
      const derivative = simplexDerivative(problem, solution);
      const all = simplexPullBack(derivative, cotangent);
      const gradients = Object.fromEntries(wanted.map((name) => [name, all[name]]));
      return { gradients, report: reportOn(derivative, begin) };
    },
    jvp(problem, solution, tangents) {
      const begin = performance.now();
      for (const name of sparsemaxNames) {
        const datum = problem[name];
        if (datum) checkedTangent(name, tangents[name], datum);
      }
      const derivative = simplexDerivative(problem, solution);
      const tangent = simplexPushForward(derivative, tangents);
      return { tangent, report: reportOn(derivative, begin) };
    },
  };
}

function reportOn({ problem: { n, batch }, free }: SimplexDerivative, begin: number): DifferentiationReport {
  const vertices = free.filter((count) => count === 0).length;
  const notes =
    vertices > 0
      ? [`${vertices} of ${batch} items are at a vertex, with no free entry: the gradient is the least-norm one.`]
      : [];
  const peakBytes = batch * n + 4 * batch + 8 * 2 * n;
  return { iterations: 0, milliseconds: performance.now() - begin, peakBytes, residual: 0, notes };
}
