import { symmetrize } from "../arrays.ts";
import { DatumRangeError } from "../errors.ts";
import { type KktVector, kktVector } from "../kkt/kkt-method.ts";
import { allItems, applyDatum, applyTransposedDatum } from "../problem/products.ts";
import type { Datum, DatumName, LinearConstraints, QuadraticProgram } from "../problem/quadratic-program.ts";
import type { Solution } from "../solvers/solver.ts";
import { type SolutionRows, usableSolution } from "./pullback.ts";
import type { DataTangents } from "./rule.ts";

/**
 * How the tangent of each datum enters the right-hand side of the KKT systems, to which each line adds its part. The systems are
 * those of `pullBack`, for K is symmetric: (dx, dnu, dlambda) is what the same operator makes of
 *
 *     x: -(dQ x + dq + dA'nu + dG'lambda)     nu: db - dA x     lambda: dh - dG x   (of active rows)
 *
 * so that every rule of the KKT system has its Jacobian-vector product from the solve that its vector-Jacobian product uses.
 */
export type TangentTable<P, N extends string> = Readonly<
  Record<N, (problem: P, rows: SolutionRows, tangent: Float64Array, rhs: KktVector) => void>
>;

/** The right-hand side for the tangents of all data together; zero at items whose status is not usable. */
export function pushForwardBy<N extends string, P extends LinearConstraints & Readonly<Record<N, Datum>>>(
  table: TangentTable<P, N>,
  problem: P,
  solution: Solution,
  tangents: DataTangents<N>,
): KktVector {
  const rows = usableSolution(problem, solution);
  const rhs = kktVector(problem, problem.batch);
  for (const name of Object.keys(table) as N[]) {
    const tangent = checkedTangent(name, tangents[name], problem[name]);
    if (tangent) table[name](problem, rows, tangent, rhs);
  }
  const { n, p, m } = problem;
  rows.usable.forEach((use, i) => {
    if (use) return;
    rhs.x.fill(0, i * n, (i + 1) * n);
    rhs.nu.fill(0, i * p, (i + 1) * p);
    rhs.lambda.fill(0, i * m, (i + 1) * m);
  });
  return rhs;
}

/** The tangent of a datum, null where it stays. Throws a `DatumRangeError` for one of another length. */
export function checkedTangent(
  name: string,
  tangent: Float64Array | undefined,
  { values }: Datum,
): Float64Array | null {
  if (!tangent) return null;
  if (tangent.length === values.length) return tangent;
  const expected = `${values.length} numbers, as ${name} has`;
  const facts = { argument: name, shape: [tangent.length], item: null, expected };
  throw new DatumRangeError(`the tangent of ${name} has ${tangent.length} entries; expected ${expected}`, facts);
}

/** The lines of the table for linear constraints, whatever the objective. */
export const constraintTangents: TangentTable<LinearConstraints, "A" | "b" | "G" | "h"> = {
  A: ({ A, batch }, { x, nu }, dA, rhs) => addMatrix({ ...A, values: dA }, x, nu, batch, rhs.x, rhs.nu),
  b: ({ b, batch }, _rows, db, rhs) => addRows(1, { ...b, values: db }, batch, rhs.nu),
  G: ({ G, batch }, { x, lambda }, dG, rhs) => addMatrix({ ...G, values: dG }, x, lambda, batch, rhs.x, rhs.lambda),
  h: ({ h, batch }, _rows, dh, rhs) => addRows(1, { ...h, values: dh }, batch, rhs.lambda),
};

/** Q's tangent counts by its symmetric part, as its cotangent is symmetric. */
export const quadraticTangents: TangentTable<QuadraticProgram, DatumName> = {
  ...constraintTangents,
  Q: ({ Q, n, batch }, { x }, dQ, rhs) => {
    applyDatum(-1, { ...Q, values: symmetrize(dQ.slice(), n) }, x, 1, rhs.x, allItems(batch));
  },
  q: ({ q, batch }, _rows, dq, rhs) => addRows(-1, { ...q, values: dq }, batch, rhs.x),
};

/** force -= D'multipliers, value -= D x, for the tangent D of a matrix of constraints. */
function addMatrix(
  D: Datum,
  x: Float64Array,
  multipliers: Float64Array,
  batch: number,
  force: Float64Array,
  value: Float64Array,
): void {
  if (D.values.length === 0) return;
  const items = allItems(batch);
  applyTransposedDatum(-1, D, multipliers, 1, force, items);
  applyDatum(-1, D, x, 1, value, items);
}

/** rows += alpha d for each item. */
export function addRows(alpha: number, { values, shape, batched }: Datum, batch: number, rows: Float64Array): void {
  const [width] = shape;
  for (let i = 0, k = 0; i < batch; i++) {
    const at = batched ? i * width : 0;
    for (let j = 0; j < width; j++, k++) rows[k] += alpha * values[at + j];
  }
}
