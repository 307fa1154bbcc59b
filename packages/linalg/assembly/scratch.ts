/**
 * The kernels' own working memory: fixed blocks right above the static data, below everything the host allocates.
 * Sizes are in bytes and hold the larger dtype.
 */
import { DEPTH, PANEL_COLUMNS, PANEL_ROWS } from "./blocking";

const TILE_BYTES: usize = 128;
/** The largest triangle that is solved or factored without recursion. */
export const BASE: i32 = 64;
const BASE_BYTES: usize = 64 * 64 * 8;

// @ts-expect-error: decorator
@inline
export function tile(): usize {
  return (__heap_base + 63) & ~63;
}

/** Room for one base triangle in panels, and the reciprocals of its diagonal. */
// @ts-expect-error: decorator
@inline
export function triangleBlock(): usize {
  return tile() + TILE_BYTES;
}

// @ts-expect-error: decorator
@inline
export function reciprocals(): usize {
  return triangleBlock() + BASE_BYTES;
}

/** Room for a strip of right-hand sides beside a base triangle. */
// @ts-expect-error: decorator
@inline
export function strip(): usize {
  return reciprocals() + 64 * 8;
}

// @ts-expect-error: decorator
@inline
export function leftPanels(): usize {
  return strip() + 64 * 32;
}

// @ts-expect-error: decorator
@inline
export function rightPanels(): usize {
  return leftPanels() + <usize>PANEL_ROWS * DEPTH * 8;
}

/** The first byte that the host may use. */
export function scratchEnd(): usize {
  return rightPanels() + <usize>PANEL_COLUMNS * DEPTH * 8 + 64;
}
