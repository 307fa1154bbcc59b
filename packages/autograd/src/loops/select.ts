import type { FloatArray } from "@solvegrad/linalg";
import { type Shape, sameShape } from "../shape.ts";
import { dtypeOfValues, isContiguous, type Values, zeroValues } from "../values.ts";
import { binaryLoop } from "./compile.ts";
import { zipValues } from "./elementwise.ts";

const anyStrides = binaryLoop("b > 0 || b !== b ? a : 0");

/**
 * y <- a where b is positive or NaN, else 0.
 *
 * On contiguous memory by masks of the bits instead of a branch: the signs of activations cannot be predicted, and a
 * mispredicted branch per entry makes the plain loop four times slower.
 */
export function selectWherePositive(a: Values, b: Values, shape: Shape): Values {
  if (!sameShape(a.shape, b.shape) || !isContiguous(a) || !isContiguous(b))
    return zipValues("gate", anyStrides, a, b, shape);
  const y = zeroValues(dtypeOfValues(a), shape);
  const select = y.data instanceof Float32Array ? selectSingle : selectDouble;
  select(y.size, wordsOf(a.data, a.offset, a.size), wordsOf(b.data, b.offset, b.size), wordsOf(y.data, 0, y.size));
  return y;
}

/** The 32-bit words of some entries; of a float64 the low word comes first (every engine is little-endian). */
function wordsOf(data: FloatArray, offset: number, length: number): Int32Array {
  const bytes = data.BYTES_PER_ELEMENT;
  return new Int32Array(data.buffer, data.byteOffset + offset * bytes, (length * bytes) / 4);
}

/**
 * A float32 is positive exactly where its bits, as an integer k, are: then neither k nor k - 1 has the sign bit.
 * It is NaN where |k| exceeds the bits of infinity.
 */
function selectSingle(n: number, a: Int32Array, b: Int32Array, y: Int32Array): void {
  for (let i = 0; i < n; i++) {
    const k = b[i];
    const positive = ~(((k - 1) | k) >> 31);
    const nan = (0x7f800000 - (k & 0x7fffffff)) >> 31;
    y[i] = a[i] & (positive | nan);
  }
}

/** The same with two words: positive where the high word has no sign bit and not all bits are 0. */
function selectDouble(n: number, a: Int32Array, b: Int32Array, y: Int32Array): void {
  for (let i = 0; i < 2 * n; i += 2) {
    const low = b[i];
    const high = b[i + 1];
    const any = low | high;
    const positive = ~(high >> 31) & ((any | -any) >> 31);
    const magnitude = (high & 0x7fffffff) | ((low | -low) >>> 31);
    const mask = positive | ((0x7ff00000 - magnitude) >> 31);
    y[i] = a[i] & mask;
    y[i + 1] = a[i + 1] & mask;
  }
}
