import type { Random } from "@solvegrad/autograd";

/** A part of a data set: examples that can be asked for by their places. */
export interface Examples<B> {
  readonly count: number;
  /** The examples at these places, in that order, ready for a network. */
  batch(places: Int32Array): B;
}

export interface BatchOptions {
  readonly batchSize: number;
  /** Shuffles the examples; without it they come in the order of the data set. */
  readonly random?: Random;
  /** Batches of the epoch that were seen before, and are not made again. Default 0. */
  readonly skip?: number;
}

/** How many batches `batches` yields: the last one may be smaller. */
export function batchCount({ count }: Pick<Examples<unknown>, "count">, batchSize: number): number {
  return Math.ceil(count / batchSize);
}

/** Goes once through the examples, each in exactly one batch; `skip` leaves out the first batches. Throws a RangeError for a batch size that is not a positive integer. */
export function* batches<B>(
  examples: Examples<B>,
  { batchSize, random, skip = 0 }: BatchOptions,
): Generator<{ readonly batch: B; readonly size: number }> {
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new RangeError(`batchSize is ${batchSize}, expected a positive integer`);
  }
  const { count } = examples;
  const order = random ? random.permutation(count) : Int32Array.from({ length: count }, (_, i) => i);
  for (let begin = skip * batchSize; begin < count; begin += batchSize) {
    const places = order.slice(begin, begin + batchSize);
    yield { batch: examples.batch(places), size: places.length };
  }
}

/** The first examples of a set, as many as there are up to `count`, as one batch. */
export function firstOf<B>(examples: Examples<B>, count: number): B {
  return examples.batch(Int32Array.from({ length: Math.min(count, examples.count) }, (_, i) => i));
}

/** The examples at some places of a set, as a set of their own: a split. */
export function selected<B>(examples: Examples<B>, places: Int32Array): Examples<B> {
  return {
    count: places.length,
    batch: (chosen) => examples.batch(chosen.map((place) => places[place])),
  };
}
