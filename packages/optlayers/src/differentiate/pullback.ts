import { activeKernels, transposed, type View, view } from "@solvegrad/linalg";
import { symmetrize } from "../arrays.ts";
import {
  type Datum,
  type DatumName,
  datumNames,
  type LinearConstraints,
  type QuadraticProgram,
} from "../problem/quadratic-program.ts";
import { isUsable, type Solution } from "../solvers/solver.ts";
import type { DataCotangents } from "./rule.ts";

/** The solution of the adjoint KKT system of every item: u is batch x n, y batch x p, w batch x m, row by row. */
export interface AdjointPoint {
  readonly u: Float64Array;
  readonly y: Float64Array;
  readonly w: Float64Array;
}

/**
 * From the adjoint system to the cotangents of the data, the last step that all rules share:
 *
 *     q: -u     b: y     h: w     Q: -(u x' + x u')/2     A: -(nu u' + y x')     G: -(lambda u' + w x')
 *
 * A shared datum gets the sum over the batch. Items whose status is not usable contribute zero, whatever their entries hold.
 */
export function pullBack(
  problem: QuadraticProgram,
  solution: Solution,
  adjoint: AdjointPoint,
  wanted: readonly DatumName[] = datumNames,
): DataCotangents {
  const rows = usableRows(problem, solution, adjoint);
  return pullBackBy(quadraticCotangents, problem, rows, wanted);
}

/** The points that the cotangents of the data are made of, with zeros at the items that may not be used. */
export type PullbackRows = Record<"x" | "nu" | "lambda" | "u" | "y" | "w", View<Float64Array>>;

export function usableRows(problem: LinearConstraints, solution: Solution, adjoint: AdjointPoint): PullbackRows {
  const { n, p, m, batch } = problem;
  const { x, nu, lambda, usable } = usableSolution(problem, solution);
  const clean = (values: Float64Array, width: number) => view(withoutItems(values, width, usable), [batch, width]);
  return {
    x: view(x, [batch, n]),
    nu: view(nu, [batch, p]),
    lambda: view(lambda, [batch, m]),
    u: clean(adjoint.u, n),
    y: clean(adjoint.y, p),
    w: clean(adjoint.w, m),
  };
}

/** A solution with zeros at the items that may not be used: batch x n, batch x p and batch x m. */
export interface SolutionRows {
  readonly x: Float64Array;
  readonly nu: Float64Array;
  readonly lambda: Float64Array;
  readonly usable: readonly boolean[];
}

export function usableSolution({ n, p, m }: LinearConstraints, solution: Solution): SolutionRows {
  const usable = solution.status.map(isUsable);
  return {
    x: withoutItems(solution.x, n, usable),
    nu: withoutItems(solution.nu, p, usable),
    lambda: withoutItems(solution.lambda, m, usable),
    usable,
  };
}

/** How the cotangent of each datum of a problem of the kind P comes from these rows. */
export type CotangentTable<P, N extends string> = Readonly<Record<N, (problem: P, rows: PullbackRows) => Float64Array>>;

/** The cotangents that are wanted, each by its line of the table. */
export function pullBackBy<P, N extends string>(
  table: CotangentTable<P, N>,
  problem: P,
  rows: PullbackRows,
  wanted: readonly N[],
): DataCotangents<N> {
  const gradients: DataCotangents<N> = {};
  for (const name of wanted) gradients[name] = table[name](problem, rows);
  return gradients;
}

/** The lines of the table for linear constraints, whatever the objective. */
export const constraintCotangents: CotangentTable<LinearConstraints, "A" | "b" | "G" | "h"> = {
  A: (problem, { nu, u, y, x }) => outerSum(nu, u, y, x, problem.A.batched),
  b: (problem, { y }) => reduced(1, y, problem.b),
  G: (problem, { lambda, u, w, x }) => outerSum(lambda, u, w, x, problem.G.batched),
  h: (problem, { w }) => reduced(1, w, problem.h),
};

export const quadraticCotangents: CotangentTable<QuadraticProgram, DatumName> = {
  ...constraintCotangents,
  Q: (problem, { u, x }) => symmetrize(outer(-1, u, x, problem.Q.batched), problem.n),
  q: (problem, { u }) => reduced(-1, u, problem.q),
};

/** `values` with zeros at the items that may not be used; the array itself when all may. */
function withoutItems(values: Float64Array, width: number, usable: readonly boolean[]): Float64Array {
  if (usable.every(Boolean)) return values;
  const kept = values.slice();
  usable.forEach((use, i) => {
    if (!use) kept.fill(0, i * width, (i + 1) * width);
  });
  return kept;
}

/** The cotangent of a vector datum: alpha times the rows, or their sum over the batch where it is shared. */
export function reduced(alpha: number, rows: View<Float64Array>, { batched }: Datum): Float64Array {
  const [batch, width] = rows.shape;
  const result = new Float64Array(batched ? batch * width : width);
  for (let i = 0; i < batch; i++) {
    const at = batched ? i * width : 0;
    for (let j = 0; j < width; j++) result[at + j] += alpha * rows.data[i * width + j];
  }
  return result;
}

/** -(a b' + c d'), one matrix an item or the sum over the batch. */
function outerSum(
  a: View<Float64Array>,
  b: View<Float64Array>,
  c: View<Float64Array>,
  d: View<Float64Array>,
  batched: boolean,
): Float64Array {
  const result = outer(-1, a, b, batched);
  outer(-1, c, d, batched, result);
  return result;
}

/** result += alpha a_i b_i', one matrix an item or the sum over the batch (which is one matrix product). */
function outer(
  alpha: number,
  a: View<Float64Array>,
  b: View<Float64Array>,
  batched: boolean,
  result: Float64Array = new Float64Array((batched ? a.shape[0] : 1) * a.shape[1] * b.shape[1]),
): Float64Array {
  const [batch, rows] = a.shape;
  const columns = b.shape[1];
  if (rows * columns === 0) return result;
  if (!batched) {
    activeKernels().gemm(alpha, transposed(a), b, 1, view(result, [rows, columns]));
    return result;
  }
  for (let i = 0, k = 0; i < batch; i++) {
    for (let r = 0; r < rows; r++) {
      const scale = alpha * a.data[i * rows + r];
      for (let c = 0; c < columns; c++, k++) result[k] += scale * b.data[i * columns + c];
    }
  }
  return result;
}
