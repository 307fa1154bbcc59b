/**
 * Each kernel set on one thread: the median speed of the large kernels, the ratio of wasm to native, and of native to the
 * same BLAS called from C. Run by `npm run bench:kernels`.
 *
 * An OpenBLAS picks its kernels by the processor. WebAssembly's vectors have 128 bits whatever the processor has, so
 * the figures are taken twice on x86: with OpenBLAS's own choice, and with its kernels for AVX2 (256 bits).
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { allocate, type DType, type KernelName, type Kernels, loadKernels, type View, view } from "@solvegrad/linalg";
import { median } from "./median.ts";

interface Work {
  readonly name: string;
  readonly flops: number;
  /** Restores the operands where the kernel overwrites its input. */
  readonly prepare: () => void;
  readonly run: (kernels: Kernels) => void;
}

interface Measured {
  readonly name: string;
  readonly flops: number;
  readonly milliseconds: Partial<Record<KernelName, number>>;
}

interface Report {
  readonly descriptions: string[];
  readonly measured: Measured[];
}

const SETS: readonly KernelName[] = ["native", "wasm", "reference"];
const REPETITIONS = 9;
/** One run of the slow reference is enough. */
const repetitionsOf = (set: KernelName) => (set === "reference" ? 1 : REPETITIONS);

function random(dtype: DType, ...shape: number[]): View {
  const data = allocate(
    dtype,
    shape.reduce((a, b) => a * b, 1),
  );
  for (let i = 0; i < data.length; i++) data[i] = Math.random() - 0.5;
  return view(data, shape);
}

/** Random with n added to each diagonal entry: far from singular. */
function dominant(dtype: DType, ...shape: number[]): View {
  const A = random(dtype, ...shape);
  const n = shape[shape.length - 1];
  for (let i = 0; i < A.data.length; i += n) A.data[i + ((i / n) % n)] += n;
  return A;
}

const nothing = () => {};

/** An operation that overwrites its input starts from a fresh copy each time. */
function inPlace(A: View): { work: View; prepare: () => void } {
  const original = A.data.slice();
  return { work: A, prepare: () => A.data.set(original) };
}

function gemmWork(dtype: DType, n: number): Work {
  const [A, B, C] = [random(dtype, n, n), random(dtype, n, n), random(dtype, n, n)];
  return { name: `gemm ${n} ${dtype}`, flops: 2 * n ** 3, prepare: nothing, run: (on) => on.gemm(1, A, B, 0, C) };
}

function syrkWork(dtype: DType, n: number): Work {
  const [A, C] = [random(dtype, n, n), random(dtype, n, n)];
  return { name: `syrk ${n} ${dtype}`, flops: n ** 3, prepare: nothing, run: (on) => on.syrk(1, A, 0, C) };
}

function gemvWork(dtype: DType, n: number): Work {
  const [A, x, y] = [random(dtype, n, n), random(dtype, n), random(dtype, n)];
  return { name: `gemv ${n} ${dtype}`, flops: 2 * n ** 2, prepare: nothing, run: (on) => on.gemv(1, A, x, 0, y) };
}

function potrfWork(dtype: DType, n: number): Work {
  const { work, prepare } = inPlace(dominant(dtype, n, n));
  return { name: `potrf ${n} ${dtype}`, flops: n ** 3 / 3, prepare, run: (on) => on.potrf(work) };
}

function trsmWork(dtype: DType, n: number): Work {
  const T = dominant(dtype, n, n);
  const { work, prepare } = inPlace(random(dtype, n, n));
  return { name: `trsm ${n} ${dtype}`, flops: n ** 3, prepare, run: (on) => on.trsm("lower", 1, T, work) };
}

function batchedPotrfWork(dtype: DType, count: number, n: number): Work {
  const { work, prepare } = inPlace(dominant(dtype, count, n, n));
  const name = `potrf ${count} x ${n} ${dtype}`;
  return { name, flops: (count * n ** 3) / 3, prepare, run: (on) => on.potrfBatched(work) };
}

const works: (() => Work)[] = [
  () => gemmWork("float64", 1024),
  () => gemmWork("float32", 1024),
  () => syrkWork("float64", 1024),
  () => trsmWork("float64", 1024),
  () => potrfWork("float64", 2000),
  () => gemvWork("float64", 4000),
  () => batchedPotrfWork("float64", 128, 64),
  () => batchedPotrfWork("float64", 128, 100),
];

/** The sets take turns, so that a slow moment of the machine meets them all. */
function measure({ name, flops, prepare, run }: Work): Measured {
  const times: Record<KernelName, number[]> = { native: [], wasm: [], reference: [] };
  for (let repetition = -2; repetition < REPETITIONS; repetition++) {
    for (const set of SETS) {
      const kernels = loadKernels(set);
      if (!kernels || repetition >= repetitionsOf(set) || (set === "reference" && repetition < 0)) continue;
      prepare();
      const start = performance.now();
      run(kernels);
      if (repetition >= 0) times[set].push(performance.now() - start);
    }
  }
  const measured = SETS.filter((set) => times[set].length > 0).map((set) => [set, median(times[set])]);
  return { name, flops, milliseconds: Object.fromEntries(measured) };
}

function report(): Report {
  const sets = SETS.map(loadKernels).filter((set) => set !== null);
  return {
    descriptions: sets.map((set) => `${set.name}: ${set.description}, ${set.threads} thread`),
    measured: works.map((make) => measure(make())),
  };
}

/** Median milliseconds of gemm 1024 in float64 and float32 from C, or the reason why there are none. */
function gemmFromC(environment: NodeJS.ProcessEnv): number[] | string {
  const folder = mkdtempSync(join(tmpdir(), "solvegrad-bench-"));
  const program = join(folder, "gemm");
  const source = fileURLToPath(new URL("../c/gemm.c", import.meta.url));
  try {
    execFileSync("cc", ["-O2", "-o", program, source, "-ldl"], { stdio: "pipe" });
    const library = process.env.SOLVEGRAD_BLAS ?? "libopenblas.so.0";
    const output = execFileSync(program, [library], { env: environment, encoding: "utf8", stdio: "pipe" });
    return output.trim().split("\n").map(Number);
  } catch {
    return "not measured: no C compiler, or no BLAS that it can load";
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const speed = (flops: number, milliseconds: number | undefined): string =>
  milliseconds === undefined ? "-" : (flops / milliseconds / 1e6).toFixed(1);

const ratio = (numerator: number | undefined, denominator: number | undefined): string =>
  numerator === undefined || denominator === undefined ? "-" : (numerator / denominator).toFixed(2);

function printReport(title: string, { descriptions, measured }: Report, fromC: number[] | string): void {
  console.log(`\n${title}`);
  for (const line of descriptions) console.log(`  ${line}`);
  const row = (cells: string[]) =>
    console.log(
      `  ${cells[0].padEnd(26)}${cells
        .slice(1)
        .map((c) => c.padStart(13))
        .join("")}`,
    );
  row(["GFLOP/s (median)", ...SETS, "wasm/native"]);
  for (const { name, flops, milliseconds } of measured) {
    const speeds = SETS.map((set) => speed(flops, milliseconds[set]));
    row([name, ...speeds, ratio(milliseconds.native, milliseconds.wasm)]);
  }
  if (typeof fromC === "string") {
    console.log(`  The same library from C: ${fromC}.`);
    return;
  }
  fromC.forEach((milliseconds, i) => {
    const { name, flops, milliseconds: ours } = measured[i];
    const share = ratio(milliseconds, ours.native);
    console.log(`  ${name} from C: ${speed(flops, milliseconds)} GFLOP/s; native reaches ${share} of it`);
  });
}

/** A fresh process each: OpenBLAS reads its environment once. */
function measureUnder(title: string, coreType: string | null): void {
  const { OPENBLAS_CORETYPE: _, OPENBLAS_L2_SIZE: __, ...inherited } = process.env;
  const environment = { ...inherited, OPENBLAS_NUM_THREADS: "1", ...(coreType && { OPENBLAS_CORETYPE: coreType }) };
  const script = fileURLToPath(import.meta.url);
  const output = execFileSync(process.execPath, [script, "--measure"], { env: environment, encoding: "utf8" });
  printReport(title, JSON.parse(output) as Report, gemmFromC(environment));
}

if (process.argv.includes("--measure")) {
  console.log(JSON.stringify(report()));
} else {
  measureUnder("The library's own choice of kernels", null);
  if (process.arch === "x64") measureUnder("AVX2 kernels (OPENBLAS_CORETYPE=Haswell)", "Haswell");
}
