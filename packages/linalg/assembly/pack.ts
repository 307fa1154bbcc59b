/**
 * Packing: a panel is `width` neighbouring rows (or columns) of a matrix, stored so that a kernel reads it from front
 * to back. Entry (w, p) of a panel comes from `source + w * across + p * along`; the panel holds for p = 0, 1, ... the
 * `width` values, `step` bytes apart. Missing values are zero, so that kernels know whole tiles only.
 */
import { bytes, copyFour, transposeFourRows, transposeToFourRows } from "./simd";

/** Packs `count` rows or columns into panels of `width` (a multiple of 4) of depth `k`, one panel after another. */
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
  for (let w = 0; w < width; w += 4) {
    packFour<T>(valid - w, k, source + w * across, across, along, target + bytes<T>(w), step);
  }
}

function packFour<T>(
  valid: i32, k: i32, source: usize, across: usize, along: usize, target: usize, step: usize,
): void {
  let p = 0;
  if (valid >= 4 && across == sizeof<T>()) {
    for (; p < k; p++, target += step) copyFour<T>(source + p * along, target);
    return;
  }
  if (valid >= 4 && along == sizeof<T>()) {
    const lanes: i32 = 16 / sizeof<T>();
    for (; p + lanes <= k; p += lanes, target += lanes * step) {
      transposeFourRows<T>(source + p * along, across, target, step);
    }
  }
  for (; p < k; p++, target += step) {
    for (let w = 0; w < 4; w++) {
      const value = w < valid ? load<T>(source + w * across + p * along) : <T>0;
      store<T>(target + bytes<T>(w), value);
    }
  }
}

/** The way back of `packPanel`: only the `valid` values that exist are written. */
export function unpackPanel<T>(
  width: i32, valid: i32, k: i32, source: usize, step: usize, target: usize, across: usize, along: usize,
): void {
  for (let w = 0; w < width; w += 4) {
    unpackFour<T>(valid - w, k, source + bytes<T>(w), step, target + w * across, across, along);
  }
}

function unpackFour<T>(
  valid: i32, k: i32, source: usize, step: usize, target: usize, across: usize, along: usize,
): void {
  let p = 0;
  if (valid >= 4 && across == sizeof<T>()) {
    for (; p < k; p++, source += step) copyFour<T>(source, target + p * along);
    return;
  }
  if (valid >= 4 && along == sizeof<T>()) {
    const lanes: i32 = 16 / sizeof<T>();
    for (; p + lanes <= k; p += lanes, source += lanes * step) {
      transposeToFourRows<T>(source, step, target + p * along, across);
    }
  }
  const width = min(valid, 4);
  for (; p < k; p++, source += step) {
    for (let w = 0; w < width; w++) store<T>(target + w * across + p * along, load<T>(source + bytes<T>(w)));
  }
}
