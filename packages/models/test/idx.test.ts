import { describe, expect, it } from "vitest";
import { DataFileError } from "../src/data-file-error.ts";
import { parseIdx } from "../src/datasets/idx.ts";

/** Two images of 2 x 3 pixels. */
const file = Uint8Array.from([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 255]);

describe("parseIdx", () => {
  it("reads the shape and the elements of a three-dimensional file", () => {
    const { shape, values } = parseIdx(file, "images", 3);
    expect(shape).toEqual([2, 2, 3]);
    expect(Array.from(values)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 255]);
  });

  it("reads extents as big-endian numbers, also in a view that does not begin its buffer", () => {
    const shifted = new Uint8Array(8 + 300 + 5);
    shifted.set([0, 0, 8, 1, 0, 0, 1, 44], 5);
    expect(parseIdx(shifted.subarray(5), "labels", 1).shape).toEqual([300]);
  });

  const damages: [string, Uint8Array, string][] = [
    [
      "truncated in its elements",
      file.subarray(0, 20),
      "is 20 bytes long, but its header announces 2 x 2 x 3 elements, expected 28 bytes",
    ],
    ["truncated in its header", file.subarray(0, 9), "is 9 bytes long, expected an IDX header of 16 bytes"],
    ["empty", new Uint8Array(), "is 0 bytes long, expected an IDX header of 16 bytes"],
    ["longer than announced", Uint8Array.from([...file, 0]), "is 29 bytes long"],
    [
      "of float elements",
      Uint8Array.from([0, 0, 13, 3, ...file.subarray(4)]),
      "begins with the bytes 00 00 0d 03, expected 00 00 08 03",
    ],
    ["still compressed", Uint8Array.from([0x1f, 0x8b, 8, 0, ...file.subarray(4)]), "begins with the bytes 1f 8b 08 00"],
  ];
  it.each(damages)("refuses a file that is %s and says what was expected", (_, bytes, message) => {
    const parse = () => parseIdx(bytes, "folder/images", 3);
    expect(parse).toThrow(DataFileError);
    expect(parse).toThrow(`folder/images: ${message}`);
  });
});
