import { maximum, minimum, type Tensor, takeFlat, tensor, zeros } from "@solvegrad/autograd";
import type { MatrixLayout } from "../../problem/matrix-layout.ts";
import type { SparseDatumName, SparseQuadraticBatch } from "../../problem/sparse-quadratic-batch.ts";
import type { KktOperator } from "./kkt-on-tape.ts";
import { operatorOf } from "./kkt-operator.ts";
import { inner } from "./lagrangian.ts";
import type { KktTable } from "./recorded-backward.ts";

/**
 * Derivatives of any order of a sparse QP's solution. With the bound of every row and variable that its multiplier pushes
 * against (their mean where both agree), the Lagrangian is
 *
 *     1/2 x'Qx + q'x + nu'(Ax - b) + lambda'(Gx - bound) + zeta'(x - bound).
 *
 * All products are taken over the caller's numbers alone: nothing dense is formed of a sparse matrix.
 */
export function sparseKkt(problem: SparseQuadraticBatch): KktTable<SparseQuadraticBatch, SparseDatumName> {
  const { layouts } = problem;
  return {
    quadratic: true,
    lagrangian: ({ x, nu, lambda, zeta }, data) => {
      const products = [
        bilinear(layouts.Q, data.Q, x, x).mul(0.5),
        inner(data.q, x),
        bilinear(layouts.A, data.A, nu, x).sub(inner(data.b, nu)),
        bilinear(layouts.G, data.G, lambda, x).sub(pushed(lambda, data.l, data.u)),
      ];
      if (zeta) products.push(inner(zeta, x).sub(pushed(zeta, data.lower, data.upper)));
      return products.reduce((sum, product) => sum.add(product));
    },
    operator: (own, solution, rule) => {
      const solve = operatorOf(own, solution, rule, linearTerms);
      return (c) => joined(solve(c));
    },
  };
}

const linearTerms = [
  { name: "q", sign: -1 },
  { name: "b", sign: 1 },
  { name: "l", sign: 1 },
  { name: "u", sign: 1 },
  { name: "lower", sign: 1 },
  { name: "upper", sign: 1 },
] as const;

/** (u, y, w, z): the adjoint of a row or a variable is the cotangent of its two bounds together. */
function joined([u, y, l, upperRows, lower, upper]: ReturnType<KktOperator>): Float64Array[] {
  return [u, y, l.map((value, k) => value + upperRows[k]), lower.map((value, k) => value + upper[k])];
}

/** The row and the column of each of the caller's numbers. */
function placesOf({ count, pattern: { shape, indptr, indices }, source, mirror }: MatrixLayout) {
  const rows = new Int32Array(count);
  const columns = new Int32Array(count);
  for (let j = 0; j < shape[1]; j++) {
    for (let k = indptr[j]; k < indptr[j + 1]; k++) {
      rows[source[k]] = indices[k];
      columns[source[k]] = j;
      if (!mirror) continue;
      rows[mirror[k]] = j;
      columns[mirror[k]] = indices[k];
    }
  }
  return { rows, columns };
}

/** The sum over the items of y'Mx, with one M for all or one for each. */
function bilinear(layout: MatrixLayout, M: Tensor, y: Tensor, x: Tensor): Tensor {
  const { count } = layout;
  if (count === 0) return zeros([]);
  const { rows, columns } = placesOf(layout);
  const entries = M.reshape([M.size / count, count]);
  return inner(entries, chosenColumns(y, rows).mul(chosenColumns(x, columns)));
}

/** The columns of a matrix with these numbers, in their order, repeated where a number is. */
function chosenColumns(x: Tensor, columns: Int32Array): Tensor {
  const [count, width] = x.shape;
  const indices = new Int32Array(count * columns.length);
  for (let i = 0, at = 0; i < count; i++) for (const column of columns) indices[at++] = i * width + column;
  return takeFlat(x, { indices, whole: x.shape, part: [count, columns.length] });
}

/** The sum of y times the bound that it pushes against, with shares of the two bounds that are constants. */
function pushed(y: Tensor, low: Tensor, high: Tensor): Tensor {
  if (y.size === 0) return zeros([]);
  const width = y.shape[1];
  const [lows, highs, values] = [low.data(), high.data(), y.data()];
  const share = Float64Array.from(values, (value, k) => {
    const [bottom, top] = [lows[k % lows.length], highs[k % highs.length]];
    return bottom === top ? 0.5 : value > 0 ? 1 : 0;
  });
  const upper = tensor(share, { shape: [values.length / width, width] });
  // an infinite bound has no share, and must not make one of zero into NaN
  const bound = maximum(low, -Number.MAX_VALUE).mul(upper.neg().add(1)).add(minimum(high, Number.MAX_VALUE).mul(upper));
  return inner(y, bound);
}
