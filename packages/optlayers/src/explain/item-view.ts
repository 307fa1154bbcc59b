import { boxProjectionAsSparse } from "../differentiate/box-projection-as-sparse.ts";
import { convexImplicit } from "../differentiate/convex-through-model.ts";
import { entropicImplicit } from "../differentiate/entropic-implicit.ts";
import { implicit } from "../differentiate/implicit.ts";
import { OptionError } from "../errors.ts";
import type { BoxProjection } from "../problem/box-projection.ts";
import type { ConvexProgram } from "../problem/convex-program.ts";
import { type EntropyProgram, entropyNames } from "../problem/entropy-program.ts";
import {
  type Datum,
  datumNames,
  itemOf,
  type LinearConstraints,
  type QuadraticProgram,
} from "../problem/quadratic-program.ts";
import { itemAlone } from "../problem/select-items.ts";
import type { SparseQuadraticBatch } from "../problem/sparse-quadratic-batch.ts";
import type { SparseQuadraticProgram } from "../problem/sparse-quadratic-program.ts";
import { type SparsemaxProblem, sparsemaxNames } from "../problem/sparsemax-problem.ts";
import { modelAt } from "../solvers/convex/state.ts";
import type { Certificate, Solution, Status } from "../solvers/solver.ts";
import type { SparseCertificate } from "../solvers/sparse/certificates.ts";
import type { SparseBatchSolution } from "../solvers/sparse-batch.ts";
import type { SparseSolution } from "../solvers/sparse-interior-point.ts";
import { type DenseViewOptions, denseView } from "./dense-view.ts";
import type { ExplanationNames, ItemView } from "./side.ts";
import { itemOfSolution } from "./solution-item.ts";
import { type SolvedItem, sparseView } from "./sparse-view.ts";
import { sparsemaxView } from "./sparsemax-view.ts";

type DenseProblem = QuadraticProgram | SparsemaxProblem | EntropyProgram | ConvexProgram;
/** A problem with a batch dimension, of one item where there is none. */
export type ExplainableBatch = DenseProblem | SparseQuadraticBatch | BoxProjection;
type ExplainableProblem = ExplainableBatch | SparseQuadraticProgram;

/** An item of a solution as rows with bounds. */
export interface ItemResult {
  readonly view: ItemView;
  readonly status: Status;
  readonly objective: number;
}

/** Throws an `OptionError` for an item that is not there. */
export function itemView(
  problem: ExplainableProblem,
  solution: Solution | SparseSolution,
  item: number,
  names: ExplanationNames,
): ItemResult {
  if (problem.kind === "sparse_qp") {
    const single = solution as SparseSolution;
    return { view: sparseView(problem, single, names), status: single.status, objective: single.objective };
  }
  if (!(Number.isInteger(item) && item >= 0 && item < problem.batch)) {
    throw new OptionError("item", item, `an item of the batch, 0 to ${problem.batch - 1}`);
  }
  const own = itemOfSolution(solution as Solution, item);
  if (problem.kind === "sparse_qp_batch" || problem.kind === "box_projection") {
    const batch = problem.kind === "box_projection" ? boxProjectionAsSparse(problem) : problem;
    const point = sparsePoint(solution as Solution, own, item);
    return { view: sparseView(batch.items[item], point, names), status: own.status[0], objective: own.objective[0] };
  }
  return {
    view: denseItemView(problem, solution as Solution, item, names),
    status: own.status[0],
    objective: own.objective[0],
  };
}

/** As its own solver returned it, with what that left behind, where the solution keeps it. */
function sparsePoint(solution: Solution, own: Solution, item: number): SolvedItem {
  if ("items" in solution) return (solution as SparseBatchSolution).items[item];
  const { x, nu, lambda, zeta = new Float64Array(x.length), certificates } = own;
  return { x, nu, lambda, zeta, certificate: certificates[0] && inBounds(certificates[0], x.length) };
}

/** A proof with multipliers [lower; upper] of the rows [-I; I] of the bounds, as one with zeta. */
function inBounds(certificate: Certificate, n: number): SparseCertificate {
  if (certificate.kind === "dual_infeasible") return certificate;
  const { kind, nu, lambda } = certificate;
  const [low, high] = [lambda.subarray(0, n), lambda.subarray(n)];
  const crossed = low.findIndex((value, j) => value > 0 && high[j] > 0);
  if (crossed >= 0) return { kind, crossed };
  return { kind, nu, lambda: new Float64Array(0), zeta: high.map((value, j) => value - low[j]) };
}

function denseItemView(problem: DenseProblem, all: Solution, item: number, names: ExplanationNames): ItemView {
  const solution = itemOfSolution(all, item);
  switch (problem.kind) {
    case "qp": {
      const single = itemAlone(problem, datumNames, item);
      const tangent: DenseViewOptions["tangent"] = (direction) => implicit().jvp(single, solution, direction).tangent;
      return denseView(single, solution, { q: single.q, linear: true, tangent, names });
    }
    case "entropy": {
      const single = itemAlone(problem, entropyNames, item);
      const tangent: DenseViewOptions["tangent"] = (direction) =>
        entropicImplicit().jvp(single, solution, direction).tangent;
      return denseView(single, solution, { q: single.y, linear: false, tangent, names });
    }
    case "sparsemax":
      return sparsemaxView(itemAlone(problem, sparsemaxNames, item), solution, names);
    case "convex":
      return convexView(problem, all, item, names);
  }
}

/** The objective is a function of the whole batch: a direction for one item is one of all data, and its tangent a part. */
function convexView(problem: ConvexProgram, all: Solution, item: number, names: ExplanationNames): ItemView {
  const { n, p, m } = problem;
  const single = itemAlone<"A" | "b" | "G" | "h", LinearConstraints>(problem, ["A", "b", "G", "h"], item);
  const { model } = modelAt(problem, all);
  const q: Datum = { values: itemOf(model.q, item), shape: [n], batched: false };
  const tangent: DenseViewOptions["tangent"] = (direction) => {
    const wide = Object.entries(direction).map(([name, values]) => [name, spread(problem, name, values, item)]);
    const { x, nu, lambda } = convexImplicit().jvp(problem, all, Object.fromEntries(wide)).tangent;
    const own = (values: Float64Array, width: number) => values.subarray(item * width, (item + 1) * width);
    return { x: own(x, n), nu: own(nu, p), lambda: own(lambda, m) };
  };
  return denseView(single, itemOfSolution(all, item), { q, linear: false, tangent, names });
}

/** A direction of one item's b or h in the layout of the datum. */
function spread(problem: ConvexProgram, name: string, values: Float64Array, item: number): Float64Array {
  const datum = name === "b" ? problem.b : problem.h;
  if (!datum.batched) return values;
  const all = new Float64Array(datum.values.length);
  all.set(values, item * values.length);
  return all;
}
