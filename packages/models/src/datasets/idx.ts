import { sizeOf } from "@solvegrad/linalg";
import { DataFileError } from "../data-file-error.ts";

/** An array of unsigned bytes as an IDX file stores it, row-major. */
export interface IdxArray {
  readonly shape: readonly number[];
  readonly values: Uint8Array;
}

const unsignedByte = 0x08;

/**
 * Parses an IDX file of unsigned bytes (the format of MNIST, described by Y. LeCun): two zero bytes, the element type,
 * the number of dimensions, each extent as a big-endian 32-bit integer, then the elements. The values are a view of
 * `bytes`. Throws a DataFileError that names `file` when the magic number, the rank or the length is not as expected.
 */
export function parseIdx(bytes: Uint8Array, file: string, rank: number): IdxArray {
  const header = 4 + 4 * rank;
  if (bytes.length < header) {
    throw new DataFileError(file, `is ${bytes.length} bytes long, expected an IDX header of ${header} bytes`);
  }
  checkMagic(bytes, file, rank);
  const numbers = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const shape = Array.from({ length: rank }, (_, axis) => numbers.getUint32(4 + 4 * axis));
  const size = sizeOf(shape);
  if (bytes.length !== header + size) {
    throw new DataFileError(
      file,
      `is ${bytes.length} bytes long, but its header announces ${shape.join(" x ")} elements, expected ${header + size} bytes`,
    );
  }
  return { shape, values: bytes.subarray(header) };
}

function checkMagic(bytes: Uint8Array, file: string, rank: number): void {
  const magic = Array.from(bytes.subarray(0, 4));
  const expected = [0, 0, unsignedByte, rank];
  if (magic.some((byte, i) => byte !== expected[i])) {
    throw new DataFileError(
      file,
      `begins with the bytes ${hexadecimal(magic)}, expected ${hexadecimal(expected)} (IDX, unsigned bytes, ${rank}-dimensional)`,
    );
  }
}

function hexadecimal(bytes: readonly number[]): string {
  return bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
}
