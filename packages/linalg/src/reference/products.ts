import type { FloatArray, View } from "../view.ts";

// Sums are carried in double precision whatever the dtype and rounded once on the store: these loops are the oracle.

/**
 * C <- alpha A B + beta C, row by row: the sums of row i are those of the rows of B, each times its a_ip. With alpha = 0
 * neither A nor B is read, as in BLAS.
 */
export function gemm<T extends FloatArray>(alpha: number, A: View<T>, B: View<T>, beta: number, C: View<T>): void {
  const [m, n] = C.shape;
  const k = alpha === 0 ? 0 : A.shape[1];
  const [bRow, bColumn] = B.stride;
  const b = B.data;
  const c = C.data;
  const sums = new Float64Array(n);
  for (let i = 0; i < m; i++) {
    sums.fill(0);
    for (let p = 0; p < k; p++) {
      const aip = A.data[A.offset + i * A.stride[0] + p * A.stride[1]];
      let ib = B.offset + p * bRow;
      for (let j = 0; j < n; j++, ib += bColumn) sums[j] += aip * b[ib];
    }
    let ic = C.offset + i * C.stride[0];
    for (let j = 0; j < n; j++, ic += C.stride[1]) {
      c[ic] = beta === 0 ? alpha * sums[j] : alpha * sums[j] + beta * c[ic];
    }
  }
}

/** y <- alpha A x + beta y. */
export function gemv<T extends FloatArray>(alpha: number, A: View<T>, x: View<T>, beta: number, y: View<T>): void {
  const [m, n] = A.shape;
  for (let i = 0; i < m; i++) {
    let sum = 0;
    let ia = A.offset + i * A.stride[0];
    let ix = x.offset;
    for (let j = 0; alpha !== 0 && j < n; j++, ia += A.stride[1], ix += x.stride[0]) sum += A.data[ia] * x.data[ix];
    const iy = y.offset + i * y.stride[0];
    y.data[iy] = beta === 0 ? alpha * sum : alpha * sum + beta * y.data[iy];
  }
}

/** A vector as a matrix of one column. */
export function asColumn<T extends FloatArray>(x: View<T>): View<T> {
  return { data: x.data, shape: [x.shape[0], 1], stride: [x.stride[0], 1], offset: x.offset };
}

/** C <- alpha A A' + beta C: the lower triangle is computed, then mirrored. */
export function syrk<T extends FloatArray>(alpha: number, A: View<T>, beta: number, C: View<T>): void {
  const n = C.shape[0];
  const k = alpha === 0 ? 0 : A.shape[1];
  const [aRow, aColumn] = A.stride;
  const [cRow, cColumn] = C.stride;
  const a = A.data;
  const c = C.data;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      let left = A.offset + i * aRow;
      let right = A.offset + j * aRow;
      for (let p = 0; p < k; p++, left += aColumn, right += aColumn) sum += a[left] * a[right];
      const lower = C.offset + i * cRow + j * cColumn;
      c[lower] = beta === 0 ? alpha * sum : alpha * sum + beta * c[lower];
      c[C.offset + j * cRow + i * cColumn] = c[lower];
    }
  }
}

/** A <- A + alpha x y'. */
export function ger<T extends FloatArray>(alpha: number, x: View<T>, y: View<T>, A: View<T>): void {
  if (alpha === 0) return;
  const [m, n] = A.shape;
  for (let i = 0; i < m; i++) {
    const scale = alpha * x.data[x.offset + i * x.stride[0]];
    let ia = A.offset + i * A.stride[0];
    let iy = y.offset;
    for (let j = 0; j < n; j++, ia += A.stride[1], iy += y.stride[0]) A.data[ia] += scale * y.data[iy];
  }
}

/** x'y. */
export function dot<T extends FloatArray>(x: View<T>, y: View<T>): number {
  let sum = 0;
  let ix = x.offset;
  let iy = y.offset;
  for (let i = 0; i < x.shape[0]; i++, ix += x.stride[0], iy += y.stride[0]) sum += x.data[ix] * y.data[iy];
  return sum;
}

/** y <- y + alpha x. */
export function axpy<T extends FloatArray>(alpha: number, x: View<T>, y: View<T>): void {
  if (alpha === 0) return;
  let ix = x.offset;
  let iy = y.offset;
  for (let i = 0; i < x.shape[0]; i++, ix += x.stride[0], iy += y.stride[0]) y.data[iy] += alpha * x.data[ix];
}
