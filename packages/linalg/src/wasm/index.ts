import type { Kernels } from "../kernels.ts";

/** The WebAssembly kernels, or null where the engine has no SIMD. */
export function loadWasm(): Kernels | null {
  return null;
}
