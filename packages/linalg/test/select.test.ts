import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { KernelShapeError, loadKernels, view } from "@solvegrad/linalg";
import { build } from "vite";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";

/** The module with its state fresh, as a process with these environment variables sees it. */
async function freshSelection(environment: Record<string, string> = {}): Promise<typeof import("../src/select.ts")> {
  vi.resetModules();
  vi.stubEnv("SOLVEGRAD_KERNELS", "");
  vi.stubEnv("SOLVEGRAD_BLAS", "");
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  return import("../src/select.ts");
}

afterEach(() => {
  vi.unstubAllEnvs();
});

describe("the choice of kernels", () => {
  it("is the first available of native, wasm and reference by default, and the same object ever after", async () => {
    const { activeKernels, availableKernels } = await freshSelection();
    expect(availableKernels()).toContain("wasm");
    expect(availableKernels().at(-1)).toBe("reference");
    expect(activeKernels().name).toBe(availableKernels()[0]);
    expect(activeKernels()).toBe(activeKernels());
  });

  it.each([["wasm"], ["reference"]] as const)("is %s where SOLVEGRAD_KERNELS says so", async (name) => {
    const { activeKernels } = await freshSelection({ SOLVEGRAD_KERNELS: name });
    expect(activeKernels().name).toBe(name);
  });

  it("refuses a name that is none, in one line with what there is", async () => {
    const { activeKernels, availableKernels } = await freshSelection({ SOLVEGRAD_KERNELS: "cuda" });
    const message = `kernels "cuda" do not exist; available: auto, ${availableKernels().join(", ")}`;
    expect(activeKernels).toThrow(message);
  });

  it("falls back to wasm where SOLVEGRAD_BLAS is no library, and refuses native by name", async () => {
    const { activeKernels, loadKernels, useKernels } = await freshSelection({ SOLVEGRAD_BLAS: "/nowhere/libblas.so" });
    expect(loadKernels("native")).toBeNull();
    expect(activeKernels().name).toBe("wasm");
    expect(() => useKernels("native")).toThrow(
      'kernels "native" are not available here; available: auto, wasm, reference',
    );
    expect(activeKernels().name).toBe("wasm");
  });

  it("falls back to wasm where SOLVEGRAD_BLAS is a library without a BLAS in it", async () => {
    const { loadKernels } = await freshSelection({
      SOLVEGRAD_BLAS: process.platform === "linux" ? "libc.so.6" : "libc.dylib",
    });
    expect(loadKernels("native")).toBeNull();
  });

  it("can be switched, and back to auto", async () => {
    const { activeKernels, availableKernels, useKernels } = await freshSelection();
    expect(useKernels("reference").name).toBe("reference");
    expect(activeKernels().name).toBe("reference");
    expect(useKernels("auto").name).toBe(availableKernels()[0]);
  });
});

describe("bundled into one file, away from node_modules", () => {
  const sources = fileURLToPath(new URL("../src", import.meta.url));
  const folder = mkdtempSync(join(tmpdir(), "solvegrad-linalg-"));

  /** The package in one file, with #native resolved to this source. */
  async function bundle(native: string): Promise<string> {
    const result = await build({
      configFile: false,
      logLevel: "silent",
      root: sources,
      resolve: { alias: { "#native": join(sources, "native", native) } },
      build: {
        write: false,
        target: "es2022",
        lib: { entry: join(sources, "index.ts"), formats: ["es"] },
        rollupOptions: { external: [/^node:/] },
      },
    });
    const [output] = Array.isArray(result) ? result : [result];
    if (!("output" in output)) throw new Error("the bundler watches instead of building");
    const file = join(folder, `${native}.mjs`);
    writeFileSync(file, output.output[0].code);
    return file;
  }

  /** The value of an expression of `linalg` in a fresh process. */
  function evaluate(file: string, expression: string): string {
    const script = `import * as linalg from ${JSON.stringify(file)}; console.log(${expression});`;
    const { SOLVEGRAD_KERNELS: _, ...env } = process.env;
    return execFileSync(process.execPath, ["--input-type=module", "-e", script], { env, encoding: "utf8" }).trim();
  }

  let nodeBundle = "";
  let browserBundle = "";
  beforeAll(async () => {
    nodeBundle = await bundle("node.ts");
    browserBundle = await bundle("none.ts");
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it("runs on wasm where koffi is not installed", () => {
    expect(evaluate(nodeBundle, "linalg.availableKernels().join()")).toBe("wasm,reference");
  });

  it("imports nothing of Node in a browser's bundle, and computes there", () => {
    expect(evaluate(browserBundle, "linalg.activeKernels().name")).toBe("wasm");
    const source = readFileSync(browserBundle, "utf8");
    expect(source).toContain("gemm");
    expect(source).not.toMatch(/from\s*"node:|require\(/);
    const dot =
      "linalg.activeKernels().dot(linalg.view(Float64Array.of(1, 2), [2]), linalg.view(Float64Array.of(3, 4), [2]))";
    expect(evaluate(browserBundle, dot)).toBe("11");
  });
});

describe("a call whose operands do not fit", () => {
  const kernels = loadKernels("reference");
  const matrix = (rows: number, columns: number) => view(new Float64Array(rows * columns), [rows, columns]);

  it("is refused with the kernel, the argument and both shapes", () => {
    const call = () => kernels?.gemm(1, matrix(2, 3), matrix(4, 5), 0, matrix(2, 5));
    expect(call).toThrow(KernelShapeError);
    expect(call).toThrow("gemm: B has shape (4, 5), expected (3, 5)");
    expect(() => kernels?.potrf(matrix(2, 3))).toThrow("potrf: A has shape (2, 3), expected (3, 3)");
    expect(() => kernels?.trsv("lower", matrix(2, 2), view(new Float64Array(3), [3]))).toThrow(
      "trsv: x has shape (3), expected (2)",
    );
  });

  it("is refused where a view leaves its data, or the dtypes differ", () => {
    const short = { ...matrix(2, 2), offset: 1 };
    expect(() => kernels?.gemm(1, short, matrix(2, 2), 0, matrix(2, 2))).toThrow(
      "gemm: A spans entries 1 to 4, but its data has 4 entries",
    );
    const single = view(new Float32Array(2), [2]);
    const double = view(new Float64Array(2), [2]);
    expect(() => kernels?.axpy(1, single as never, double)).toThrow("axpy: x is float32, but the output is float64");
  });
});
