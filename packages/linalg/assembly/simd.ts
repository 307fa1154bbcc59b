/**
 * The vector vocabulary of the kernels: one source serves float64 (2 lanes) and float32 (4 lanes). A register tile is
 * TILE_ROWS rows of two vectors. Addresses are in bytes; a stride is in bytes unless its name says elements.
 */

/** Rows of a register tile: with two vectors a row, 8 accumulators, 2 operands and 4 splats fit the 16 registers. */
export const TILE_ROWS: i32 = 4;

/** Columns of a register tile, two vectors: 4 in float64, 8 in float32. */
// @ts-expect-error: decorator
@inline
export function tileColumns<T>(): i32 {
  return 32 / sizeof<T>();
}

// @ts-expect-error: decorator
@inline
export function bytes<T>(elements: i32): usize {
  return <usize>elements * sizeof<T>();
}

/** a b + c in every lane, fused where the build has relaxed SIMD. */
// @ts-expect-error: decorator
@inline
export function multiplyAdd<T>(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return v128.relaxed_madd<T>(a, b, c);
  return v128.add<T>(c, v128.mul<T>(a, b));
}

/** c - a b in every lane. */
// @ts-expect-error: decorator
@inline
export function multiplySubtract<T>(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return v128.relaxed_nmadd<T>(a, b, c);
  return v128.sub<T>(c, v128.mul<T>(a, b));
}

/** The sum of the lanes, always in the same order. */
// @ts-expect-error: decorator
@inline
export function sumLanes<T>(a: v128): T {
  if (sizeof<T>() == 8) return <T>(v128.extract_lane<f64>(a, 0) + v128.extract_lane<f64>(a, 1));
  return <T>(v128.extract_lane<f32>(a, 0) + v128.extract_lane<f32>(a, 1) + (v128.extract_lane<f32>(a, 2) + v128.extract_lane<f32>(a, 3)));
}

/** Copies four consecutive values. */
// @ts-expect-error: decorator
@inline
export function copyFour<T>(from: usize, to: usize): void {
  v128.store(to, v128.load(from));
  if (sizeof<T>() == 8) v128.store(to, v128.load(from, 16), 16);
}

/** Reads 4 rows of `16 / sizeof<T>()` values, writes their transpose: rows of 4 values. */
// @ts-expect-error: decorator
@inline
export function transposeFourRows<T>(from: usize, fromRow: usize, to: usize, toRow: usize): void {
  const a = v128.load(from);
  const b = v128.load(from + fromRow);
  const c = v128.load(from + 2 * fromRow);
  const d = v128.load(from + 3 * fromRow);
  if (sizeof<T>() == 8) {
    v128.store(to, v128.shuffle<f64>(a, b, 0, 2));
    v128.store(to, v128.shuffle<f64>(c, d, 0, 2), 16);
    v128.store(to + toRow, v128.shuffle<f64>(a, b, 1, 3));
    v128.store(to + toRow, v128.shuffle<f64>(c, d, 1, 3), 16);
  } else {
    const ab = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
    const cd = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
    v128.store(to, v128.shuffle<f32>(ab, cd, 0, 1, 4, 5));
    v128.store(to + toRow, v128.shuffle<f32>(ab, cd, 2, 3, 6, 7));
    const ab2 = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
    const cd2 = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
    v128.store(to + 2 * toRow, v128.shuffle<f32>(ab2, cd2, 0, 1, 4, 5));
    v128.store(to + 3 * toRow, v128.shuffle<f32>(ab2, cd2, 2, 3, 6, 7));
  }
}

/** Reads rows of 4 values (as many as a vector has lanes), writes their transpose: 4 rows of one vector. */
// @ts-expect-error: decorator
@inline
export function transposeToFourRows<T>(from: usize, fromRow: usize, to: usize, toRow: usize): void {
  if (sizeof<T>() == 8) {
    const a = v128.load(from);
    const b = v128.load(from + fromRow);
    const c = v128.load(from, 16);
    const d = v128.load(from + fromRow, 16);
    v128.store(to, v128.shuffle<f64>(a, b, 0, 2));
    v128.store(to + toRow, v128.shuffle<f64>(a, b, 1, 3));
    v128.store(to + 2 * toRow, v128.shuffle<f64>(c, d, 0, 2));
    v128.store(to + 3 * toRow, v128.shuffle<f64>(c, d, 1, 3));
  } else {
    transposeFourRows<T>(from, fromRow, to, toRow);
  }
}
