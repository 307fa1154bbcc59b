import { type Random, type Tensor, tensor } from "@solvegrad/autograd";
import type { Examples } from "../training/examples.ts";

/** Signals of one length, one after another, with and without noise. */
export interface SignalSet {
  readonly count: number;
  readonly length: number;
  readonly noisy: Float64Array;
  readonly clean: Float64Array;
}

export interface SignalOptions {
  /** Default 100. */
  readonly length?: number;
  /** Fewest and most constant segments. Default 1 to 9. */
  readonly segments?: readonly [number, number];
  /** Lowest and highest height, integers. Default 10 to 99. */
  readonly heights?: readonly [number, number];
  /** Standard deviation of the Gaussian noise. Default 10. */
  readonly sigma?: number;
}

/** Signals ready for a network: (B, length), float64. */
export interface SignalBatch {
  readonly noisy: Tensor;
  readonly clean: Tensor;
}

/**
 * Piecewise constant signals with Gaussian noise, as in OptNet's denoising experiment (section 4.2): the number of
 * segments, where they begin and their heights are uniform.
 */
export function generateSignals(
  count: number,
  random: Random,
  { length = 100, segments = [1, 9], heights = [10, 99], sigma = 10 }: SignalOptions = {},
): SignalSet {
  const clean = new Float64Array(count * length);
  for (let i = 0; i < count; i++) {
    const pieces = random.integers(1, { low: segments[0], high: segments[1] + 1 })[0];
    // no segment ends after the first or begins at the last sample
    const breaks = random
      .permutation(length - 2)
      .slice(0, pieces - 1)
      .map((at) => at + 1);
    const ends = [...breaks].sort((a, b) => a - b).concat(length);
    const levels = random.integers(pieces, { low: heights[0], high: heights[1] + 1 });
    let begin = 0;
    ends.forEach((end, piece) => {
      clean.fill(levels[piece], i * length + begin, i * length + end);
      begin = end;
    });
  }
  const noise = random.normal([count * length], { deviation: sigma }).data();
  return { count, length, clean, noisy: clean.map((value, k) => value + noise[k]) };
}

export function signalExamples({ count, length, noisy, clean }: SignalSet): Examples<SignalBatch> {
  const rows = (values: Float64Array, places: Int32Array) => {
    const chosen = new Float64Array(places.length * length);
    places.forEach((place, i) => {
      chosen.set(values.subarray(place * length, (place + 1) * length), i * length);
    });
    return tensor(chosen, { shape: [places.length, length] });
  };
  return { count, batch: (places) => ({ noisy: rows(noisy, places), clean: rows(clean, places) }) };
}
