import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { falseClaims } from "./fuzz/judge-report.ts";
import { problemFiles } from "./fuzz/problem-files.ts";
import { solveFile } from "./fuzz/solve-file.ts";

const folder = mkdtempSync(join(tmpdir(), "solvegrad-fuzz-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("solvegrad solve on random problem files", () => {
  it("never crashes, hangs, prints NaN or calls solved what is not; npm run fuzz tries more of them", async () => {
    const property = fc.asyncProperty(problemFiles, async (file) => {
      const { faults } = await solveFile(file, join(folder, "problem.json"));
      expect(faults).toEqual([]);
    });
    await fc.assert(property, { numRuns: 300, seed: 1 });
  });

  it("meets every exit code, and both proofs", async () => {
    const seen = new Set<string>();
    for (const file of fc.sample(problemFiles, { numRuns: 200, seed: 2 })) {
      const { exitCode, statuses } = await solveFile(file, join(folder, "problem.json"));
      seen.add(String(exitCode));
      for (const status of statuses) seen.add(status);
    }
    expect([...seen]).toEqual(
      expect.arrayContaining(["0", "2", "3", "4", "solved", "primal_infeasible", "dual_infeasible"]),
    );
  });
});

describe("the judge of a report", () => {
  const text = JSON.stringify({ kind: "qp", Q: [[2]], q: [-4], G: [[1]], h: [1] });
  const right = { status: "solved", x: [1], nu: [], lambda: [2] };

  it("accepts a solution", () => {
    expect(falseClaims(text, right, 1e-9)).toEqual([]);
  });

  it.each([
    ["a violated constraint", { x: [1.001], lambda: [1.998] }],
    ["a slope that is left", { lambda: [1.9] }],
    ["a multiplier of a constraint that does not bind", { x: [0.5], lambda: [3] }],
    ["a multiplier of the wrong sign", { x: [2.5], lambda: [-1] }],
    ["a number that is none", { x: [null] }],
    ["a gradient that is none", { gradient: { q: [null] } }],
  ])("rejects %s", (_name, wrong) => {
    expect(falseClaims(text, { ...right, ...wrong }, 1e-9)).not.toEqual([]);
  });
});
