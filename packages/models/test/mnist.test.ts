import { cpSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { DataFileError } from "../src/data-file-error.ts";
import { loadMnist, type Mnist, mnistFiles } from "../src/datasets/mnist.ts";

const mnist = loadMnist();
const scratch = mkdtempSync(join(tmpdir(), "solvegrad-mnist-"));
afterAll(() => rmSync(scratch, { recursive: true }));

/** A copy of the test half's files as both halves, so that a damage costs 8 MB and not 55. */
function smallCopy(name: string): string {
  const folder = join(scratch, name);
  for (const half of ["train", "test"] as const) {
    cpSync(join(mnist.folder, mnistFiles.testImages.name), join(folder, mnistFiles[`${half}Images`].name), {
      recursive: true,
    });
    cpSync(join(mnist.folder, mnistFiles.testLabels.name), join(folder, mnistFiles[`${half}Labels`].name));
  }
  return folder;
}

function histogram({ labels }: Mnist["train"]): number[] {
  const counts = new Array<number>(10).fill(0);
  for (const label of labels) counts[label]++;
  return counts;
}

describe("loadMnist", () => {
  it("reads the 60,000 and 10,000 images of the npm package, whose checksums are MNIST's", () => {
    expect(mnist.train.count).toBe(60_000);
    expect(mnist.test.count).toBe(10_000);
    expect([mnist.train.rows, mnist.train.columns]).toEqual([28, 28]);
    expect(mnist.train.images.length).toBe(60_000 * 784);
  });

  it("counts each digit as often as MNIST does", () => {
    expect(histogram(mnist.train)).toEqual([5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]);
    expect(histogram(mnist.test)).toEqual([980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]);
  });

  it("has training pixels of mean 0.1307 and standard deviation 0.3081", () => {
    let sum = 0;
    let squares = 0;
    for (const pixel of mnist.train.images) {
      sum += pixel / 255;
      squares += (pixel / 255) ** 2;
    }
    const mean = sum / mnist.train.images.length;
    expect(mean).toBeCloseTo(0.1307, 4);
    expect(Math.sqrt(squares / mnist.train.images.length - mean ** 2)).toBeCloseTo(0.3081, 4);
  });

  it("reads another folder without asking for MNIST's checksums", () => {
    expect(loadMnist({ folder: smallCopy("other") }).train.count).toBe(10_000);
  });

  it("names the file whose checksum is not MNIST's when verification is asked for", () => {
    const folder = smallCopy("verified");
    expect(() => loadMnist({ folder, verify: true })).toThrow(
      `${join(folder, "train-images-idx3-ubyte")}: has the MD5 2646ac647ad5339dbf082846283269ea, expected 6bbc9ace898e44ae57da46a324031adb`,
    );
  });

  it("names a truncated file and the length it should have", () => {
    const folder = smallCopy("truncated");
    truncateSync(join(folder, "t10k-images-idx3-ubyte"), 1_000_000);
    expect(() => loadMnist({ folder })).toThrow(DataFileError);
    expect(() => loadMnist({ folder })).toThrow(
      /t10k-images-idx3-ubyte: is 1000000 bytes long.*expected 7840016 bytes/,
    );
  });

  it("names a missing file", () => {
    expect(() => loadMnist({ folder: join(scratch, "nowhere") })).toThrow(
      /nowhere.train-images-idx3-ubyte: cannot be read \(ENOENT/,
    );
  });

  it("refuses labels that are not one for each image, and labels that are no digits", () => {
    const folder = smallCopy("labels");
    const file = join(folder, "train-labels-idx1-ubyte");
    const labels = readFileSync(file);
    labels[8 + 41] = 10;
    writeFileSync(file, labels);
    expect(() => loadMnist({ folder })).toThrow("label 41 is 10, expected 0 to 9");
    writeFileSync(file, Uint8Array.from([0, 0, 8, 1, 0, 0, 0, 1, 7]));
    expect(() => loadMnist({ folder })).toThrow("holds 1 labels, expected 10000");
  });
});
