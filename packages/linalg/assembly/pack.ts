/**
 * Packing: a panel is `width` neighbouring rows (or columns) of a matrix, stored so that a kernel reads it from front
 * to back. Entry (w, p) of a panel comes from `source + w * across + p * along`; the panel holds for p = 0, 1, ... the
 * `width` values, `step` bytes apart. Missing values are zero, so that kernels know whole tiles only.
 */
import { bytes, lanes, transposeVectors } from "./simd";

/** Packs `count` rows or columns into panels of `width` (whole vectors) and depth `k`, one panel after another. */
export function packPanels<T>(
  width: i32, count: i32, k: i32, source: usize, across: usize, along: usize, target: usize,
): void {
  for (let w = 0; w < count; w += width) {
    packPanel<T>(width, count - w, k, source + w * across, across, along, target, bytes<T>(width));
    target += bytes<T>(width) * k;
  }
}

/** Packs one panel; of its `width` values only `valid` (or all, if there are more) exist. */
export function packPanel<T>(
  width: i32, valid: i32, k: i32, source: usize, across: usize, along: usize, target: usize, step: usize,
): void {
  if (valid >= width && across == sizeof<T>()) {
    for (let p = 0; p < k; p++, source += along, target += step) copyRow(bytes<T>(width), source, target);
    return;
  }
  for (let w = 0; w < width; w += lanes<T>()) {
    packVectors<T>(valid - w, k, source + w * across, across, along, target + bytes<T>(w), step);
  }
}

// @ts-expect-error: decorator
@inline
function copyRow(size: usize, source: usize, target: usize): void {
  for (let w: usize = 0; w < size; w += 16) v128.store(target + w, v128.load(source + w));
}

/** One vector a step: by whole vectors along either unit stride, entry by entry otherwise and at the rim. */
function packVectors<T>(
  valid: i32, k: i32, source: usize, across: usize, along: usize, target: usize, step: usize,
): void {
  let p = 0;
  if (valid >= lanes<T>() && across == sizeof<T>()) {
    for (; p < k; p++, source += along, target += step) v128.store(target, v128.load(source));
    return;
  }
  if (valid >= lanes<T>() && along == sizeof<T>()) {
    for (; p + lanes<T>() <= k; p += lanes<T>(), source += 16, target += lanes<T>() * step) {
      transposeVectors<T>(source, across, target, step);
    }
  }
  for (; p < k; p++, source += along, target += step) {
    for (let w = 0; w < lanes<T>(); w++) {
      store<T>(target + bytes<T>(w), w < valid ? load<T>(source + w * across) : <T>0);
    }
  }
}

/** The way back of `packPanel`: only the `valid` values that exist are written. */
export function unpackPanel<T>(
  width: i32, valid: i32, k: i32, source: usize, step: usize, target: usize, across: usize, along: usize,
): void {
  for (let w = 0; w < min(width, valid); w += lanes<T>()) {
    unpackVectors<T>(valid - w, k, source + bytes<T>(w), step, target + w * across, across, along);
  }
}

function unpackVectors<T>(
  valid: i32, k: i32, source: usize, step: usize, target: usize, across: usize, along: usize,
): void {
  let p = 0;
  if (valid >= lanes<T>() && across == sizeof<T>()) {
    for (; p < k; p++, source += step, target += along) v128.store(target, v128.load(source));
    return;
  }
  if (valid >= lanes<T>() && along == sizeof<T>()) {
    for (; p + lanes<T>() <= k; p += lanes<T>(), source += lanes<T>() * step, target += 16) {
      transposeVectors<T>(source, step, target, across);
    }
  }
  for (; p < k; p++, source += step, target += along) {
    for (let w = 0; w < min(valid, lanes<T>()); w++) store<T>(target + w * across, load<T>(source + bytes<T>(w)));
  }
}

/** `rows` rows as whole vectors, three at a step (missing ones are zero): entry (i, p) fills vector 3 p + i. */
export function packSplats<T>(rows: i32, k: i32, source: usize, row: usize, column: usize, target: usize): void {
  if (rows == 3) {
    for (let p = 0; p < k; p++, source += column, target += 48) {
      v128.store(target, v128.load_splat<T>(source));
      v128.store(target, v128.load_splat<T>(source + row), 16);
      v128.store(target, v128.load_splat<T>(source + 2 * row), 32);
    }
    return;
  }
  for (let p = 0; p < k; p++, source += column, target += 48) {
    v128.store(target, v128.load_splat<T>(source));
    v128.store(target, rows > 1 ? v128.load_splat<T>(source + row) : v128.splat<T>(0), 16);
    v128.store(target, v128.splat<T>(0), 32);
  }
}
