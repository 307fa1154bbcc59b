import { matmul, maximum, type Tensor, zeros } from "@solvegrad/autograd";
import type { EntropyName } from "../../problem/entropy-program.ts";
import type { DatumName } from "../../problem/quadratic-program.ts";

/** A solution on the tape in float64, one row an item: x is batch x n, nu batch x p, lambda batch x m. */
export interface PointOnTape {
  readonly x: Tensor;
  readonly nu: Tensor;
  readonly lambda: Tensor;
  /** The multipliers of simple bounds, batch x n, where the problem has them. */
  readonly zeta?: Tensor;
}

/** The data on the tape in float64, in their own shapes: with a leading batch dimension, or shared. */
export type DataOnTape<N extends string> = Readonly<Record<N, Tensor>>;

/**
 * The Lagrangian of a kind of problem in Tensor ops, summed over the items. It is all that a kind must say for derivatives of any
 * order: the KKT conditions are those of its gradient in the point, the KKT matrix is its Hessian.
 */
export type Lagrangian<N extends string> = (
  point: PointOnTape,
  data: DataOnTape<N>,
  /** The items of the batch that the rows of the point are. */
  items: readonly number[],
) => Tensor;

/** 1/2 x'Qx + q'x + nu'(Ax - b) + lambda'(Gx - h). */
export const quadraticLagrangian: Lagrangian<DatumName> = (point, data) => {
  const { x } = point;
  const curvature = inner(rowsTimes(x, data.Q), x).mul(0.5);
  return curvature.add(inner(data.q, x)).add(constraintTerms(point, data));
};

/** Below this, entries of x stand for 0: their logarithm has derivatives of all orders that are numbers. */
const leastEntry = 1e-140;

/** -y'x + sum x log x + nu'(Ax - b) + lambda'(Gx - h). */
export const entropyLagrangian: Lagrangian<EntropyName> = (point, data) => {
  const x = maximum(point.x, leastEntry);
  return inner(x, x.log())
    .sub(inner(data.y, x))
    .add(constraintTerms({ ...point, x }, data));
};

/** nu'(Ax - b) + lambda'(Gx - h), for any objective under dense linear constraints. */
export function constraintTerms(
  { x, nu, lambda }: PointOnTape,
  { A, b, G, h }: DataOnTape<"A" | "b" | "G" | "h">,
): Tensor {
  return multiplied(nu, A, b, x).add(multiplied(lambda, G, h, x));
}

/** y'(Kx - k); 0 where there are no rows. */
function multiplied(y: Tensor, K: Tensor, k: Tensor, x: Tensor): Tensor {
  if (y.size === 0) return zeros([]);
  return inner(rowsTimes(y, K), x).sub(inner(y, k));
}

/** The rows y_i' K, with one K for all rows or one for each. */
export function rowsTimes(y: Tensor, K: Tensor): Tensor {
  if (K.rank === 2) return matmul(y, K);
  const [rows, width] = y.shape;
  return matmul(y.reshape([rows, 1, width]), K).reshape([rows, K.shape[2]]);
}

/** The sum of the products of the entries, either operand repeated for all rows where it is shared. */
export function inner(a: Tensor, b: Tensor): Tensor {
  return a.mul(b).sum();
}
