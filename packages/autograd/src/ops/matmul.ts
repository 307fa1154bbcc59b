import { activeKernels } from "@solvegrad/linalg";
import { broadcastShapes } from "../axes.ts";
import { ShapeError } from "../errors.ts";
import { type Shape, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { broadcastValues, contiguous, dtypeOfValues, reshapeValues, type Values, zeroValues } from "../values.ts";
import { bilinear } from "./factories.ts";
import { reshape, swapLastTwo, transpose } from "./layout.ts";
import { apply } from "./op.ts";
import { sumTo } from "./reduction.ts";

export interface MatmulAttributes {
  matmul: null;
}

/** C = A B, so  Abar = Cbar B'  and  Bbar = A' Cbar,  summed over the batch for a shared operand. */
export const matmulOps = {
  matmul: bilinear<"matmul", null>(
    "matmul",
    productShape,
    (a, b, _, shape) => multiply(a, b, shape),
    ({ cotangent, inputs: [a, b] }) => sumOfProducts(cotangent, b, a.shape),
    ({ cotangent, inputs: [a, b] }) => sumTo(inLayoutOf(b, swapLastTwo(a), cotangent), b.shape),
  ),
};

/**
 * The matrix product of the last two axes; leading axes are a batch and broadcast. A vector on the left is a row, on
 * the right a column, and its axis is dropped from the result.
 */
export function matmul(a: Tensor, b: Tensor): Tensor {
  if (a.rank === 0 || b.rank === 0) throw new ShapeError("matmul", [a.shape, b.shape], "operands of rank 1 at least");
  if (b.rank === 1) return dropAxis(matmul(a, reshape(b, [b.size, 1])), -1);
  if (a.rank === 1) return dropAxis(matmul(reshape(a, [1, a.size]), b), -2);
  productShape(a.shape, b.shape);
  if (a.rank > 2 && b.rank === 2) return rowsTimes(a, b);
  if (a.rank === 2 && b.rank > 2 && b.shape[b.rank - 1] === 1) return columnsTimes(a, b);
  return apply(matmulOps.matmul, [a, b]);
}

/** A batch of matrices times one shared matrix is one product of all their rows. */
function rowsTimes(a: Tensor, b: Tensor): Tensor {
  const rows = reshape(a, [sizeOf(a.shape.slice(0, -1)), a.shape[a.rank - 1]]);
  return reshape(apply(matmulOps.matmul, [rows, b]), [...a.shape.slice(0, -1), b.shape[1]]);
}

/** One shared matrix times a batch of columns is one product too: the columns, as rows, times its transpose. */
function columnsTimes(a: Tensor, b: Tensor): Tensor {
  const columns = reshape(b, [sizeOf(b.shape.slice(0, -2)), b.shape[b.rank - 2]]);
  return reshape(apply(matmulOps.matmul, [columns, swapLastTwo(a)]), [...b.shape.slice(0, -2), a.shape[0], 1]);
}

/**
 * U V, laid out by columns where `like` is: the cotangent of a transposed view is then contiguous once it is transposed
 * back, and the gradient of a weight that enters as W' needs no copy.
 */
function inLayoutOf(like: Tensor, u: Tensor, v: Tensor): Tensor {
  const byColumns = like.value.stride[like.rank - 2] === 1 && like.value.stride[like.rank - 1] !== 1;
  return byColumns ? swapLastTwo(matmul(swapLastTwo(v), swapLastTwo(u))) : matmul(u, v);
}

/**
 * U V' for each item of a batch, summed to `shape`: with a shape of rank 2, sum_i U_i V_i' is one product of the items
 * laid side by side, and no batch of products is ever held.
 */
export function sumOfProducts(u: Tensor, v: Tensor, shape: Shape): Tensor {
  if (shape.length > 2 || u.rank === 2) return sumTo(matmul(u, swapLastTwo(v)), shape);
  return matmul(sideBySide(u), swapLastTwo(sideBySide(v)));
}

/** The matrices (m, n) of a batch as one (m, batch n). */
function sideBySide(u: Tensor): Tensor {
  const rows = u.rank - 2;
  const others = u.shape.map((_, axis) => axis).filter((axis) => axis !== rows);
  return reshape(transpose(u, [rows, ...others]), [u.shape[rows], sizeOf(others.map((axis) => u.shape[axis]))]);
}

/** x without an axis of extent 1 that is counted from the end. */
function dropAxis(x: Tensor, axis: number): Tensor {
  return reshape(x, x.shape.toSpliced(axis, 1));
}

function productShape(a: Shape, b: Shape): Shape {
  const [m, k] = a.slice(-2);
  const [l, n] = b.slice(-2);
  if (k !== l) throw new ShapeError("matmul", [a, b], `(..., m, k) and (..., k, n) with one k, but ${k} is not ${l}`);
  return [...broadcastShapes("matmul", a.slice(0, -2), b.slice(0, -2)), m, n];
}

function multiply(a: Values, b: Values, shape: Shape): Values {
  const c = zeroValues(dtypeOfValues(a), shape);
  const A = strided(a);
  const B = strided(b);
  if (shape.length === 2) activeKernels().gemm(1, A, B, 0, c);
  else activeKernels().gemmBatched(1, asBatch(A, shape), asBatch(B, shape), 0, asBatch(c, shape));
  return c;
}

/** The view (batch, m, n) of a batch with any number of leading axes, repeated to the leading axes of `shape`. */
export function asBatch(x: Values, shape: Shape): Values {
  const matrix = x.shape.slice(-2);
  const lead = shape.slice(0, -2);
  return reshapeValues(broadcastValues("matmul", x, [...lead, ...matrix]), [sizeOf(lead), ...matrix]);
}

/** A form that BLAS takes as it is: unit stride along one matrix axis and no overlap along the other. */
function strided(x: Values): Values {
  const [m, n] = x.shape.slice(-2);
  const [row, column] = x.stride.slice(-2);
  const fits = (column === 1 && row >= n) || (row === 1 && column >= m);
  return fits ? x : contiguous(x);
}
