import { type DType, type FloatArray, sizeOf } from "@solvegrad/linalg";
import { DataFileError } from "../data-file-error.ts";

/** A named array of a file of weights. */
export interface StoredTensor {
  readonly shape: readonly number[];
  readonly values: FloatArray;
}

interface HeaderEntry {
  readonly dtype: string;
  readonly shape: number[];
  readonly data_offsets: [number, number];
}

const codes: Record<DType, string> = { float32: "F32", float64: "F64" };

/**
 * Writes arrays in the safetensors format (version 0.3 and later): the length of the header as a little-endian 64-bit
 * integer, the header in JSON, padded with spaces to a multiple of 8, then the arrays, little-endian and row-major.
 */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, StoredTensor>,
  metadata: Record<string, string> = {},
): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: metadata };
  let end = 0;
  for (const [name, { shape, values }] of tensors) {
    const begin = end;
    end += values.byteLength;
    const dtype = codes[values instanceof Float32Array ? "float32" : "float64"];
    header[name] = { dtype, shape: [...shape], data_offsets: [begin, end] } satisfies HeaderEntry;
  }
  const text = JSON.stringify(header);
  const json = new TextEncoder().encode(text.padEnd(text.length + padding(new TextEncoder().encode(text).length)));
  const bytes = new Uint8Array(8 + json.length + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  let at = 8 + json.length;
  for (const { values } of tensors.values()) {
    bytes.set(littleEndianBytes(values), at);
    at += values.byteLength;
  }
  return bytes;
}

/** Reads what `encodeSafetensors` writes. Throws a DataFileError that names `file` for anything else. */
export function decodeSafetensors(
  bytes: Uint8Array,
  file: string,
): { tensors: Map<string, StoredTensor>; metadata: Record<string, string> } {
  const { header, begin } = readHeader(bytes, file);
  const { __metadata__: metadata = {}, ...entries } = header;
  const tensors = new Map<string, StoredTensor>();
  for (const [name, entry] of Object.entries(entries)) {
    if (!isHeaderEntry(entry)) {
      throw new DataFileError(file, `describes the array ${name} wrongly, expected dtype, shape and data_offsets`);
    }
    const [from, to] = entry.data_offsets.map((offset) => begin + offset);
    if (to > bytes.length) throw new DataFileError(file, `ends before the array ${name}, expected ${to} bytes`);
    const values = floats(bytes.subarray(from, to), entry.dtype, name, file);
    if (values.length !== sizeOf(entry.shape)) {
      const shape = entry.shape.join(" x ");
      throw new DataFileError(file, `array ${name} has ${values.length} numbers, expected the shape ${shape}`);
    }
    tensors.set(name, { shape: entry.shape, values });
  }
  return { tensors, metadata: isRecord(metadata) ? (metadata as Record<string, string>) : {} };
}

function isRecord(json: unknown): json is Record<string, unknown> {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

function isHeaderEntry(json: unknown): json is HeaderEntry {
  if (!isRecord(json) || typeof json.dtype !== "string") return false;
  const areCounts = (list: unknown): list is number[] =>
    Array.isArray(list) && list.every((value) => Number.isSafeInteger(value) && value >= 0);
  const { shape, data_offsets: offsets } = json;
  return areCounts(shape) && areCounts(offsets) && offsets.length === 2 && offsets[0] <= offsets[1];
}

function readHeader(bytes: Uint8Array, file: string): { header: Record<string, unknown>; begin: number } {
  if (bytes.length < 8) throw new DataFileError(file, `is ${bytes.length} bytes long, expected a safetensors file`);
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true));
  if (8 + length > bytes.length) throw new DataFileError(file, `ends within its header, expected a safetensors file`);
  const header = parsedHeader(bytes.subarray(8, 8 + length), file);
  if (!isRecord(header)) throw new DataFileError(file, "has a header without names, expected a safetensors file");
  return { header, begin: 8 + length };
}

function parsedHeader(bytes: Uint8Array, file: string): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new DataFileError(file, "has a header that is not JSON, expected a safetensors file", { cause });
  }
}

function padding(length: number): number {
  return (8 - (length % 8)) % 8;
}

const machineIsLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

function littleEndianBytes(values: FloatArray): Uint8Array {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return machineIsLittleEndian ? bytes : reversedElements(bytes, values.BYTES_PER_ELEMENT);
}

function floats(bytes: Uint8Array, code: string, name: string, file: string): FloatArray {
  const size = code === codes.float32 ? 4 : code === codes.float64 ? 8 : 0;
  if (size === 0 || bytes.length % size !== 0) {
    throw new DataFileError(file, `array ${name} has the element type ${code}, expected whole F32 or F64 elements`);
  }
  const native = machineIsLittleEndian ? bytes : reversedElements(bytes, size);
  const { buffer } = Uint8Array.from(native);
  return size === 4 ? new Float32Array(buffer) : new Float64Array(buffer);
}

function reversedElements(bytes: Uint8Array, size: number): Uint8Array {
  const reversed = new Uint8Array(bytes.length);
  for (let i = 0; i < bytes.length; i++) reversed[i] = bytes[i - (i % size) + size - 1 - (i % size)];
  return reversed;
}
