import { writeFileSync } from "node:fs";
import { run } from "../../packages/cli/src/run.ts";
import { falseClaims } from "./judge-report.ts";
import type { FuzzedFile } from "./problem-files.ts";

/** What `solve` made of a file. */
export interface Outcome {
  readonly exitCode: number;
  readonly seconds: number;
  readonly statuses: readonly string[];
  /** A sentence for everything that must not be. */
  readonly faults: readonly string[];
}

/** Processor seconds that one small file may take; three tapes of 2000 iterations, the most that unrolling makes, take 2.5 on a busy machine. */
const mostSeconds = 4;

/** Runs the command `solve --json` on the file within this process, and judges all that it says. */
export async function solveFile(file: FuzzedFile, path: string): Promise<Outcome> {
  writeFileSync(path, file.text);
  const begin = process.cpuUsage();
  const { exitCode, stdout, stderr } = await captured(["solve", path, "--json", ...file.options]);
  const { user, system } = process.cpuUsage(begin);
  const seconds = (user + system) / 1e6;
  const report = exitCode === 0 || exitCode >= 3 ? parsed(stdout) : null;
  const faults = [
    ...(seconds > mostSeconds ? [`it took ${seconds} s`] : []),
    ...faultsOfExit(exitCode, stdout, stderr),
    ...(report ? faultsOfReport(file, report, exitCode) : []),
  ];
  return { exitCode, seconds, statuses: report ? [report.status].flat().map(String) : [], faults };
}

async function captured(argv: readonly string[]): Promise<{ exitCode: number; stdout: string; stderr: string }> {
  const written = { stdout: "", stderr: "" };
  const originals = { stdout: process.stdout.write, stderr: process.stderr.write };
  for (const stream of ["stdout", "stderr"] as const) {
    process[stream].write = (chunk: Uint8Array | string) => {
      written[stream] += String(chunk);
      return true;
    };
  }
  try {
    return { exitCode: await run(argv), ...written };
  } finally {
    for (const stream of ["stdout", "stderr"] as const) process[stream].write = originals[stream];
  }
}

function faultsOfExit(exitCode: number, stdout: string, stderr: string): string[] {
  const faults: string[] = [];
  if (![0, 2, 3, 4].includes(exitCode)) faults.push(`exit code ${exitCode}: ${stderr.trim()}`);
  if (exitCode === 2 && !/^solvegrad: .+\n$/.test(stderr.replace(/^solvegrad: warning: .*\n/gm, ""))) {
    faults.push(`bad input without one clear line: ${JSON.stringify(stderr)}`);
  }
  if (exitCode === 2 && stdout !== "") faults.push("bad input with output");
  if (exitCode !== 2 && parsed(stdout) === null)
    faults.push(`no JSON: ${stdout.slice(0, 100)} ${stderr.slice(0, 200)}`);
  if (/\bNaN\b/.test(stdout)) faults.push("NaN in the output");
  return faults;
}

function parsed(stdout: string): Record<string, unknown> | null {
  try {
    return JSON.parse(stdout);
  } catch {
    return null;
  }
}

function faultsOfReport(file: FuzzedFile, report: Record<string, unknown>, exitCode: number): string[] {
  const statuses = [report.status].flat();
  const isInfeasible = (status: unknown) => status === "primal_infeasible" || status === "dual_infeasible";
  const isUsable = (status: unknown) => status === "solved" || status === "solved_inaccurate";
  // a gradient beyond double precision is left out, with an exit code that says so
  const lacksGradient = JSON.parse(file.text).cotangent && !report.gradient && statuses.some(isUsable);
  const isWhole = statuses.every((status) => status === "solved") && !lacksGradient;
  const expected = statuses.some(isInfeasible) ? 3 : isWhole ? 0 : 4;
  const at = file.options.indexOf("--tolerance");
  const tolerance = at < 0 ? 1e-9 : Number(file.options[at + 1]);
  return [
    ...(exitCode === expected ? [] : [`exit code ${exitCode} with the statuses ${statuses.join()}`]),
    ...(file.isFeasible && statuses.includes("primal_infeasible") ? ["a feasible problem is called infeasible"] : []),
    ...falseClaims(file.text, report, tolerance),
  ];
}
