import { setFlagsFromString } from "node:v8";
import { blasGrouping, columnConvolution } from "../convolution/columns.ts";
import { referenceConvolution } from "../convolution/reference.ts";
import type { Kernels } from "../kernels.ts";
import { referenceAdam, stagedAdam } from "../update/adam.ts";
import { wasmModule } from "../wasm/instance.ts";
import { wasmKernels } from "../wasm/kernels.ts";
import { nativeKernels } from "./kernels.ts";
import { loadBlas } from "./library.ts";
import { smallInWasm } from "./small.ts";

/** The kernels of the machine's BLAS, or null where there is none. */
export function loadNative(): Kernels | null {
  const blas = loadBlas();
  if (!blas) return null;
  const native = nativeKernels(blas);
  const module = wasmModule();
  const routed = module ? smallInWasm(native, wasmKernels(module)) : native;
  return {
    name: "native",
    description: blas.description,
    threads: blas.threads,
    ...routed,
    adam: module ? stagedAdam(module) : referenceAdam,
    convolution: module ? columnConvolution(module, native.gemm, blasGrouping) : referenceConvolution,
  };
}

/** For features that a later Node has without asking: there the flag is not needed, and so never set. */
export function setV8Flag(flag: string): void {
  setFlagsFromString(flag);
}
