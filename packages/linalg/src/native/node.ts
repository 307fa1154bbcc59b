import { setFlagsFromString } from "node:v8";
import type { Kernels } from "../kernels.ts";

/** The kernels of the machine's BLAS, or null where there is none. */
export function loadNative(): Kernels | null {
  return null;
}

/** For features that a later Node has without asking: there the flag is not needed, and so never set. */
export function setV8Flag(flag: string): void {
  setFlagsFromString(flag);
}
