import type { Triangle } from "../kernels.ts";
import { type FloatArray, transposed, type View } from "../view.ts";
import { asColumn } from "./products.ts";

/**
 * B <- alpha T^-1 B by substitution: row i of the solution is (alpha b_i - sum_j t_ij x_j) / t_ii over the rows j that
 * are solved already, those before i for a lower triangle and those after it for an upper one.
 */
export function trsm<T extends FloatArray>(
  triangle: Triangle,
  alpha: number,
  T: View<T>,
  B: View<T>,
  unitDiagonal = false,
): void {
  const [n, r] = B.shape;
  const lower = triangle === "lower";
  const t = T.data;
  const b = B.data;
  for (let step = 0; step < n; step++) {
    const i = lower ? step : n - 1 - step;
    const first = lower ? 0 : i + 1;
    const last = lower ? i : n;
    const pivot = unitDiagonal ? 1 : t[T.offset + i * (T.stride[0] + T.stride[1])];
    for (let c = 0; c < r; c++) {
      const ib = B.offset + i * B.stride[0] + c * B.stride[1];
      if (alpha === 0) {
        b[ib] = 0;
        continue;
      }
      let sum = alpha * b[ib];
      let it = T.offset + i * T.stride[0] + first * T.stride[1];
      let ix = B.offset + first * B.stride[0] + c * B.stride[1];
      for (let j = first; j < last; j++, it += T.stride[1], ix += B.stride[0]) sum -= t[it] * b[ix];
      b[ib] = sum / pivot;
    }
  }
}

/** x <- T^-1 x. */
export function trsv<T extends FloatArray>(triangle: Triangle, T: View<T>, x: View<T>, unitDiagonal = false): void {
  trsm(triangle, 1, T, asColumn(x), unitDiagonal);
}

/**
 * Cholesky by rows (Cholesky-Banachiewicz): l_ij = (a_ij - sum_k l_ik l_jk) / l_jj for j < i, and
 * l_ii = sqrt(a_ii - sum_k l_ik^2). Returns 0, or i + 1 at the first pivot i that is not positive (or is NaN).
 */
export function potrf<T extends FloatArray>(A: View<T>): number {
  const n = A.shape[0];
  const [row, column] = A.stride;
  const a = A.data;
  for (let i = 0; i < n; i++) {
    const rowI = A.offset + i * row;
    for (let j = 0; j <= i; j++) {
      let sum = a[rowI + j * column];
      let left = rowI;
      let right = A.offset + j * row;
      for (let k = 0; k < j; k++, left += column, right += column) sum -= a[left] * a[right];
      if (j < i) {
        a[rowI + j * column] = sum / a[A.offset + j * (row + column)];
        continue;
      }
      if (!(sum > 0)) return i + 1;
      a[rowI + i * column] = Math.sqrt(sum);
    }
  }
  return 0;
}

/** B <- (L L')^-1 B = L'^-1 (L^-1 B). */
export function potrs<T extends FloatArray>(L: View<T>, B: View<T>): void {
  trsm("lower", 1, L, B);
  trsm("upper", 1, transposed(L), B);
}
