import { execFileSync, spawn } from "node:child_process";
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bin, lines, solvegrad } from "./command-line.ts";

const scratch = mkdtempSync(join(tmpdir(), "solvegrad-failures-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const env = { SOLVEGRAD_KERNELS: "wasm" };
const problem = JSON.stringify({ kind: "qp", Q: [[1]], q: [1], cotangent: [1] });

async function refusal(args: readonly string[], input = ""): Promise<string> {
  const { exitCode, stdout, stderr } = await solvegrad(args, { input, env });
  expect({ exitCode, stdout, lines: lines(stderr).length }).toEqual({ exitCode: 2, stdout: "", lines: 1 });
  return stderr;
}

describe("what no memory holds: 2, in one line", () => {
  it("a sparse matrix of two thousand million rows", async () => {
    const A = { shape: [2e15, 1], indptr: [0, 0], indices: [], data: [] };
    const stderr = await refusal(["solve", "-"], JSON.stringify({ kind: "qp", Q: [[1]], q: [1], A, b: [1] }));
    expect(stderr).toContain("A is 2000000000000000 x 1, which does not fit into memory");
  });

  it("a random problem of a hundred thousand variables", async () => {
    expect(await refusal(["compare", "--random", "100000,5,2"])).toContain("a matrix of 100000 x 100000");
    expect(await refusal(["compare", "--random", "1,99999999999,0"])).toContain("a matrix of 99999999999 x 1");
  });
});

describe("names from outside", () => {
  it("a field with a line break in its name is warned of in one line", async () => {
    const { exitCode, stderr } = await solvegrad(["solve", "-"], { input: `${problem.slice(0, -1)},"a\\nb":1}`, env });
    expect({ exitCode, stderr }).toEqual({
      exitCode: 0,
      stderr: 'solvegrad: warning: the field "a\\nb" means nothing and is ignored\n',
    });
  });
});

describe("output that is lost", () => {
  it.runIf(existsSync("/dev/full"))("a full disk under the standard output: 2, in one line", async () => {
    const file = join(scratch, "problem.json");
    writeFileSync(file, problem);
    const child = spawn("/bin/sh", ["-c", `"$0" "$1" solve "$2" > /dev/full`, process.execPath, bin, file]);
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text) => {
      stderr += text;
    });
    const exitCode = await new Promise((resolve) => child.on("close", resolve));
    expect({ exitCode, stderr }).toEqual({
      exitCode: 2,
      stderr: "solvegrad: cannot write to the standard output: no space left on the device\n",
    });
  });

  it.runIf(existsSync("/dev/null"))("a page that goes to a device leaves the device alone", async () => {
    const device = join(scratch, "device.html");
    symlinkSync("/dev/null", device);
    const { exitCode } = await solvegrad(["compare", "-", "--html", device], { input: problem, env });
    expect(exitCode).toBe(0);
    expect(statSync(device).isCharacterDevice()).toBe(true);
  });
});

describe("train mnist --out", () => {
  it.runIf(existsSync("/proc/self"))("a place where no folder can be made: 2, and not a wait without end", async () => {
    expect(await refusal(["train", "mnist", "--steps", "1", "--out", "/proc/solvegrad"])).toContain(
      "cannot write to the folder /proc/solvegrad: no such file or folder",
    );
  });
});

describe("train mnist --resume", () => {
  const whole = join(scratch, "whole");
  const damaged = join(scratch, "damaged");
  const train = (out: string) => ["train", "mnist", "--layer", "none", "--steps", "2", "--out", out];
  beforeAll(() => {
    execFileSync(process.execPath, [bin, ...train(whole)], { env: { ...process.env, ...env }, stdio: "ignore" });
  }, 60_000);

  function copy(): string {
    rmSync(damaged, { recursive: true, force: true });
    mkdirSync(damaged);
    for (const name of ["checkpoint.safetensors", "metrics.jsonl"]) {
      copyFileSync(join(whole, name), join(damaged, name));
    }
    return damaged;
  }

  it("goes on after a process that died while it wrote a line of the metrics", async () => {
    const out = copy();
    appendFileSync(join(out, "metrics.jsonl"), '{"kind":"step","ep');
    const { exitCode, stderr } = await solvegrad([...train(out), "--resume"], { env });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    for (const line of lines(readFileSync(join(out, "metrics.jsonl"), "utf8"))) {
      expect(JSON.parse(line)).toHaveProperty("step");
    }
  });

  const damages: [string, string, string, string][] = [
    ["metrics that are not events", "metrics.jsonl", "null\n", "cannot be read as metrics"],
    ["a checkpoint that is text", "checkpoint.safetensors", "not a checkpoint at all", "ends within its header"],
  ];
  it.each(damages)("refuses %s and leaves the folder alone: 2", async (_, name, content, message) => {
    const file = join(copy(), name);
    writeFileSync(file, content);
    const stderr = await refusal([...train(damaged), "--resume"]);
    expect(stderr).toContain(`${file}: ${message}`);
    expect(readFileSync(file, "utf8")).toBe(content);
  });
});
