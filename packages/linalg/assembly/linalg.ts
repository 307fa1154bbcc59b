/**
 * What the host calls. Each kernel runs over a batch of `count` items; an operand is its address and its strides in
 * elements: from item to item (0 where the batch shares it), row to row, column to column.
 */
import { product, WHOLE, LOWER, mirrorLower, scale } from "./product";
import { scratchEnd as endOfScratch } from "./scratch";
import { bytes } from "./simd";
import { cholesky, solveLower } from "./triangular";
import { matrixVector, solveVector } from "./vector";

/** The first byte of memory that the host may use. */
export function scratchEnd(): usize {
  return endOfScratch();
}

// @ts-expect-error: decorator
@inline
function gemm<T>(
  count: i32, m: i32, n: i32, k: i32, alpha: T, a: usize, aItem: i32, aRow: i32, aColumn: i32,
  b: usize, bItem: i32, bRow: i32, bColumn: i32, beta: T, c: usize, cItem: i32, cRow: i32, cColumn: i32,
): void {
  for (let i = 0; i < count; i++) {
    product<T>(
      WHOLE, m, n, k, alpha, a, bytes<T>(aRow), bytes<T>(aColumn), b, bytes<T>(bRow), bytes<T>(bColumn),
      beta, c, bytes<T>(cRow), bytes<T>(cColumn),
    );
    a += bytes<T>(aItem), b += bytes<T>(bItem), c += bytes<T>(cItem);
  }
}

// @ts-expect-error: decorator
@inline
function syrk<T>(
  count: i32, n: i32, k: i32, alpha: T, a: usize, aItem: i32, aRow: i32, aColumn: i32,
  beta: T, c: usize, cItem: i32, cRow: i32, cColumn: i32,
): void {
  for (let i = 0; i < count; i++) {
    product<T>(
      LOWER, n, n, k, alpha, a, bytes<T>(aRow), bytes<T>(aColumn), a, bytes<T>(aColumn), bytes<T>(aRow),
      beta, c, bytes<T>(cRow), bytes<T>(cColumn),
    );
    mirrorLower<T>(n, c, bytes<T>(cRow), bytes<T>(cColumn));
    a += bytes<T>(aItem), c += bytes<T>(cItem);
  }
}

/** x and y contiguous within an item. */
// @ts-expect-error: decorator
@inline
function gemv<T>(
  count: i32, m: i32, n: i32, alpha: T, a: usize, aItem: i32, aRow: i32, aColumn: i32,
  x: usize, xItem: i32, beta: T, y: usize, yItem: i32,
): void {
  for (let i = 0; i < count; i++) {
    matrixVector<T>(m, n, alpha, a, bytes<T>(aRow), bytes<T>(aColumn), x, beta, y);
    a += bytes<T>(aItem), x += bytes<T>(xItem), y += bytes<T>(yItem);
  }
}

/** B <- T^-1 B; a single column must be contiguous. */
// @ts-expect-error: decorator
@inline
function solve<T>(
  lower: bool, n: i32, r: i32, t: usize, tRow: usize, tColumn: usize, b: usize, bRow: usize, bColumn: usize, unit: bool,
): void {
  if (n == 0 || r == 0) return;
  if (r == 1 && bRow == sizeof<T>()) {
    solveVector<T>(lower, n, t, tRow, tColumn, b, unit);
  } else if (lower) {
    solveLower<T>(n, r, t, tRow, tColumn, b, bRow, bColumn, unit);
  } else {
    solveLower<T>(n, r, t + (n - 1) * (tRow + tColumn), -tRow, -tColumn, b + (n - 1) * bRow, -bRow, bColumn, unit);
  }
}

// @ts-expect-error: decorator
@inline
function trsm<T>(
  count: i32, lower: bool, n: i32, r: i32, alpha: T, t: usize, tItem: i32, tRow: i32, tColumn: i32,
  b: usize, bItem: i32, bRow: i32, bColumn: i32, unit: bool,
): void {
  for (let i = 0; i < count; i++) {
    if (alpha != 1) scale<T>(n, r, alpha, b, bytes<T>(bRow), bytes<T>(bColumn));
    if (alpha != 0) {
      solve<T>(lower, n, r, t, bytes<T>(tRow), bytes<T>(tColumn), b, bytes<T>(bRow), bytes<T>(bColumn), unit);
    }
    t += bytes<T>(tItem), b += bytes<T>(bItem);
  }
}

// @ts-expect-error: decorator
@inline
function potrs<T>(
  count: i32, n: i32, r: i32, l: usize, lItem: i32, lRow: i32, lColumn: i32,
  b: usize, bItem: i32, bRow: i32, bColumn: i32,
): void {
  for (let i = 0; i < count; i++) {
    solve<T>(true, n, r, l, bytes<T>(lRow), bytes<T>(lColumn), b, bytes<T>(bRow), bytes<T>(bColumn), false);
    solve<T>(false, n, r, l, bytes<T>(lColumn), bytes<T>(lRow), b, bytes<T>(bRow), bytes<T>(bColumn), false);
    l += bytes<T>(lItem), b += bytes<T>(bItem);
  }
}

/** One status a item at `failures`. */
// @ts-expect-error: decorator
@inline
function potrf<T>(count: i32, n: i32, a: usize, aItem: i32, aRow: i32, aColumn: i32, failures: usize): void {
  for (let i = 0; i < count; i++) {
    store<i32>(failures + (<usize>i << 2), cholesky<T>(n, a, bytes<T>(aRow), bytes<T>(aColumn)));
    a += bytes<T>(aItem);
  }
}

export function gemm_f64(
  count: i32, m: i32, n: i32, k: i32, alpha: f64, a: usize, aItem: i32, aRow: i32, aColumn: i32,
  b: usize, bItem: i32, bRow: i32, bColumn: i32, beta: f64, c: usize, cItem: i32, cRow: i32, cColumn: i32,
): void {
  gemm<f64>(count, m, n, k, alpha, a, aItem, aRow, aColumn, b, bItem, bRow, bColumn, beta, c, cItem, cRow, cColumn);
}

export function gemm_f32(
  count: i32, m: i32, n: i32, k: i32, alpha: f32, a: usize, aItem: i32, aRow: i32, aColumn: i32,
  b: usize, bItem: i32, bRow: i32, bColumn: i32, beta: f32, c: usize, cItem: i32, cRow: i32, cColumn: i32,
): void {
  gemm<f32>(count, m, n, k, alpha, a, aItem, aRow, aColumn, b, bItem, bRow, bColumn, beta, c, cItem, cRow, cColumn);
}

export function syrk_f64(
  count: i32, n: i32, k: i32, alpha: f64, a: usize, aItem: i32, aRow: i32,
  aColumn: i32, beta: f64, c: usize, cItem: i32, cRow: i32, cColumn: i32,
): void {
  syrk<f64>(count, n, k, alpha, a, aItem, aRow, aColumn, beta, c, cItem, cRow, cColumn);
}

export function syrk_f32(
  count: i32, n: i32, k: i32, alpha: f32, a: usize, aItem: i32, aRow: i32,
  aColumn: i32, beta: f32, c: usize, cItem: i32, cRow: i32, cColumn: i32,
): void {
  syrk<f32>(count, n, k, alpha, a, aItem, aRow, aColumn, beta, c, cItem, cRow, cColumn);
}

export function gemv_f64(
  count: i32, m: i32, n: i32, alpha: f64, a: usize, aItem: i32, aRow: i32,
  aColumn: i32, x: usize, xItem: i32, beta: f64, y: usize, yItem: i32,
): void {
  gemv<f64>(count, m, n, alpha, a, aItem, aRow, aColumn, x, xItem, beta, y, yItem);
}

export function gemv_f32(
  count: i32, m: i32, n: i32, alpha: f32, a: usize, aItem: i32, aRow: i32,
  aColumn: i32, x: usize, xItem: i32, beta: f32, y: usize, yItem: i32,
): void {
  gemv<f32>(count, m, n, alpha, a, aItem, aRow, aColumn, x, xItem, beta, y, yItem);
}

export function trsm_f64(
  count: i32, lower: bool, n: i32, r: i32, alpha: f64, t: usize, tItem: i32,
  tRow: i32, tColumn: i32, b: usize, bItem: i32, bRow: i32, bColumn: i32, unit: bool,
): void {
  trsm<f64>(count, lower, n, r, alpha, t, tItem, tRow, tColumn, b, bItem, bRow, bColumn, unit);
}

export function trsm_f32(
  count: i32, lower: bool, n: i32, r: i32, alpha: f32, t: usize, tItem: i32,
  tRow: i32, tColumn: i32, b: usize, bItem: i32, bRow: i32, bColumn: i32, unit: bool,
): void {
  trsm<f32>(count, lower, n, r, alpha, t, tItem, tRow, tColumn, b, bItem, bRow, bColumn, unit);
}

export function potrs_f64(
  count: i32, n: i32, r: i32, l: usize, lItem: i32, lRow: i32,
  lColumn: i32, b: usize, bItem: i32, bRow: i32, bColumn: i32,
): void {
  potrs<f64>(count, n, r, l, lItem, lRow, lColumn, b, bItem, bRow, bColumn);
}

export function potrs_f32(
  count: i32, n: i32, r: i32, l: usize, lItem: i32, lRow: i32,
  lColumn: i32, b: usize, bItem: i32, bRow: i32, bColumn: i32,
): void {
  potrs<f32>(count, n, r, l, lItem, lRow, lColumn, b, bItem, bRow, bColumn);
}

export function potrf_f64(count: i32, n: i32, a: usize, aItem: i32, aRow: i32, aColumn: i32, failures: usize): void {
  potrf<f64>(count, n, a, aItem, aRow, aColumn, failures);
}

export function potrf_f32(count: i32, n: i32, a: usize, aItem: i32, aRow: i32, aColumn: i32, failures: usize): void {
  potrf<f32>(count, n, a, aItem, aRow, aColumn, failures);
}
