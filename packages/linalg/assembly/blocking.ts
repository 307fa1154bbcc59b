/**
 * Blocks of the matrix product: a block of the left operand (PANEL_ROWS x DEPTH) stays in the second-level cache while
 * the panels of the right one (DEPTH x PANEL_COLUMNS) pass over it, each from the first-level cache.
 */
export const DEPTH: i32 = 256;
export const PANEL_ROWS: i32 = 256;
export const PANEL_COLUMNS: i32 = 512;
