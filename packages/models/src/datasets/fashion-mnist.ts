import { statSync } from "node:fs";
import { DataFileError } from "../data-file-error.ts";
import { loadMnist, type Mnist } from "./mnist.ts";

/** Where Debian's package dataset-fashion-mnist puts its files. */
export const fashionFolder = "/usr/share/datasets/fashion-mnist";

/** What the ten classes are. */
export const fashionClasses = [
  "T-shirt or top",
  "trousers",
  "pullover",
  "dress",
  "coat",
  "sandal",
  "shirt",
  "sneaker",
  "bag",
  "ankle boot",
] as const;

/**
 * Reads Fashion-MNIST (Xiao, Rasul and Vollgraf 2017), 60,000 training and 10,000 test images of 28 x 28 pixels: four IDX files,
 * gzipped or not, in the folder, by default that of Debian's package. Throws a DataFileError that says how to get them where there
 * is no such folder, and for a file that is missing or damaged.
 */
export function loadFashionMnist({ folder = fashionFolder }: { readonly folder?: string } = {}): Mnist {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    const files = "the four files train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, t10k-..";
    const ways = `Debian's package dataset-fashion-mnist, or a folder with ${files} of github.com/zalandoresearch/fashion-mnist`;
    throw new DataFileError(folder, `there is no such folder, expected ${ways}`);
  }
  return loadMnist({ folder, verify: false });
}
