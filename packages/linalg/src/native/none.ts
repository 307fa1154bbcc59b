import type { Kernels } from "../kernels.ts";

/** Outside Node there is no native library to call. */
export function loadNative(): Kernels | null {
  return null;
}

/** Outside Node engine flags cannot be set. */
export function setV8Flag(_flag: string): void {}
