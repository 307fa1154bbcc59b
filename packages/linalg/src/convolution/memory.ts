import type { FloatArray } from "../view.ts";

/** C, H, W, R, S, P, Q, stride, padding of a `ConvolutionGeometry`. */
type Sizes = readonly [number, number, number, number, number, number, number, number, number];

/** The routines of `assembly/convolution.ts` for one dtype; arrays are given by their addresses in bytes. */
interface ConvolutionRoutines {
  im2col(x: number, columns: number, images: number, ...sizes: Sizes): void;
  col2im(columns: number, xbar: number, images: number, ...sizes: Sizes): void;
  filtersToImages(z: number, bias: number, y: number, images: number, F: number, pixels: number): void;
  imagesToFilters(y: number, z: number, images: number, F: number, pixels: number): void;
  sumPlanes(y: number, sums: number, planes: number, pixels: number): void;
  maxPool2d(
    x: number,
    y: number,
    argmax: number,
    start: number,
    planes: number,
    H: number,
    W: number,
    P: number,
    Q: number,
    size: number,
  ): void;
}

/** The exports of the WebAssembly module that convolution needs: each routine under its name and dtype. */
export type ConvolutionExports = {
  readonly [Name in keyof ConvolutionRoutines as `${Name}_f32` | `${Name}_f64`]: ConvolutionRoutines[Name];
};

/** WebAssembly memory, and the routines that work on it. */
export interface ColumnMemory {
  readonly exports: ConvolutionExports;
  /**
   * A region of this many bytes, aligned to 16, that stays valid until the next call. The `gemm` beside it works on
   * views into the region in place.
   */
  reserve(bytes: number): { readonly buffer: ArrayBuffer; readonly address: number };
}

/** The routines of one dtype under their plain names. */
export function routinesOf(exports: ConvolutionExports, type: "f32" | "f64"): ConvolutionRoutines {
  return {
    im2col: exports[`im2col_${type}`],
    col2im: exports[`col2im_${type}`],
    filtersToImages: exports[`filtersToImages_${type}`],
    imagesToFilters: exports[`imagesToFilters_${type}`],
    sumPlanes: exports[`sumPlanes_${type}`],
    maxPool2d: exports[`maxPool2d_${type}`],
  };
}

/** Arrays of these lengths in WebAssembly memory, of the type of `like`, valid until the next call. Content is arbitrary. */
export function workspace(memory: ColumnMemory, like: FloatArray, lengths: readonly number[]): FloatArray[] {
  const size = like.BYTES_PER_ELEMENT;
  const aligned = lengths.map((length) => Math.ceil((length * size) / 16) * 16);
  const region = memory.reserve(aligned.reduce((sum, bytes) => sum + bytes, 0));
  let address = region.address;
  return lengths.map((length, i) => {
    const start = address;
    address += aligned[i];
    return size === 4 ? new Float32Array(region.buffer, start, length) : new Float64Array(region.buffer, start, length);
  });
}
