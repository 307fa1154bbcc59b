import { describe, expect, it } from "vitest";
import { DataFileError } from "../src/data-file-error.ts";
import { decodeSafetensors, encodeSafetensors } from "../src/training/safetensors.ts";

const tensors = new Map([
  ["conv.weight", { shape: [2, 3], values: Float32Array.of(1, -2, 0.5, 4, 5, 1e-38) }],
  ["layer.A", { shape: [1, 2], values: Float64Array.of(Math.PI, -1e300) }],
  ["empty", { shape: [0], values: new Float32Array() }],
]);

describe("safetensors", () => {
  it("returns the same bits, shapes and metadata that were written", () => {
    const bytes = encodeSafetensors(tensors, { seed: "7", name: "é" });
    const read = decodeSafetensors(bytes, "weights");
    expect(read.tensors).toEqual(tensors);
    expect(decodeSafetensors(Buffer.from(bytes), "weights").tensors).toEqual(tensors);
    expect(read.metadata).toEqual({ seed: "7", name: "é" });
  });

  it("lays the file out as the format says: header length, JSON, then little-endian arrays back to back", () => {
    const bytes = encodeSafetensors(tensors);
    const numbers = new DataView(bytes.buffer);
    const length = Number(numbers.getBigUint64(0, true));
    expect(length % 8).toBe(0);
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
    expect(header["conv.weight"]).toEqual({ dtype: "F32", shape: [2, 3], data_offsets: [0, 24] });
    expect(header["layer.A"]).toEqual({ dtype: "F64", shape: [1, 2], data_offsets: [24, 40] });
    expect(numbers.getFloat32(8 + length + 4, true)).toBe(-2);
    expect(numbers.getFloat64(8 + length + 24, true)).toBe(Math.PI);
    expect(bytes.length).toBe(8 + length + 40);
  });

  it("names a file that is cut off or something else", () => {
    const bytes = encodeSafetensors(tensors);
    const decode = (part: Uint8Array) => () => decodeSafetensors(part, "weights");
    expect(decode(bytes.subarray(0, bytes.length - 1))).toThrow("weights: ends before the array");
    expect(decode(bytes.subarray(0, 20))).toThrow("weights: ends within its header");
    expect(decode(bytes.subarray(0, 3))).toThrow(DataFileError);
    expect(decode(new TextEncoder().encode("\u0004\0\0\0\0\0\0\0nope"))).toThrow("header that is not JSON");
  });
});

describe("a damaged safetensors file", () => {
  const entry = { dtype: "F32", shape: [1], data_offsets: [0, 4] };
  const decode = (header: unknown) => () => decodeSafetensors(withHeader(header, 4), "weights");
  const damages: [string, unknown, string][] = [
    ["a header that is null", null, "header without names"],
    ["a header that is a list", [], "header without names"],
    ["an array without description", { a: null }, "describes the array a wrongly"],
    ["an array without a place", { a: { dtype: "F32", shape: [1] } }, "describes the array a wrongly"],
    [
      "a place that begins before the file",
      { a: { ...entry, data_offsets: [-4, 0] } },
      "describes the array a wrongly",
    ],
    ["a place that ends before it begins", { a: { ...entry, data_offsets: [4, 0] } }, "describes the array a wrongly"],
    ["another shape than there are numbers", { a: { ...entry, shape: [2, 3] } }, "expected the shape 2 x 3"],
    ["integers", { a: { ...entry, dtype: "I32" } }, "element type I32"],
  ];
  it.each(damages)("is refused by its name: %s", (_, header, message) => {
    expect(decode(header)).toThrow(DataFileError);
    expect(decode(header)).toThrow(message);
  });

  it("counts as one without metadata where these are null", () => {
    expect(decode({ __metadata__: null, a: entry })().metadata).toEqual({});
  });
});

function withHeader(header: unknown, dataBytes: number): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}
