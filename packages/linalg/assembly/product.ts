/** C <- alpha A B + beta C by register tiles over packed panels, for any strides. */
import { packPanels, packSplats } from "./pack";
import { BLOCK_COLUMNS, DEPTH, leftPanel, rightPanels, tile } from "./scratch";
import { bytes, multiplyAdd } from "./simd";

/** A register tile is three rows of three vectors: 6 columns in float64, 12 in float32. */
const TILE_ROWS: i32 = 3;
const TILE_STEP: usize = 48;

// @ts-expect-error: decorator
@inline
function tileColumns<T>(): i32 {
  return 48 / sizeof<T>();
}

/** Which part of C is wanted: of a triangle only its entries and the diagonal are written. */
export const WHOLE: i32 = 0;
export const LOWER: i32 = 1;
export const UPPER: i32 = 2;

/** A (m x k) at `a` with row and column strides in bytes, B (k x n), C (m x n). */
export function product<T>(
  part: i32, m: i32, n: i32, k: i32, alpha: T,
  a: usize, aRow: usize, aColumn: usize, b: usize, bRow: usize, bColumn: usize,
  beta: T, c: usize, cRow: usize, cColumn: usize,
): void {
  if (m <= 0 || n <= 0) return;
  if (k <= 0 || alpha == 0) {
    scale<T>(m, n, beta, c, cRow, cColumn);
    return;
  }
  // Tiles are stored by rows: where C is column-major, C' <- alpha B' A' + beta C' is computed.
  if (cColumn != sizeof<T>() && cRow == sizeof<T>()) {
    const mirrored = part == WHOLE ? WHOLE : 3 - part;
    blocked<T>(mirrored, n, m, k, alpha, b, bColumn, bRow, a, aColumn, aRow, beta, c, cColumn, cRow);
  } else {
    blocked<T>(part, m, n, k, alpha, a, aRow, aColumn, b, bRow, bColumn, beta, c, cRow, cColumn);
  }
}

/** Block by block of B; a left panel of three rows then passes over all right panels of the block. */
function blocked<T>(
  part: i32, m: i32, n: i32, k: i32, alpha: T,
  a: usize, aRow: usize, aColumn: usize, b: usize, bRow: usize, bColumn: usize,
  beta: T, c: usize, cRow: usize, cColumn: usize,
): void {
  for (let j = 0; j < n; j += BLOCK_COLUMNS) {
    const columns = min(BLOCK_COLUMNS, n - j);
    for (let p = 0; p < k; p += DEPTH) {
      const depth = min(DEPTH, k - p);
      const blockBeta = p == 0 ? beta : <T>1;
      packPanels<T>(tileColumns<T>(), columns, depth, b + p * bRow + j * bColumn, bColumn, bRow, rightPanels());
      for (let i = 0; i < m; i += TILE_ROWS) {
        if (part == LOWER && i + TILE_ROWS <= j) continue;
        if (part == UPPER && j + columns <= i) break;
        const rows = min(TILE_ROWS, m - i);
        packSplats<T>(rows, depth, a + i * aRow + p * aColumn, aRow, aColumn, leftPanel());
        tiles<T>(part, i - j, rows, columns, depth, alpha, blockBeta, c + i * cRow + j * cColumn, cRow, cColumn);
      }
    }
  }
}

/** The tiles of the rows of C below one another's left panel; `below` is their first row minus their first column. */
function tiles<T>(
  part: i32, below: i32, rows: i32, columns: i32, k: i32, alpha: T, beta: T, c: usize, cRow: usize, cColumn: usize,
): void {
  const width = tileColumns<T>();
  const first = part == UPPER ? max(0, below) / width * width : 0;
  const end = part == LOWER ? min(columns, below + TILE_ROWS) : columns;
  for (let j = first; j < end; j += width) {
    const right = rightPanels() + bytes<T>(j) * k;
    const target = c + j * cColumn;
    const crossed = (part == LOWER && below < j + width - 1) || (part == UPPER && below + TILE_ROWS - 1 > j);
    if (rows == TILE_ROWS && j + width <= columns && cColumn == sizeof<T>() && !crossed) {
      multiplyTile<T>(k, leftPanel(), right, alpha, beta, target, cRow);
    } else {
      multiplyTile<T>(k, leftPanel(), right, alpha, 0, tile(), TILE_STEP);
      storeEdge<T>(part, below - j, rows, min(width, columns - j), beta, target, cRow, cColumn);
    }
  }
}

/**
 * C tile <- alpha (left panel) (right panel) + beta C tile. A function of its own, so that engines optimize it early.
 * Nine accumulators outlast the latency of the multiply-add, and with six loads still fit V8's 15 registers.
 */
function multiplyTile<T>(k: i32, left: usize, right: usize, alpha: T, beta: T, c: usize, cRow: usize): void {
  let c00 = v128.splat<T>(0), c01 = c00, c02 = c00, c10 = c00, c11 = c00, c12 = c00, c20 = c00, c21 = c00, c22 = c00;
  const end = left + <usize>k * TILE_STEP;
  while (left < end) {
    const b0 = v128.load(right), b1 = v128.load(right, 16), b2 = v128.load(right, 32);
    const a0 = v128.load(left), a1 = v128.load(left, 16), a2 = v128.load(left, 32);
    c00 = multiplyAdd<T>(a0, b0, c00);
    c01 = multiplyAdd<T>(a0, b1, c01);
    c02 = multiplyAdd<T>(a0, b2, c02);
    c10 = multiplyAdd<T>(a1, b0, c10);
    c11 = multiplyAdd<T>(a1, b1, c11);
    c12 = multiplyAdd<T>(a1, b2, c12);
    c20 = multiplyAdd<T>(a2, b0, c20);
    c21 = multiplyAdd<T>(a2, b1, c21);
    c22 = multiplyAdd<T>(a2, b2, c22);
    left += TILE_STEP;
    right += TILE_STEP;
  }
  storeRow<T>(c, c00, c01, c02, alpha, beta);
  storeRow<T>(c + cRow, c10, c11, c12, alpha, beta);
  storeRow<T>(c + 2 * cRow, c20, c21, c22, alpha, beta);
}

/** With beta = 0 the old content is not read: it may be NaN. */
// @ts-expect-error: decorator
@inline
function storeRow<T>(c: usize, sum0: v128, sum1: v128, sum2: v128, alpha: T, beta: T): void {
  const scale = v128.splat<T>(alpha);
  let row0 = v128.mul<T>(scale, sum0);
  let row1 = v128.mul<T>(scale, sum1);
  let row2 = v128.mul<T>(scale, sum2);
  if (beta != 0) {
    const keep = v128.splat<T>(beta);
    row0 = multiplyAdd<T>(keep, v128.load(c), row0);
    row1 = multiplyAdd<T>(keep, v128.load(c, 16), row1);
    row2 = multiplyAdd<T>(keep, v128.load(c, 32), row2);
  }
  v128.store(c, row0);
  v128.store(c, row1, 16);
  v128.store(c, row2, 32);
}

/**
 * The part of the scratch tile that is wanted: at ragged edges, at the diagonal, and for a C without unit stride.
 * `below` is the tile's first row minus its first column.
 */
function storeEdge<T>(
  part: i32, below: i32, rows: i32, columns: i32, beta: T, c: usize, cRow: usize, cColumn: usize,
): void {
  for (let i = 0; i < rows; i++) {
    const first = part == UPPER ? max(0, i + below) : 0;
    const end = part == LOWER ? min(columns, i + below + 1) : columns;
    for (let j = first; j < end; j++) {
      const value = load<T>(tile() + i * TILE_STEP + bytes<T>(j));
      const target = c + i * cRow + j * cColumn;
      store<T>(target, beta == 0 ? value : <T>(beta * load<T>(target) + value));
    }
  }
}

/** C <- beta C; zero where beta = 0, whatever stood there. */
export function scale<T>(m: i32, n: i32, beta: T, c: usize, cRow: usize, cColumn: usize): void {
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      const target = c + i * cRow + j * cColumn;
      store<T>(target, beta == 0 ? <T>0 : <T>(beta * load<T>(target)));
    }
  }
}

/** The strict upper triangle of C (n x n) <- the strict lower one, mirrored. */
export function mirrorLower<T>(n: i32, c: usize, cRow: usize, cColumn: usize): void {
  for (let i = 0; i < n; i += 16) {
    for (let j = 0; j <= i; j += 16) {
      for (let r = i; r < min(i + 16, n); r++) {
        for (let s = j; s < min(j + 16, r); s++) {
          store<T>(c + s * cRow + r * cColumn, load<T>(c + r * cRow + s * cColumn));
        }
      }
    }
  }
}
