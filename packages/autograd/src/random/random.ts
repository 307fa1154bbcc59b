import type { DType } from "@solvegrad/linalg";
import { xoroshiro128plusFromState } from "pure-rand/generator/xoroshiro128plus";
import { ArgumentRangeError } from "../errors.ts";
import { type Shape, sizeOf } from "../shape.ts";
import { Tensor } from "../tensor.ts";
import { zeroValues } from "../values.ts";
import { normalQuantile } from "./normal.ts";

export interface UniformOptions {
  readonly low?: number;
  readonly high?: number;
  readonly dtype?: DType;
}

export interface NormalOptions {
  readonly mean?: number;
  readonly deviation?: number;
  readonly dtype?: DType;
}

export interface IntegerOptions {
  readonly low?: number;
  /** Exclusive. */
  readonly high: number;
}

/** A generator of random numbers from a seed (an integer). Same seed, same bits: on every machine, in every engine. */
export function random(seed: number): Random {
  if (!Number.isSafeInteger(seed)) throw new ArgumentRangeError("random", "seed", String(seed), "an integer");
  return new Random(stateFromSeed(seed));
}

/**
 * A stream of random numbers: xoroshiro128+ (Blackman and Vigna, Scrambled linear pseudorandom number generators,
 * 2021), whose state is four 32-bit words. The weak lowest bits are not used.
 */
export class Random {
  #generator: ReturnType<typeof xoroshiro128plusFromState>;

  constructor(state: readonly number[]) {
    this.#generator = xoroshiro128plusFromState(state);
  }

  /** Where the stream stands. Set it to continue, or repeat, a stream from there. */
  get state(): readonly number[] {
    return [...this.#generator.getState()];
  }
  set state(state: readonly number[]) {
    this.#generator = xoroshiro128plusFromState(state);
  }

  /** One number, uniform on [0, 1), a multiple of 2^-53. */
  next(): number {
    const high = this.#generator.next() >>> 5;
    const low = this.#generator.next() >>> 6;
    return (high * 67108864 + low) / 9007199254740992;
  }

  /** Uniform on [low, high); in float32 rounding may reach `high`. */
  uniform(shape: Shape, { low = 0, high = 1, dtype = "float64" }: UniformOptions = {}): Tensor {
    return this.#fill(shape, dtype, () => low + (high - low) * this.next());
  }

  /** Normal with this mean and standard deviation, by inversion of the distribution function. */
  normal(shape: Shape, { mean = 0, deviation = 1, dtype = "float64" }: NormalOptions = {}): Tensor {
    return this.#fill(shape, dtype, () => mean + deviation * normalQuantile(this.next() + 2 ** -54));
  }

  /** As many integers as the shape has entries, each of low, ..., high - 1 equally likely. */
  integers(shape: Shape | number, { low = 0, high }: IntegerOptions): Int32Array {
    const count = typeof shape === "number" ? shape : sizeOf(shape);
    if (!Number.isInteger(low) || !Number.isInteger(high) || high <= low) {
      throw new ArgumentRangeError("integers", "high", String(high), `an integer above low = ${low}`);
    }
    return Int32Array.from({ length: count }, () => low + this.#below(high - low));
  }

  /** 0, ..., n - 1 in random order, every order equally likely. */
  permutation(n: number): Int32Array {
    const order = Int32Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = this.#below(i + 1);
      const other = order[j];
      order[j] = order[i];
      order[i] = other;
    }
    return order;
  }

  /** An integer from 0 to n - 1; the scaling of 53 bits is biased by less than n 2^-53. */
  #below(n: number): number {
    return Math.floor(this.next() * n);
  }

  #fill(shape: Shape, dtype: DType, draw: () => number): Tensor {
    const values = zeroValues(dtype, shape);
    for (let i = 0; i < values.size; i++) values.data[i] = draw();
    return new Tensor(values);
  }
}

/** Four well-mixed words from a seed, so that neighbouring seeds begin unlike streams; never all zero. */
function stateFromSeed(seed: number): number[] {
  const words = [seed | 0, Math.floor(seed / 4294967296) | 0];
  let mixed = 0;
  const state = [0, 1, 2, 3].map((k) => {
    mixed = scramble((mixed ^ words[k % 2]) + Math.imul(k + 1, 0x9e3779b9));
    return mixed;
  });
  return state.every((word) => word === 0) ? [1, 0, 0, 0] : state;
}

/** An invertible mixing of 32 bits (the finalizer of MurmurHash3). */
function scramble(word: number): number {
  let h = word | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
