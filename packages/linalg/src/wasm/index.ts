import type { Kernels } from "../kernels.ts";
import { wasmModule } from "./instance.ts";
import { wasmKernels } from "./kernels.ts";

/** The WebAssembly kernels, or null where the engine has no SIMD. */
export function loadWasm(): Kernels | null {
  const module = wasmModule();
  return module && wasmKernels(module);
}
