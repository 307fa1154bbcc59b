import type { Kernels } from "../kernels.ts";

/** The kernels of the machine's BLAS, or null where there is none. */
export function loadNative(): Kernels | null {
  return null;
}
