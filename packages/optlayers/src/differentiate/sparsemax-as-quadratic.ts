import { offsetOf } from "../problem/products.ts";
import type { Datum, DatumName } from "../problem/quadratic-program.ts";
import {
  type SparsemaxName,
  type SparsemaxProblem,
  sparsemaxAsQuadratic,
  sparsemaxNames,
} from "../problem/sparsemax-problem.ts";
import type { Solver } from "../solvers/solver.ts";
import type { DataTangents, DifferentiationRule } from "./rule.ts";

/** A solver of QPs as one of sparsemax problems (`sparsemaxAsQuadratic`): for small n. */
export function asSparsemaxSolver({ name, solve }: Solver): Solver<SparsemaxProblem> {
  return { name, solve: (problem, options) => solve(sparsemaxAsQuadratic(problem), options) };
}

/** The datum of the QP that each datum of a sparsemax problem becomes. */
const counterpart: Record<SparsemaxName, DatumName> = { y: "q", u: "h", total: "b" };

/** A rule for QPs as one for sparsemax problems (`sparsemaxAsQuadratic`): for small n. */
export function asSparsemaxRule({
  name,
  vjp,
  jvp,
}: DifferentiationRule): DifferentiationRule<SparsemaxProblem, SparsemaxName> {
  return {
    name,
    vjp(problem, solution, cotangent, { wanted = sparsemaxNames } = {}) {
      const program = sparsemaxAsQuadratic(problem);
      const asked = wanted.map((own) => counterpart[own]);
      const { gradients, report } = vjp(program, solution, cotangent, { wanted: asked });
      const own = wanted.map((datum) => [datum, pulledBack(problem, datum, gradients[counterpart[datum]], program.h)]);
      return { gradients: Object.fromEntries(own), report };
    },
    ...(jvp && {
      jvp(problem, solution, tangents) {
        const program = sparsemaxAsQuadratic(problem);
        return jvp(program, solution, pushedForward(problem, tangents, program.h));
      },
    }),
  };
}

/** The tangents of q = -y, h = [0; u], b = total. */
function pushedForward(
  { batch, u }: SparsemaxProblem,
  tangents: DataTangents<SparsemaxName>,
  h: Datum,
): DataTangents<DatumName> {
  const dh = new Float64Array(h.values.length);
  if (u && tangents.u) {
    const [n] = u.shape;
    for (let i = 0; i < (h.batched ? batch : 1); i++) {
      const from = offsetOf(u, i);
      dh.set(tangents.u.subarray(from, from + n), offsetOf(h, i) + n);
    }
  }
  return { q: tangents.y?.map((value) => -value), b: tangents.total, h: dh };
}

/** Through q = -y, h = [0; u], b = total. */
function pulledBack(
  { batch, u, y }: SparsemaxProblem,
  name: SparsemaxName,
  gradient: Float64Array = new Float64Array(0),
  h: Datum,
): Float64Array {
  if (name === "total") return gradient;
  if (name === "y") return Float64Array.from({ length: y.values.length }, (_, k) => -gradient[k]);
  const result = new Float64Array(u?.values.length ?? 0);
  if (!u) return result;
  const [n] = u.shape;
  for (let i = 0; i < (h.batched ? batch : 1); i++) {
    const [to, from] = [offsetOf(u, i), offsetOf(h, i) + n];
    for (let j = 0; j < n; j++) result[to + j] += gradient[from + j];
  }
  return result;
}
