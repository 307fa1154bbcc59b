import type { Kernels } from "../kernels.ts";

/** Outside Node there is no native library to call. */
export function loadNative(): Kernels | null {
  return null;
}
