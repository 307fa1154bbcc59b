import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { lines, solvegrad } from "./command-line.ts";

const env = { SOLVEGRAD_KERNELS: "wasm" };
const solve = (input: string, ...options: string[]) => solvegrad(["solve", "-", ...options], { input, env });
const columns = { shape: [2, 2], indptr: [0, 1, 2], indices: [0, 1], data: [1, 1] };

async function refusal(input: string): Promise<string> {
  const { exitCode, stdout, stderr } = await solve(input);
  expect({ exitCode, stdout, lines: lines(stderr).length }).toEqual({ exitCode: 2, stdout: "", lines: 1 });
  return stderr;
}

describe("input that exhausts: 2, in one line", () => {
  it("a hundred thousand lists that never end", async () => {
    expect(await refusal("[".repeat(100_000))).toContain("standard input is not valid JSON");
  });

  it.runIf(existsSync("/dev/zero"))("a device without an end", async () => {
    const { exitCode, stderr } = await solvegrad(["solve", "/dev/zero"], { env });
    expect(exitCode).toBe(2);
    expect(stderr).toContain("/dev/zero has more than 511 MiB");
  });

  it("a heading of a million letters is quoted in part", async () => {
    const stderr = await refusal(`NAME\n${"X".repeat(1_000_000)}\n`);
    expect(stderr).toContain("line 2: unknown section XXX");
    expect(stderr.length).toBeLessThan(1100);
  });

  it("a heading with a terminal's escape sequence is shown, not obeyed", async () => {
    expect(await refusal("NAME\n\u001b[31mROWS\n")).toContain("unknown section \\u001b[31mROWS");
  });
});

describe("compressed columns", () => {
  it.each(["shape", "indptr", "indices"] as const)("whose %s is a list in a list: 2", async (part) => {
    const Q = { ...columns, [part]: [columns[part]] };
    const stderr = await refusal(JSON.stringify({ kind: "qp", Q, q: [1, 2] }));
    expect(stderr).toContain(`Q.${part} is nested 2 lists deep, expected a list of numbers`);
  });

  it("a Q at the end of the range is not infinite in the mean with its mirror: no internal error", async () => {
    const Q = { ...columns, data: [1e308, 1e308] };
    const { exitCode, stdout, stderr } = await solve(JSON.stringify({ kind: "qp", Q, q: [1, 2] }), "--json");
    expect({ stderr, known: exitCode === 0 || exitCode === 4 }).toEqual({ stderr: "", known: true });
    expect(JSON.parse(stdout).x).toEqual([-1e-308, -2e-308]);
  });
});

describe("large problems", () => {
  it("are explained: 150,000 entries are no arguments of one call", async () => {
    const y = new Array(150_000).fill(1);
    const { exitCode, stderr } = await solve(JSON.stringify({ kind: "sparsemax", y }), "--explain");
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  });

  it("of 400 variables without curvature or constraints are unbounded, in cubic time", async () => {
    const Q = Array.from({ length: 400 }, () => new Array(400).fill(0));
    const { exitCode } = await solve(JSON.stringify({ kind: "qp", Q, q: new Array(400).fill(1) }));
    expect(exitCode).toBe(3);
  }, 20_000);
});

describe("words", () => {
  it("compare advises no option that the command line has not", async () => {
    const infeasible = JSON.stringify({ kind: "qp", Q: [[1]], q: [0], G: [[1], [-1]], h: [-1, -1] });
    const { exitCode, stderr } = await solvegrad(["compare", "-"], { input: infeasible, env });
    expect({ exitCode, lines: lines(stderr).length }).toEqual({ exitCode: 3, lines: 1 });
    expect(stderr).toContain("is primal_infeasible, there is nothing to compare");
    expect(stderr).not.toContain("onFailure");
  });

  it("a batch without equalities prints no empty lines for their duals", async () => {
    const batch = { kind: "qp", Q: columns, q: [[1, 2], [3, 4]] }; // biome-ignore format: a matrix
    const { stdout } = await solve(JSON.stringify(batch));
    expect(stdout).not.toMatch(/^nu/m);
    expect(lines(stdout).every((line) => line.trim() !== "")).toBe(true);
  });
});
