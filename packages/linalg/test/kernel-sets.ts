import type { MatrixKernels } from "../src/kernels.ts";
import { nativeKernels } from "../src/native/kernels.ts";
import { loadBlas } from "../src/native/library.ts";
import { loadKernels } from "../src/select.ts";
import { instantiate, variants } from "../src/wasm/instance.ts";
import { wasmKernels } from "../src/wasm/kernels.ts";

/** Every fast implementation on this machine: both wasm variants, BLAS for every size, and the native set as it is used. */
export function fastKernelSets(): [string, MatrixKernels][] {
  const sets: [string, MatrixKernels][] = [];
  for (const variant of variants) {
    const module = instantiate(variant);
    if (module) sets.push([`wasm, ${variant.name}`, wasmKernels(module)]);
  }
  const blas = loadBlas();
  if (blas) sets.push(["BLAS at every size", nativeKernels(blas)]);
  const native = loadKernels("native");
  if (native) sets.push(["native", native]);
  return sets;
}
