import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));
export const bin = join(root, "packages/cli/dist/bin.js");

if (!existsSync(bin)) throw new Error(`${bin} is missing: run "npm run build" before these tests`);

/** How a command ended and what it wrote. */
export interface Outcome {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** Goes to the standard input. */
  readonly input?: string;
  readonly env?: Record<string, string>;
  readonly cwd?: string;
  /** Sees the process as soon as it runs, for a signal at the right moment. */
  readonly onStart?: (child: ChildProcess) => void;
}

/** Runs the built command line as a user's shell would. */
export function solvegrad(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const { input = "", env = {}, cwd = root, onStart } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [bin, ...args], { cwd, env: { ...process.env, ...env } });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text) => {
      stderr += text;
    });
    child.stdin.on("error", () => {});
    child.stdin.end(input);
    child.on("error", reject);
    child.on("close", (exitCode, signal) => resolve({ exitCode, signal, stdout, stderr }));
    onStart?.(child);
  });
}

/** The lines of a text, the last line break not counted. */
export function lines(text: string): string[] {
  return text === "" ? [] : text.replace(/\n$/, "").split("\n");
}
