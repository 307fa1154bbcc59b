/** C <- alpha A B + beta C by register tiles over packed panels, for any strides. */
import { DEPTH, PANEL_COLUMNS, PANEL_ROWS } from "./blocking";
import { packPanels } from "./pack";
import { leftPanels, rightPanels, tile } from "./scratch";
import { TILE_ROWS, bytes, multiplyAdd, tileColumns } from "./simd";

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

function blocked<T>(
  part: i32, m: i32, n: i32, k: i32, alpha: T,
  a: usize, aRow: usize, aColumn: usize, b: usize, bRow: usize, bColumn: usize,
  beta: T, c: usize, cRow: usize, cColumn: usize,
): void {
  for (let j = 0; j < n; j += PANEL_COLUMNS) {
    const columns = min(PANEL_COLUMNS, n - j);
    for (let p = 0; p < k; p += DEPTH) {
      const depth = min(DEPTH, k - p);
      packPanels<T>(tileColumns<T>(), columns, depth, b + p * bRow + j * bColumn, bColumn, bRow, rightPanels());
      for (let i = 0; i < m; i += PANEL_ROWS) {
        const rows = min(PANEL_ROWS, m - i);
        if (part == LOWER && i + rows <= j) continue;
        if (part == UPPER && j + columns <= i) continue;
        packPanels<T>(TILE_ROWS, rows, depth, a + i * aRow + p * aColumn, aRow, aColumn, leftPanels());
        tiles<T>(part, i - j, rows, columns, depth, alpha, p == 0 ? beta : 1, c + i * cRow + j * cColumn, cRow, cColumn);
      }
    }
  }
}

/** All tiles of one block of C; `shift` is how far the block's first row lies below its first column. */
function tiles<T>(
  part: i32, shift: i32, rows: i32, columns: i32, k: i32, alpha: T, beta: T, c: usize, cRow: usize, cColumn: usize,
): void {
  const width = tileColumns<T>();
  for (let j = 0; j < columns; j += width) {
    const right = rightPanels() + bytes<T>(j) * k;
    for (let i = 0; i < rows; i += TILE_ROWS) {
      if (part == LOWER && i + shift + TILE_ROWS <= j) continue;
      if (part == UPPER && j + width <= i + shift) break;
      const left = leftPanels() + bytes<T>(i) * k;
      const target = c + i * cRow + j * cColumn;
      const below = i + shift - j;
      const crossed = (part == LOWER && below < width - 1) || (part == UPPER && below > 1 - TILE_ROWS);
      if (i + TILE_ROWS <= rows && j + width <= columns && cColumn == sizeof<T>() && !crossed) {
        multiplyTile<T>(k, left, right, alpha, beta, target, cRow);
      } else {
        multiplyTile<T>(k, left, right, alpha, 0, tile(), 32);
        storeEdge<T>(part, below, min(TILE_ROWS, rows - i), min(width, columns - j), beta, target, cRow, cColumn);
      }
    }
  }
}

/** C tile <- alpha (left panel) (right panel) + beta C tile. A function of its own, so that engines optimize it early. */
function multiplyTile<T>(k: i32, left: usize, right: usize, alpha: T, beta: T, c: usize, cRow: usize): void {
  let c00 = v128.splat<T>(0), c01 = c00, c10 = c00, c11 = c00, c20 = c00, c21 = c00, c30 = c00, c31 = c00;
  const end = left + bytes<T>(TILE_ROWS) * k;
  while (left < end) {
    const b0 = v128.load(right);
    const b1 = v128.load(right, 16);
    const a0 = v128.load_splat<T>(left);
    c00 = multiplyAdd<T>(a0, b0, c00);
    c01 = multiplyAdd<T>(a0, b1, c01);
    const a1 = v128.load_splat<T>(left, sizeof<T>());
    c10 = multiplyAdd<T>(a1, b0, c10);
    c11 = multiplyAdd<T>(a1, b1, c11);
    const a2 = v128.load_splat<T>(left, 2 * sizeof<T>());
    c20 = multiplyAdd<T>(a2, b0, c20);
    c21 = multiplyAdd<T>(a2, b1, c21);
    const a3 = v128.load_splat<T>(left, 3 * sizeof<T>());
    c30 = multiplyAdd<T>(a3, b0, c30);
    c31 = multiplyAdd<T>(a3, b1, c31);
    left += 4 * sizeof<T>();
    right += 32;
  }
  storeRow<T>(c, c00, c01, alpha, beta);
  storeRow<T>(c + cRow, c10, c11, alpha, beta);
  storeRow<T>(c + 2 * cRow, c20, c21, alpha, beta);
  storeRow<T>(c + 3 * cRow, c30, c31, alpha, beta);
}

/** With beta = 0 the old content is not read: it may be NaN. */
// @ts-expect-error: decorator
@inline
function storeRow<T>(c: usize, sum0: v128, sum1: v128, alpha: T, beta: T): void {
  const scale = v128.splat<T>(alpha);
  let row0 = v128.mul<T>(scale, sum0);
  let row1 = v128.mul<T>(scale, sum1);
  if (beta != 0) {
    row0 = multiplyAdd<T>(v128.splat<T>(beta), v128.load(c), row0);
    row1 = multiplyAdd<T>(v128.splat<T>(beta), v128.load(c, 16), row1);
  }
  v128.store(c, row0);
  v128.store(c, row1, 16);
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
      const value = load<T>(tile() + i * 32 + bytes<T>(j));
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
