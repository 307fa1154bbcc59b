import { setV8Flag } from "#native";
import { runs, WasmModule } from "./module.ts";
import { base64 as relaxedSimd } from "./relaxed-simd.generated.ts";
import { base64 as simd } from "./simd.generated.ts";

/** Fastest first: relaxed SIMD has the fused multiply-add. The two differ in the last bits of a result. */
const variants = [
  { name: "relaxed SIMD (fused multiply-add)", base64: relaxedSimd, flag: "--experimental-wasm-relaxed-simd" },
  { name: "SIMD", base64: simd, flag: null },
];

let instance: WasmModule | null | undefined;

/** The kernels compiled and instantiated once, in the best variant that this engine validates; null where it has none. */
export function wasmModule(): WasmModule | null {
  if (instance === undefined) instance = instantiate();
  return instance;
}

function instantiate(): WasmModule | null {
  for (const { name, base64, flag } of variants) {
    const code = decode(base64);
    if (flag && !runs(code)) setV8Flag(flag);
    if (runs(code)) return new WasmModule(code, name);
  }
  return null;
}

function decode(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}
