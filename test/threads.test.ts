import { execFileSync } from "node:child_process";
import { loadKernels } from "@solvegrad/linalg";
import { expect, it } from "vitest";
import { root } from "./command-line.ts";

/** Prints how many threads OpenBLAS is set to after a product of each size, in a process that has two. */
const script = `
  import { createRequire } from "node:module";
  import { loadKernels, view } from "@solvegrad/linalg";
  const koffi = createRequire(process.cwd() + "/packages/linalg/package.json")("koffi");
  const threads = koffi.load(process.env.SOLVEGRAD_BLAS || "libopenblas.so.0").func("int openblas_get_num_threads()");
  const kernels = loadKernels("native");
  const counts = [100, 700, 100].map((n) => {
    const [A, B, C] = [1, 2, 3].map((value) => view(new Float64Array(n * n).fill(value), [n, n]));
    kernels.gemm(1, A, B, 0, C);
    if (C.data.some((entry) => entry !== 2 * n)) throw new Error("wrong product");
    return threads();
  });
  console.log(JSON.stringify(counts));
`;

const isOpenBlas = loadKernels("native")?.description.startsWith("OpenBLAS") ?? false;

it.skipIf(!isOpenBlas)("a large product runs on all of OpenBLAS's threads, a small one on one", () => {
  const environment = { ...process.env, OPENBLAS_NUM_THREADS: "2" };
  const flags = ["--input-type=module", "--eval", script];
  const output = execFileSync(process.execPath, flags, { cwd: root, env: environment, encoding: "utf8" });
  expect(JSON.parse(output)).toEqual([1, 2, 1]);
});
