import { concatenated, maxAbs } from "../arrays.ts";
import { sparsemaxImplicit } from "../differentiate/sparsemax-implicit.ts";
import type { SparsemaxProblem } from "../problem/sparsemax-problem.ts";
import type { Solution } from "../solvers/solver.ts";
import {
  type BoxRow,
  directionOf,
  type ExplanationNames,
  type ItemView,
  type Side,
  sidesOfBox,
  standing,
} from "./side.ts";

/** A single sparsemax problem: the row 1'x = total, and a row 0 <= x_j <= u_j for each variable. */
export function sparsemaxView(problem: SparsemaxProblem, solution: Solution, names: ExplanationNames): ItemView {
  const { n, u, total } = problem;
  const { x, nu, lambda } = solution;
  const size = maxAbs(x);
  const sum: Side = {
    constraint: names.equalities?.[0] ?? "sum x",
    datum: "total",
    index: 0,
    ...standing(
      "=",
      x.reduce((value, entry) => value + entry, 0),
      total.values[0],
      size,
    ),
    row: 0,
    dual: nu[0],
    binds: true,
  };
  const bounds = Array.from(x, (value, j) => {
    const [pushUp, pushDown] = [lambda[j], u ? lambda[n + j] : 0];
    const high = u ? u.values[j] : Infinity;
    const held = pushUp > value ? "low" : pushDown > high - value ? "high" : "none";
    const dual = pushDown - pushUp;
    const row: BoxRow = {
      constraint: names.variables?.[j] ?? `x[${j}]`,
      row: 1 + j,
      index: j,
      value,
      size,
      dual,
      held,
    };
    return sidesOfBox(row, { datum: "0", bound: 0 }, { datum: "u", bound: high });
  });
  const [certificate] = solution.certificates;
  return {
    weightOf: certificate?.kind === "primal_infeasible" ? (side) => weightIn(certificate, side, n) : null,
    descent: null,
    sides: [sum, ...bounds.flat()],
    linear: true,
    along(moved) {
      if (moved.datum === "0") return null;
      const direction = directionOf(moved, (datum) => (datum === "u" ? n : 1));
      const { tangent } = sparsemaxImplicit().jvp(problem, solution, direction);
      const duals = new Float64Array(1 + n);
      duals[0] = tangent.nu[0];
      for (let j = 0; j < n; j++) duals[1 + j] = (u ? tangent.lambda[n + j] : 0) - tangent.lambda[j];
      return {
        values: concatenated(Float64Array.of(tangent.x.reduce((sum, dx) => sum + dx, 0)), tangent.x),
        duals,
      };
    },
  };
}

function weightIn({ nu, lambda }: Multipliers, { row, relation }: Side, n: number): number {
  if (row === 0) return nu[0];
  const low = relation === "<=" ? 0 : lambda[row - 1];
  const high = relation === ">=" || lambda.length === n ? 0 : lambda[n + row - 1];
  return high - low;
}

interface Multipliers {
  readonly nu: Float64Array;
  readonly lambda: Float64Array;
}
