import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { DataFileError } from "../src/data-file-error.ts";
import { fashionClasses, fashionFolder, loadFashionMnist } from "../src/datasets/fashion-mnist.ts";
import { imageExamples, pixelNormalization } from "../src/datasets/images.ts";
import { mnistFiles } from "../src/datasets/mnist.ts";

const scratch = mkdtempSync(join(tmpdir(), "solvegrad-fashion-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const images = Uint8Array.from({ length: 3 * 784 }, (_, k) => (7 * k) % 256);

function idx(shape: readonly number[], values: Uint8Array): Uint8Array {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header.set([0, 0, 8, shape.length]);
  shape.forEach((extent, axis) => {
    header.writeUInt32BE(extent, 4 + 4 * axis);
  });
  return Buffer.concat([header, values]);
}

/** A folder with three images in each half, the files as `pack` makes them. */
function folderOf(name: string, suffix: string, pack: (bytes: Uint8Array) => Uint8Array): string {
  const folder = join(scratch, name);
  mkdirSync(folder);
  for (const half of ["train", "test"] as const) {
    writeFileSync(join(folder, mnistFiles[`${half}Images`].name + suffix), pack(idx([3, 28, 28], images)));
    writeFileSync(join(folder, mnistFiles[`${half}Labels`].name + suffix), pack(idx([3], Uint8Array.of(9, 0, 4))));
  }
  return folder;
}

describe("loadFashionMnist", () => {
  const zipped = folderOf("zipped", ".gz", gzipSync);
  const plain = folderOf("plain", "", (bytes) => bytes);

  it("reads the four files, gzipped or not", () => {
    const { train, test } = loadFashionMnist({ folder: zipped });
    expect(Array.from(train.images)).toEqual(Array.from(images));
    expect(Array.from(test.labels, (label) => fashionClasses[label])).toEqual(["ankle boot", "T-shirt or top", "coat"]);
    expect(loadFashionMnist({ folder: plain }).train).toEqual(train);
  });

  it("says how to get the files where there is no such folder", () => {
    const load = () => loadFashionMnist({ folder: join(scratch, "none") });
    expect(load).toThrow(DataFileError);
    expect(load).toThrow(/none: there is no such folder, expected Debian's package dataset-fashion-mnist, or a folder/);
  });

  const damages: [string, string, Uint8Array, RegExp][] = [
    ["cut short", ".gz", gzipSync(images).subarray(0, 40), /train-images-idx3-ubyte.gz: cannot be unzipped/],
    ["not zipped at all", ".gz", idx([3, 28, 28], images), /train-images-idx3-ubyte.gz: cannot be unzipped/],
    [
      "of something else",
      "",
      images,
      /train-images-idx3-ubyte: begins with the bytes 00 07 0e 15, expected 00 00 08 03/,
    ],
  ];
  it.each(damages)("names a file that is %s", (name, suffix, bytes, message) => {
    const folder = folderOf(name, suffix, suffix === "" ? (file) => file : gzipSync);
    writeFileSync(join(folder, mnistFiles.trainImages.name + suffix), bytes);
    expect(() => loadFashionMnist({ folder })).toThrow(DataFileError);
    expect(() => loadFashionMnist({ folder })).toThrow(message);
  });

  it.skipIf(!existsSync(fashionFolder))("reads Debian's files: 60,000 and 10,000 images, as many of each class", () => {
    const { train, test } = loadFashionMnist();
    expect([train.count, test.count]).toEqual([60_000, 10_000]);
    const counts = new Array<number>(10).fill(0);
    for (const label of train.labels) counts[label]++;
    expect(counts).toEqual(new Array(10).fill(6000));
    const { mean, deviation } = pixelNormalization(train);
    expect(mean).toBeCloseTo(0.286, 3); // as published for torchvision's transforms
    expect(deviation).toBeCloseTo(0.353, 3);
  });
});

describe("pixelNormalization", () => {
  it("leaves the pixels of its set with mean 0 and deviation 1", () => {
    const set = { count: 3, rows: 28, columns: 28, images, labels: Uint8Array.of(0, 1, 2) };
    const batch = imageExamples(set, pixelNormalization(set))
      .batch(Int32Array.of(0, 1, 2))
      .images.to("float64");
    expect(batch.mean().item()).toBeCloseTo(0, 6);
    expect(batch.square().mean().item()).toBeCloseTo(1, 6);
  });

  it("does not divide by zero where all pixels are equal", () => {
    expect(pixelNormalization({ images: new Uint8Array(784) })).toEqual({ mean: 0, deviation: 1 });
  });
});
