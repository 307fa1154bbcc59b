/**
 * The kernels' own working memory: fixed blocks right above the static data, below everything the host allocates.
 * Sizes are in bytes and hold the larger dtype.
 */

/** Depth of a block of a matrix product: a left panel of this depth stays in the first-level cache. */
export const DEPTH: i32 = 256;
/** Columns of the right operand in a block, whole tiles of either dtype: the block stays in the second-level cache. */
export const BLOCK_COLUMNS: i32 = 528;
/** The largest triangle that is solved or factored without recursion. */
export const BASE: i32 = 64;

const TILE_BYTES: usize = 192;
const LEFT_BYTES: usize = 256 * 3 * 16;
const TRIANGLE_BYTES: usize = 64 * 64 * 8;
const STRIP_BYTES: usize = 64 * 32;

/** Room for one register tile. */
// @ts-expect-error: decorator
@inline
export function tile(): usize {
  return (__heap_base + 63) & ~63;
}

/** Room for one left panel of a product, every value as a whole vector. */
// @ts-expect-error: decorator
@inline
export function leftPanel(): usize {
  return tile() + TILE_BYTES;
}

/** Room for one base triangle. */
// @ts-expect-error: decorator
@inline
export function triangle(): usize {
  return leftPanel() + LEFT_BYTES;
}

/** Room for the reciprocals of a base triangle's diagonal. */
// @ts-expect-error: decorator
@inline
export function reciprocals(): usize {
  return triangle() + TRIANGLE_BYTES;
}

/** Room for a strip of right-hand sides beside a base triangle. */
// @ts-expect-error: decorator
@inline
export function strip(): usize {
  return reciprocals() + 64 * 8;
}

/** Room for the right panels of a block of a product. */
// @ts-expect-error: decorator
@inline
export function rightPanels(): usize {
  return strip() + STRIP_BYTES;
}

/** The first byte that the host may use. */
export function scratchEnd(): usize {
  return rightPanels() + <usize>BLOCK_COLUMNS * DEPTH * 8 + 64;
}
