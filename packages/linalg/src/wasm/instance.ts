import { setV8Flag } from "#native";
import { runs, WasmModule } from "./module.ts";
import { base64 as relaxedSimd } from "./relaxed-simd.generated.ts";
import { base64 as simd } from "./simd.generated.ts";

/** One build of the kernels, and the V8 flag that older engines need for it. */
interface Variant {
  readonly name: string;
  readonly base64: string;
  readonly flag: string | null;
}

/** Fastest first: relaxed SIMD has the fused multiply-add. The two differ in the last bits of a result. */
export const variants: readonly Variant[] = [
  { name: "relaxed SIMD (fused multiply-add)", base64: relaxedSimd, flag: "--experimental-wasm-relaxed-simd" },
  { name: "SIMD", base64: simd, flag: null },
];

/** The variant compiled and instantiated, or null where the engine does not validate it even with its flag. */
export function instantiate({ name, base64, flag }: Variant): WasmModule | null {
  const code = decode(base64);
  if (flag && !runs(code)) setV8Flag(flag);
  return runs(code) ? new WasmModule(code, name) : null;
}

let instance: WasmModule | null | undefined;

/** The one instance in use, in the best variant that this engine has; null where it has none. */
export function wasmModule(): WasmModule | null {
  if (instance === undefined) {
    instance = null;
    for (const variant of variants) instance ??= instantiate(variant);
  }
  return instance;
}

function decode(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}
