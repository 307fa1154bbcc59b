import { type Tensor, tensor } from "@solvegrad/autograd";
import type { Examples } from "../training/examples.ts";
import type { LabelledImages } from "./mnist.ts";

/** Pixels enter a network as (pixel / 255 - mean) / deviation. */
export interface Normalization {
  readonly mean: number;
  readonly deviation: number;
}

/** Mean and standard deviation of all training pixels of MNIST, scaled to [0, 1]. */
export const mnistNormalization: Normalization = { mean: 0.1307, deviation: 0.3081 };

/** Mean and standard deviation of all pixels of a set, scaled to [0, 1]. */
export function pixelNormalization({ images }: Pick<LabelledImages, "images">): Normalization {
  const counts = new Float64Array(256);
  for (let k = 0; k < images.length; k++) counts[images[k]]++;
  const momentOf = (f: (pixel: number) => number) =>
    counts.reduce((sum, count, level) => sum + count * f(level / 255), 0) / images.length;
  const mean = momentOf((pixel) => pixel);
  return { mean, deviation: Math.sqrt(momentOf((pixel) => (pixel - mean) ** 2)) || 1 };
}

/** Images ready for a network. */
export interface ImageBatch {
  /** (B, 1, rows, columns), float32. */
  readonly images: Tensor;
  /** One class an image. */
  readonly labels: Int32Array;
  /** Where each image stands in the data set. */
  readonly indices: Int32Array;
}

/** The images of a set as examples for training, normalized. */
export function imageExamples(set: LabelledImages, normalization = mnistNormalization): Examples<ImageBatch> {
  const levels = greyLevels(normalization);
  return { count: set.count, batch: (places) => batchOf(set, places, levels) };
}

function batchOf(set: LabelledImages, indices: Int32Array, levels: Float32Array): ImageBatch {
  const size = set.rows * set.columns;
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
