import { loadNative } from "#native";
import type { Kernels } from "./kernels.ts";
import { referenceKernels } from "./reference/index.ts";
import { checked } from "./shapes.ts";
import { loadWasm } from "./wasm/index.ts";

export type KernelName = Kernels["name"];

/** In the order of preference of `auto`. */
const loaders: Record<KernelName, () => Kernels | null> = {
  native: loadNative,
  wasm: loadWasm,
  reference: () => referenceKernels,
};
const kernelNames = Object.keys(loaders) as KernelName[];

const loaded = new Map<KernelName, Kernels | null>();
let active: Kernels | null = null;

/** The kernels asked for do not exist, or not on this machine. */
export class KernelSelectionError extends Error {
  override readonly name = "KernelSelectionError";
  readonly requested: string;
  readonly available: readonly KernelName[];

  constructor(requested: string, available: readonly KernelName[]) {
    const problem = (kernelNames as string[]).includes(requested) ? "are not available here" : "do not exist";
    super(`kernels "${requested}" ${problem}; available: auto, ${available.join(", ")} (SOLVEGRAD_KERNELS chooses)`);
    this.requested = requested;
    this.available = available;
  }
}

/** The kernel set of this name, or null when this machine cannot run it. Loaded once. */
export function loadKernels(name: KernelName): Kernels | null {
  let set = loaded.get(name);
  if (set === undefined) {
    const raw = loaders[name]();
    set = raw && checked(raw);
    loaded.set(name, set);
  }
  return set;
}

/** The names of the kernel sets that run on this machine, the preferred one first. */
export function availableKernels(): KernelName[] {
  return kernelNames.filter((name) => loadKernels(name) !== null);
}

/**
 * The kernels in use, picked at the first call: those that the environment variable SOLVEGRAD_KERNELS names, or with
 * `auto` (the default) native ones, then wasm, then the reference. Throws a `KernelSelectionError` when they cannot be had.
 */
export function activeKernels(): Kernels {
  active ??= pick(requestedByEnvironment());
  return active;
}

/** Switches the kernels that `activeKernels` returns from now on, and returns them. Throws like `activeKernels`. */
export function useKernels(name: KernelName | "auto"): Kernels {
  active = pick(name);
  return active;
}

function requestedByEnvironment(): string {
  return (typeof process === "undefined" ? undefined : process.env?.SOLVEGRAD_KERNELS) || "auto";
}

function pick(requested: string): Kernels {
  const candidates = requested === "auto" ? kernelNames : kernelNames.filter((name) => name === requested);
  for (const name of candidates) {
    const set = loadKernels(name);
    if (set) return set;
  }
  throw new KernelSelectionError(requested, availableKernels());
}
