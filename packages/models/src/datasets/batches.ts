import { type Random, type Tensor, tensor } from "@solvegrad/autograd";
import type { LabelledImages } from "./mnist.ts";

/** Mean and standard deviation of all training pixels of MNIST, scaled to [0, 1]. */
export const mnistNormalization: Normalization = { mean: 0.1307, deviation: 0.3081 };

/** Pixels enter a network as (pixel / 255 - mean) / deviation. */
export interface Normalization {
  readonly mean: number;
  readonly deviation: number;
}

/** A part of a data set, ready for a network. */
export interface Batch {
  /** (B, 1, rows, columns), float32. */
  readonly images: Tensor;
  /** One class an image. */
  readonly labels: Int32Array;
  /** Where each image stands in the data set. */
  readonly indices: Int32Array;
}

export interface BatchOptions {
  readonly batchSize: number;
  /** Shuffles the images; without it they come in the order of the data set. */
  readonly random?: Random;
  readonly normalization?: Normalization;
}

/** How many batches `batches` yields: the last one may be smaller. */
export function batchCount(set: LabelledImages, batchSize: number): number {
  return Math.ceil(set.count / batchSize);
}

/** Goes once through a data set, each image in exactly one batch. Throws a RangeError for a batch size that is not a positive integer. */
export function* batches(set: LabelledImages, options: BatchOptions): Generator<Batch> {
  const { batchSize, random, normalization } = options;
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new RangeError(`batchSize is ${batchSize}, expected a positive integer`);
  }
  const order = random ? random.permutation(set.count) : Int32Array.from({ length: set.count }, (_, i) => i);
  for (let begin = 0; begin < set.count; begin += batchSize) {
    yield batchOf(set, order.slice(begin, begin + batchSize), normalization);
  }
}

/** The batch of the images at `indices`, in that order. */
export function batchOf(set: LabelledImages, indices: Int32Array, normalization = mnistNormalization): Batch {
  const size = set.rows * set.columns;
  const levels = greyLevels(normalization);
  const pixels = new Float32Array(indices.length * size);
  const labels = new Int32Array(indices.length);
  for (let item = 0; item < indices.length; item++) {
    const from = indices[item] * size;
    const to = item * size;
    for (let k = 0; k < size; k++) pixels[to + k] = levels[set.images[from + k]];
    labels[item] = set.labels[indices[item]];
  }
  return { images: tensor(pixels, { shape: [indices.length, 1, set.rows, set.columns] }), labels, indices };
}

/** What each of the 256 grey levels becomes. */
function greyLevels({ mean, deviation }: Normalization): Float32Array {
  return Float32Array.from({ length: 256 }, (_, level) => (level / 255 - mean) / deviation);
}
