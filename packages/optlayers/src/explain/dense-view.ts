import { concatenated, dot, maxAbs } from "../arrays.ts";
import type { SolutionTangent } from "../differentiate/rule.ts";
import { activeSet } from "../kkt/active-set.ts";
import type { Datum, LinearConstraints } from "../problem/quadratic-program.ts";
import type { Solution } from "../solvers/solver.ts";
import { directionOf, type ExplanationNames, type ItemView, type Side, standing } from "./side.ts";

/** As the rules have it: lambda and s of one row both below this share of their sizes make it weakly active. */
const weakTolerance = 1e-8;

/**
 * A single item under Ax = b, Gx <= h: p + m rows, one side each. `q` is the linear term of the objective, which says how
 * large a multiplier is.
 */
export function denseView(
  problem: LinearConstraints,
  solution: Solution,
  { q, linear, tangent, names }: DenseViewOptions,
): ItemView {
  const { n, p, m, A, G } = problem;
  const rowsOf = (M: Datum, count: number) =>
    Array.from({ length: count }, (_, i) => M.values.subarray(i * n, (i + 1) * n));
  const [rowsA, rowsG] = [rowsOf(A, p), rowsOf(G, m)];
  const { D } = activeSet({ ...problem, q }, solution, Int32Array.of(0), weakTolerance);
  const size = maxAbs(solution.x);
  const side = (group: "A" | "G", index: number, row: Float64Array, given?: string): Side => {
    const equality = group === "A";
    const relation = equality ? "=" : "<=";
    const bound = (equality ? problem.b : problem.h).values[index];
    const value = dot(row, solution.x);
    return {
      constraint: given ?? `${group}[${index}]`,
      datum: equality ? "b" : "h",
      index,
      ...standing(relation, value, bound, size * maxAbs(row)),
      row: equality ? index : p + index,
      dual: equality ? solution.nu[index] : solution.lambda[index],
      binds: equality || D[index] === 0,
    };
  };
  const [certificate] = solution.certificates;
  return {
    weightOf:
      certificate?.kind === "primal_infeasible"
        ? ({ row }) => (row < p ? certificate.nu[row] : certificate.lambda[row - p])
        : null,
    descent: certificate?.kind === "dual_infeasible" ? { direction: certificate.direction, q: q.values } : null,
    sides: [
      ...rowsA.map((row, i) => side("A", i, row, names.equalities?.[i])),
      ...rowsG.map((row, i) => side("G", i, row, names.inequalities?.[i])),
    ],
    linear,
    along(moved) {
      const { x, nu, lambda } = tangent(directionOf(moved, (datum) => (datum === "b" ? p : m)));
      return {
        values: Float64Array.from([...rowsA, ...rowsG], (row) => dot(row, x)),
        duals: concatenated(nu, lambda),
      };
    },
  };
}

export interface DenseViewOptions {
  readonly q: Datum;
  readonly linear: boolean;
  /** How this item's solution moves along a direction of b or h. */
  readonly tangent: (direction: Readonly<Record<string, Float64Array>>) => SolutionTangent;
  readonly names: ExplanationNames;
}
