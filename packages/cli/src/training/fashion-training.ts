import { loadFashionMnist, pixelNormalization } from "@solvegrad/models";
import { imageTraining } from "./image-training.ts";
import type { PreparedTask, TaskOptions } from "./prepared-task.ts";

/** The image classifier on Fashion-MNIST, whose pixels are scaled by their own mean and deviation. */
export async function fashionTraining(options: TaskOptions): Promise<PreparedTask> {
  const data = loadFashionMnist({ folder: options.data });
  return imageTraining("fashion-mnist", "Fashion-MNIST", data, options, pixelNormalization(data.train));
}
