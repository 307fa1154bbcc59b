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
  const [bRow, bColumn] = B.stride;
  const lower = triangle === "lower";
  const b = B.data;
  const sums = new Float64Array(r);
  for (let step = 0; step < n; step++) {
    const i = lower ? step : n - 1 - step;
    const rowI = B.offset + i * bRow;
    for (let c = 0; c < r; c++) sums[c] = alpha === 0 ? 0 : alpha * b[rowI + c * bColumn];
    const last = lower ? i : n;
    for (let j = lower ? 0 : i + 1; alpha !== 0 && j < last; j++) {
      const tij = T.data[T.offset + i * T.stride[0] + j * T.stride[1]];
      let ix = B.offset + j * bRow;
      for (let c = 0; c < r; c++, ix += bColumn) sums[c] -= tij * b[ix];
    }
    const pivot = unitDiagonal || alpha === 0 ? 1 : T.data[T.offset + i * (T.stride[0] + T.stride[1])];
    for (let c = 0; c < r; c++) b[rowI + c * bColumn] = sums[c] / pivot;
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
