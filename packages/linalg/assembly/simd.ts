/**
 * The vector vocabulary of the kernels: one source serves float64 (2 lanes) and float32 (4 lanes). Addresses are in
 * bytes; a stride is in bytes unless its name says elements.
 */

/** Values in a vector. */
// @ts-expect-error: decorator
@inline
export function lanes<T>(): i32 {
  return 16 / sizeof<T>();
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

/** Reads as many rows of one vector as a vector has lanes, and writes their transpose. */
// @ts-expect-error: decorator
@inline
export function transposeVectors<T>(from: usize, fromRow: usize, to: usize, toRow: usize): void {
  const a = v128.load(from);
  const b = v128.load(from + fromRow);
  if (sizeof<T>() == 8) {
    v128.store(to, v128.shuffle<f64>(a, b, 0, 2));
    v128.store(to + toRow, v128.shuffle<f64>(a, b, 1, 3));
  } else {
    const c = v128.load(from + 2 * fromRow);
    const d = v128.load(from + 3 * fromRow);
    const ab = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
    const cd = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
    v128.store(to, v128.shuffle<f32>(ab, cd, 0, 1, 4, 5));
    v128.store(to + toRow, v128.shuffle<f32>(ab, cd, 2, 3, 6, 7));
    const abHigh = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
    const cdHigh = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
    v128.store(to + 2 * toRow, v128.shuffle<f32>(abHigh, cdHigh, 0, 1, 4, 5));
    v128.store(to + 3 * toRow, v128.shuffle<f32>(abHigh, cdHigh, 2, 3, 6, 7));
  }
}
