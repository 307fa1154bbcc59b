import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { arch, availableParallelism, cpus, platform } from "node:os";
import { activeKernels, availableKernels, type Kernels } from "@solvegrad/linalg";
import { exitCodes } from "../exit.ts";

/** `solvegrad info`: what computes here. */
export function infoCommand({ json }: { json?: boolean }): number {
  const facts = information();
  if (json) {
    process.stdout.write(`${JSON.stringify(facts)}\n`);
    return exitCodes.solved;
  }
  const lines: [string, string][] = [
    ["solvegrad", facts.version],
    ["kernels", kernelWords(facts.kernels)],
    ["available", facts.kernels.available.join(", ")],
    ["node", `${facts.node} (V8 ${facts.v8})`],
    ["machine", `${facts.platform} ${facts.arch}, ${facts.cores} x ${facts.processor}`],
  ];
  process.stdout.write(lines.map(([name, value]) => `${name.padEnd(12)}${value}\n`).join(""));
  return exitCodes.solved;
}

/** The machine and the software that a result came from. */
export type Information = ReturnType<typeof information>;

/** What `solvegrad info` prints and every page names. Throws a `KernelSelectionError` for kernels that cannot be had. */
export function information() {
  const kernels = activeKernels();
  return {
    version: version(),
    kernels: {
      name: kernels.name,
      description: kernels.description,
      threads: kernels.threads,
      available: availableKernels(),
    },
    node: process.version,
    v8: process.versions.v8,
    platform: platform(),
    arch: arch(),
    cores: availableParallelism(),
    processor: (cpus()[0]?.model ?? "unknown processor").trim(),
  };
}

/** The version of this package. */
export function version(): string {
  return JSON.parse(readFileSync(createRequire(import.meta.url).resolve("../../package.json"), "utf8")).version;
}

/** "native (OpenBLAS 0.3.21), 2 threads". */
export function kernelWords({ name, description, threads }: Pick<Kernels, "name" | "description" | "threads">): string {
  return `${name} (${description}), ${threads} ${threads === 1 ? "thread" : "threads"}`;
}
