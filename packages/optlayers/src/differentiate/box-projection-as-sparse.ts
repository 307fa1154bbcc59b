import {
  type BoxProjection,
  type BoxProjectionName,
  boxProjectionNames,
  equationsOf,
} from "../problem/box-projection.ts";
import { emptyLayout, sparseLayout } from "../problem/matrix-layout.ts";
import { type Datum, itemOf } from "../problem/quadratic-program.ts";
import { zeroDatum } from "../problem/read-data.ts";
import type { SparseDatumName, SparseQuadraticBatch } from "../problem/sparse-quadratic-batch.ts";
import type { Solver } from "../solvers/solver.ts";
import type { SparseBatchSolution } from "../solvers/sparse-batch.ts";
import type { DataCotangents, DataTangents, DifferentiationRule } from "./rule.ts";
import type { SparseRule } from "./sparse/over-batch.ts";

/** The same problem as a sparse QP for the general solvers and rules: Q = I, q = -y, without rows G. */
export function boxProjectionAsSparse(problem: BoxProjection): SparseQuadraticBatch {
  const { n, p, m, batch, batched, y, A, b, lower, upper, layout } = problem;
  const Q = sparseLayout("Q", identityPattern(n), true);
  const data: Record<SparseDatumName, Datum> = {
    Q: { values: new Float64Array(n).fill(1), shape: [n], batched: false },
    q: negative(y),
    ...{ A, b, lower, upper },
    G: zeroDatum(0),
    l: zeroDatum(0),
    u: zeroDatum(0),
  };
  const layouts = { Q, A: layout, G: emptyLayout(0, n) };
  const matrices = equationsOf(problem);
  const items = matrices.map((matrix, i) => ({
    kind: "sparse_qp" as const,
    ...{ n, p, m },
    Q: { ...Q.pattern, data: data.Q.values },
    q: itemOf(data.q, i),
    A: matrix,
    b: itemOf(b, i),
    G: { ...layouts.G.pattern, data: data.G.values },
    l: data.l.values,
    u: data.u.values,
    lower: itemOf(lower, i),
    upper: itemOf(upper, i),
    constant: 0,
  }));
  return { kind: "sparse_qp_batch", ...{ n, p, m, batch, batched }, ...data, layouts, items };
}

/** A solver of sparse QPs as one of box projections. The objective is that of the projection, 1/2 |x - y|^2. */
export function asBoxProjectionSolver(
  solver: Solver<SparseQuadraticBatch, SparseBatchSolution>,
): Solver<BoxProjection, SparseBatchSolution> {
  return {
    name: solver.name,
    solve(problem, options) {
      const solution = solver.solve(boxProjectionAsSparse(problem), options);
      const objective = solution.objective.map((value, i) => {
        const y = itemOf(problem.y, i);
        return value + y.reduce((sum, entry) => sum + entry * entry, 0) / 2;
      });
      return { ...solution, objective };
    },
  };
}

/** A rule for sparse QPs as one for box projections: q = -y. */
export function asBoxProjectionRule(rule: SparseRule): DifferentiationRule<BoxProjection, BoxProjectionName> {
  return {
    name: rule.name,
    vjp(problem, solution, cotangent, { wanted = boxProjectionNames } = {}) {
      const asked = wanted.map((name) => (name === "y" ? "q" : name));
      const { gradients, report } = rule.vjp(boxProjectionAsSparse(problem), solution, cotangent, { wanted: asked });
      const { q, ...rest } = gradients;
      const own: DataCotangents<BoxProjectionName> = q ? { ...rest, y: minus(q) } : rest;
      return { gradients: own, report };
    },
    jvp(problem, solution, { y, ...rest }: DataTangents<BoxProjectionName>) {
      const tangents: DataTangents<SparseDatumName> = y ? { ...rest, q: minus(y) } : rest;
      return rule.jvp(boxProjectionAsSparse(problem), solution, tangents);
    },
  };
}

function identityPattern(n: number) {
  const counting = (length: number) => Int32Array.from({ length }, (_, k) => k);
  return { shape: [n, n] as const, indptr: counting(n + 1), indices: counting(n) };
}

function negative(datum: Datum): Datum {
  return { ...datum, values: minus(datum.values) };
}

/** 0 - value: what is 0 stays 0, not -0. */
function minus(values: Float64Array): Float64Array {
  return values.map((value) => 0 - value);
}
