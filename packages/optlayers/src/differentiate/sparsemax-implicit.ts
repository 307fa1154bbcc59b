import { type SparsemaxName, type SparsemaxProblem, sparsemaxNames } from "../problem/sparsemax-problem.ts";
import type { DifferentiationRule } from "./rule.ts";
import { simplexDerivative, simplexPullBack } from "./simplex-projection.ts";

/**
 * Implicit differentiation of a sparsemax problem by its structure, in O(n) an item: the KKT system of the active rows
 * solved by hand (`SimplexDerivative`). For the solution of any solver.
 */
export function sparsemaxImplicit(): DifferentiationRule<SparsemaxProblem, SparsemaxName> {
  return {
    name: "implicit",
    vjp(problem, solution, cotangent, { wanted = sparsemaxNames } = {}) {
      const begin = performance.now();
      const derivative = simplexDerivative(problem, solution);
      const all = simplexPullBack(derivative, cotangent);
      const gradients = Object.fromEntries(wanted.map((name) => [name, all[name]]));
      const { n, batch } = problem;
      const vertices = derivative.free.filter((count) => count === 0).length;
      const notes =
        vertices > 0
          ? [`${vertices} of ${batch} items are at a vertex, with no free entry: the gradient is the least-norm one.`]
          : [];
      const milliseconds = performance.now() - begin;
      const peakBytes = batch * n + 4 * batch + 8 * 2 * n;
      return { gradients, report: { iterations: 0, milliseconds, peakBytes, residual: 0, notes } };
    },
  };
}
