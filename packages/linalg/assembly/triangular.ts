/**
 * Triangular solves and Cholesky factors by recursion on halves, so that almost all work is in `product`. Blocks up to
 * BASE go through register tiles: for the rows i..i+3 of a strip X of columns,
 *
 *     X_i <- T_ii^-1 (X_i - sum_{k < i} T_ik X_k).
 */
import { packPanel, unpackPanel } from "./pack";
import { LOWER, product } from "./product";
import { BASE, reciprocals, strip, tile, triangle } from "./scratch";
import { bytes, multiplySubtract } from "./simd";

/** A register tile is four rows of two vectors. */
const TILE_ROWS: i32 = 4;

// @ts-expect-error: decorator
@inline
function tileColumns<T>(): i32 {
  return 32 / sizeof<T>();
}

// @ts-expect-error: decorator
@inline
function roundUp(n: i32, multiple: i32): i32 {
  return (n + multiple - 1) / multiple * multiple;
}

/** Where a recursion splits n: near the middle, at a whole tile. */
// @ts-expect-error: decorator
@inline
function half(n: i32): i32 {
  return roundUp(n >> 1, 8);
}

/** B <- T^-1 B for a lower triangular T (n x n) and B (n x r); an upper one is a lower one with its rows and columns reversed. */
export function solveLower<T>(
  n: i32, r: i32, t: usize, tRow: usize, tColumn: usize, b: usize, bRow: usize, bColumn: usize, unitDiagonal: bool,
): void {
  if (n <= BASE) {
    solveBase<T>(n, r, t, tRow, tColumn, b, bRow, bColumn, unitDiagonal);
    return;
  }
  const n1 = half(n);
  const b2 = b + n1 * bRow;
  solveLower<T>(n1, r, t, tRow, tColumn, b, bRow, bColumn, unitDiagonal);
  product<T>(0, n - n1, r, n1, -1, t + n1 * tRow, tRow, tColumn, b, bRow, bColumn, 1, b2, bRow, bColumn);
  solveLower<T>(n - n1, r, t + n1 * (tRow + tColumn), tRow, tColumn, b2, bRow, bColumn, unitDiagonal);
}

function solveBase<T>(
  n: i32, r: i32, t: usize, tRow: usize, tColumn: usize, b: usize, bRow: usize, bColumn: usize, unitDiagonal: bool,
): void {
  packTriangle<T>(n, t, tRow, tColumn, unitDiagonal);
  const width = tileColumns<T>();
  const padded = roundUp(n, TILE_ROWS);
  for (let i = n; i < padded; i++) memory.fill(strip() + i * 32, 0, 32);
  for (let j = 0; j < r; j += width) {
    packPanel<T>(width, r - j, n, b + j * bColumn, bColumn, bRow, strip(), 32);
    let panel = triangle();
    for (let i = 0; i < padded; i += TILE_ROWS) {
      subtractTile<T>(i, panel, bytes<T>(TILE_ROWS), strip(), 32);
      solveTile<T>(panel + bytes<T>(TILE_ROWS) * i, bytes<T>(TILE_ROWS), reciprocals() + bytes<T>(i), strip() + i * 32, 32);
      panel += bytes<T>(TILE_ROWS) * (i + TILE_ROWS);
    }
    unpackPanel<T>(width, r - j, n, strip(), 32, b + j * bColumn, bColumn, bRow);
  }
}

/** The rows i..i+3 of T as a panel of i + 4 columns each, one after another, and the reciprocals of the diagonal. */
function packTriangle<T>(n: i32, t: usize, tRow: usize, tColumn: usize, unitDiagonal: bool): void {
  let panel = triangle();
  for (let i = 0; i < n; i += TILE_ROWS) {
    const columns = min(i + TILE_ROWS, n);
    packPanel<T>(TILE_ROWS, n - i, columns, t + i * tRow, tRow, tColumn, panel, bytes<T>(TILE_ROWS));
    panel += bytes<T>(TILE_ROWS) * columns;
    const missing = bytes<T>(TILE_ROWS) * (i + TILE_ROWS - columns);
    memory.fill(panel, 0, missing);
    panel += missing;
    for (let s = i; s < i + TILE_ROWS; s++) {
      const unit = unitDiagonal || s >= n;
      store<T>(reciprocals() + bytes<T>(s), unit ? <T>1 : <T>(1 / load<T>(t + s * (tRow + tColumn))));
    }
  }
}

/** Rows k..k+3 of X at `x` <- themselves - sum_{p < k} t_p X_p, where t_p are 4 values, `tStep` apart. */
function subtractTile<T>(k: i32, t: usize, tStep: usize, x: usize, xStep: usize): void {
  const target = x + k * xStep;
  let c00 = v128.load(target), c01 = v128.load(target, 16);
  let c10 = v128.load(target + xStep), c11 = v128.load(target + xStep, 16);
  let c20 = v128.load(target + 2 * xStep), c21 = v128.load(target + 2 * xStep, 16);
  let c30 = v128.load(target + 3 * xStep), c31 = v128.load(target + 3 * xStep, 16);
  while (x < target) {
    const b0 = v128.load(x);
    const b1 = v128.load(x, 16);
    const a0 = v128.load_splat<T>(t);
    c00 = multiplySubtract<T>(a0, b0, c00);
    c01 = multiplySubtract<T>(a0, b1, c01);
    const a1 = v128.load_splat<T>(t, sizeof<T>());
    c10 = multiplySubtract<T>(a1, b0, c10);
    c11 = multiplySubtract<T>(a1, b1, c11);
    const a2 = v128.load_splat<T>(t, 2 * sizeof<T>());
    c20 = multiplySubtract<T>(a2, b0, c20);
    c21 = multiplySubtract<T>(a2, b1, c21);
    const a3 = v128.load_splat<T>(t, 3 * sizeof<T>());
    c30 = multiplySubtract<T>(a3, b0, c30);
    c31 = multiplySubtract<T>(a3, b1, c31);
    t += tStep;
    x += xStep;
  }
  v128.store(target, c00), v128.store(target, c01, 16);
  v128.store(target + xStep, c10), v128.store(target + xStep, c11, 16);
  v128.store(target + 2 * xStep, c20), v128.store(target + 2 * xStep, c21, 16);
  v128.store(target + 3 * xStep, c30), v128.store(target + 3 * xStep, c31, 16);
}

/** Four rows x <- the inverse of a lower 4 x 4 triangle times x; entry (r, s) of the triangle is at t + s * tStep + r. */
function solveTile<T>(t: usize, tStep: usize, reciprocal: usize, x: usize, xStep: usize): void {
  for (let half = 0; half < 32; half += 16, x += 16) {
    const x0 = v128.mul<T>(v128.load(x), v128.load_splat<T>(reciprocal));
    let x1 = multiplySubtract<T>(v128.load_splat<T>(t, sizeof<T>()), x0, v128.load(x + xStep));
    x1 = v128.mul<T>(x1, v128.load_splat<T>(reciprocal, sizeof<T>()));
    let x2 = multiplySubtract<T>(v128.load_splat<T>(t, 2 * sizeof<T>()), x0, v128.load(x + 2 * xStep));
    x2 = multiplySubtract<T>(v128.load_splat<T>(t + tStep, 2 * sizeof<T>()), x1, x2);
    x2 = v128.mul<T>(x2, v128.load_splat<T>(reciprocal, 2 * sizeof<T>()));
    let x3 = multiplySubtract<T>(v128.load_splat<T>(t, 3 * sizeof<T>()), x0, v128.load(x + 3 * xStep));
    x3 = multiplySubtract<T>(v128.load_splat<T>(t + tStep, 3 * sizeof<T>()), x1, x3);
    x3 = multiplySubtract<T>(v128.load_splat<T>(t + 2 * tStep, 3 * sizeof<T>()), x2, x3);
    x3 = v128.mul<T>(x3, v128.load_splat<T>(reciprocal, 3 * sizeof<T>()));
    v128.store(x, x0);
    v128.store(x + xStep, x1);
    v128.store(x + 2 * xStep, x2);
    v128.store(x + 3 * xStep, x3);
  }
}

/** The lower triangle of A <- L with A = L L'. Returns 0, or k + 1 when pivot k is not positive. */
export function cholesky<T>(n: i32, a: usize, aRow: usize, aColumn: usize): i32 {
  if (n <= BASE) return choleskyBase<T>(n, a, aRow, aColumn);
  const n1 = half(n);
  const n2 = n - n1;
  const a21 = a + n1 * aRow;
  const a22 = a21 + n1 * aColumn;
  const failed = cholesky<T>(n1, a, aRow, aColumn);
  if (failed) return failed;
  // L21 L11' = A21, that is L11 L21' = A21'.
  solveLower<T>(n1, n2, a, aRow, aColumn, a21, aColumn, aRow, false);
  product<T>(LOWER, n2, n2, n1, -1, a21, aRow, aColumn, a21, aColumn, aRow, 1, a22, aRow, aColumn);
  const failed2 = cholesky<T>(n2, a22, aRow, aColumn);
  return failed2 ? n1 + failed2 : 0;
}

/**
 * A = U' U with U = L' held by rows in scratch memory, padded to whole tiles by the identity. What stands below the
 * diagonal of U is arbitrary (it comes from A's upper triangle) and reaches no entry above it: columns do not mix.
 */
function choleskyBase<T>(n: i32, a: usize, aRow: usize, aColumn: usize): i32 {
  const width = tileColumns<T>();
  const padded = roundUp(n, width);
  const step = bytes<T>(padded);
  const u = triangle();
  for (let j = 0; j < padded; j += width) {
    packPanel<T>(width, n - j, min(j + width, n), a + j * aRow, aRow, aColumn, u + bytes<T>(j), step);
  }
  for (let i = n; i < padded; i++) {
    memory.fill(u + i * step, 0, step);
    store<T>(u + i * step + bytes<T>(i), 1);
  }
  for (let i = 0; i < padded; i += TILE_ROWS) {
    const first = i / width * width;
    for (let j = first; j < padded; j += width) subtractTile<T>(i, u + bytes<T>(i), step, u + bytes<T>(j), step);
    const failed = factorTile<T>(u + i * (step + sizeof<T>()), step);
    if (failed) return i + failed;
    for (let j = first; j < padded; j += width) {
      solveTile<T>(tile(), bytes<T>(TILE_ROWS), reciprocals(), u + i * step + bytes<T>(j), step);
    }
  }
  unpackTransposed<T>(n, u, step, a, aRow, aColumn);
  return 0;
}

/** The 4 x 4 factor of the block at d into the scratch tile (upper, by rows), and the reciprocals of its diagonal. */
function factorTile<T>(d: usize, step: usize): i32 {
  const row = bytes<T>(TILE_ROWS);
  for (let i = 0; i < TILE_ROWS; i++) {
    let pivot = load<T>(d + i * (step + sizeof<T>()));
    for (let k = 0; k < i; k++) {
      const u = load<T>(tile() + k * row + bytes<T>(i));
      pivot = <T>(pivot - u * u);
    }
    if (!(pivot > 0)) return i + 1;
    const reciprocal = <T>(1 / sqrt<T>(pivot));
    store<T>(reciprocals() + bytes<T>(i), reciprocal);
    for (let j = i + 1; j < TILE_ROWS; j++) {
      let value = load<T>(d + i * step + bytes<T>(j));
      for (let k = 0; k < i; k++) value = <T>(value - load<T>(tile() + k * row + bytes<T>(i)) * load<T>(tile() + k * row + bytes<T>(j)));
      store<T>(tile() + i * row + bytes<T>(j), <T>(value * reciprocal));
    }
  }
  return 0;
}

/** The lower triangle of A <- U'. */
function unpackTransposed<T>(n: i32, u: usize, step: usize, a: usize, aRow: usize, aColumn: usize): void {
  for (let j = 0; j < n; j += TILE_ROWS) {
    const width = min(TILE_ROWS, n - j);
    unpackPanel<T>(TILE_ROWS, width, j, u + bytes<T>(j), step, a + j * aRow, aRow, aColumn);
    for (let r = j; r < j + width; r++) {
      for (let s = j; s <= r; s++) store<T>(a + r * aRow + s * aColumn, load<T>(u + s * step + bytes<T>(r)));
    }
  }
}
