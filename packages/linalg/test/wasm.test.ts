import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { variants as builds, compile, generatedFile } from "../scripts/build-wasm.js";
import { instantiate, variants } from "../src/wasm/instance.ts";
import { wasmKernels } from "../src/wasm/kernels.ts";
import { generator } from "./random-views.ts";

describe("the compiled WebAssembly", () => {
  it.each(Object.keys(builds))("of %s is what its sources compile to", async (variant) => {
    expect(await readFile(generatedFile(variant), "utf8")).toBe(await compile(variant));
  });

  it.each(variants.map((variant) => [variant.name, variant] as const))("%s runs here", (_, variant) => {
    expect(instantiate(variant)?.variant).toBe(variant.name);
  });
});

describe("WebAssembly memory", () => {
  const square = (data: Float64Array, n: number) => ({ data, shape: [n, n], stride: [n, 1], offset: 0 });

  it("grows past its first size in the middle of a call, and keeps what was staged before", () => {
    const module = instantiate(variants[1]);
    if (!module) throw new Error("no WebAssembly SIMD");
    const kernels = wasmKernels(module);
    const n = 1000;
    const random = generator(1);
    const A = Float64Array.from({ length: n * n }, () => Math.round(8 * random() - 4));
    const identity = new Float64Array(n * n);
    for (let i = 0; i < n; i++) identity[i * (n + 1)] = 1;
    const before = module.buffer.byteLength;
    const C = new Float64Array(n * n);
    kernels.gemm(1, square(A, n), square(identity, n), 0, square(C, n));
    expect(module.buffer.byteLength).toBeGreaterThan(before);
    expect(C.findIndex((value, at) => value !== A[at])).toBe(-1);
  });

  it("lends a region on which the kernels work in place", () => {
    const module = instantiate(variants[1]);
    if (!module) throw new Error("no WebAssembly SIMD");
    const { buffer, address } = module.reserve(3 * 8 * 4);
    const [A, B, C] = [0, 1, 2].map((i) => new Float64Array(buffer, address + i * 32, 4));
    A.set([1, 2, 3, 4]);
    B.set([1, 1, 0, 1]);
    wasmKernels(module).gemm(1, square(A, 2), square(B, 2), 0, square(C, 2));
    expect([...C]).toEqual([1, 3, 3, 7]);
    expect(address % 16).toBe(0);
  });
});
