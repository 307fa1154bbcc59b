import { describe, expect, it } from "vitest";
import { flat, type Numbers } from "../packages/optlayers/test/support/golden.ts";
import { goldenOfKind } from "../packages/optlayers/test/support/golden-kinds.ts";
import { solvegrad } from "./command-line.ts";

const solveJson = async (problem: unknown, ...options: string[]) => {
  const outcome = await solvegrad(["solve", "-", "--json", ...options], { input: JSON.stringify(problem) });
  return { ...outcome, report: outcome.stdout === "" ? null : JSON.parse(outcome.stdout) };
};

/** The largest difference relative to the largest expected number. */
function relativeError(actual: Numbers, expected: Numbers): number {
  const [a, e] = [flat(actual), flat(expected)];
  expect(a.length).toBe(e.length);
  return Math.max(0, ...a.map((value, i) => Math.abs(value - e[i]))) / Math.max(1, ...e.map(Math.abs));
}

interface Comparison {
  readonly rules: readonly {
    readonly rule: string;
    readonly cosine: number;
    readonly relativeDifferences: Record<string, number>;
  }[];
  readonly truncation: readonly unknown[];
  readonly convergence: readonly { readonly jacobianError: number }[];
}

const sparsemaxProblems = goldenOfKind("sparsemax");
const entropyProblems = goldenOfKind("entropy");

describe.skipIf(sparsemaxProblems.length === 0)("solve --json on golden problems of kind sparsemax", () => {
  const rules = ["implicit", "alternating", "unrolled"];
  it.each(sparsemaxProblems.flatMap((problem) => rules.map((rule) => ({ problem, rule, id: problem.id }))))(
    "gives the exact solution and gradients of $id by the $rule rule, that of total too",
    async ({ problem: { params, c, solution, grad }, rule }) => {
      const input = { kind: "sparsemax", ...params, cotangent: c };
      const { exitCode, stderr, report } = await solveJson(input, "--differentiation", rule);
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
      expect(report.status).toBe("solved");
      expect(relativeError(report.x, solution.x)).toBeLessThan(1e-8);
      expect(relativeError(report.nu, [solution.nu as number])).toBeLessThan(1e-8);
      expect(relativeError(report.lambda, [...solution.lam_lower, ...solution.lam_upper])).toBeLessThan(1e-8);
      expect(Object.keys(report.gradient)).toEqual(["y", "u", "total"]);
      for (const [name, expected] of Object.entries(grad)) {
        expect(relativeError(report.gradient[name], expected as Numbers), name).toBeLessThan(1e-8);
      }
    },
  );
});

describe.skipIf(entropyProblems.length === 0)("solve --json on golden problems of kind entropy", () => {
  const rules = ["implicit", "alternating", "unrolled"];
  it.each(entropyProblems.flatMap((problem) => rules.map((rule) => ({ problem, rule, id: problem.id }))))(
    "gives the exact solution and gradients of $id by the $rule rule",
    async ({ problem: { params, c, solution, grad }, rule }) => {
      const input = { kind: "entropy", ...params, cotangent: c };
      const { exitCode, stderr, report } = await solveJson(input, "--differentiation", rule);
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
      expect(report.status).toBe("solved");
      expect(relativeError(report.x, solution.x)).toBeLessThan(1e-8);
      expect(relativeError(report.nu, solution.nu)).toBeLessThan(1e-8);
      expect(relativeError(report.lambda, solution.lam)).toBeLessThan(1e-8);
      expect(Object.keys(report.gradient)).toEqual(Object.keys(params));
      for (const [name, expected] of Object.entries(grad)) {
        expect(relativeError(report.gradient[name], expected as Numbers), name).toBeLessThan(1e-8);
      }
    },
  );
});

describe("solve --json for kinds sparsemax and entropy", () => {
  it("takes batches, a total an item, and sums the gradients of shared data", async () => {
    const input = {
      kind: "sparsemax",
      y: [
        [1, 0.5],
        [0, 3],
      ],
      u: [2, 0.75],
      total: [1, 2],
      cotangent: [1, 3],
    };
    const { report } = await solveJson(input);
    expect(report.x).toEqual([
      [0.75, 0.25],
      [1.25, 0.75],
    ]);
    expect(report.gradient).toEqual({
      y: [
        [-1, 1],
        [0, 0],
      ],
      u: [0, 2],
      total: [2, 1],
    });
    const entropy = {
      kind: "entropy",
      y: [
        [0, 0],
        [1, 1],
      ],
      A: [[1, 1]],
      b: [1],
      cotangent: [2, 0],
    };
    const solved = await solveJson(entropy);
    expect(
      relativeError(solved.report.x, [
        [0.5, 0.5],
        [0.5, 0.5],
      ]),
    ).toBeLessThan(1e-12);
    expect(relativeError(solved.report.gradient.b, [2])).toBeLessThan(1e-12);
  });

  it("makes a batch of a single problem when only the cotangent is one", async () => {
    const { report } = await solveJson({
      kind: "sparsemax",
      y: [1, 0.5],
      total: 1,
      cotangent: [
        [1, 0],
        [0, 2],
      ],
    });
    expect(report.x).toEqual([
      [0.75, 0.25],
      [0.75, 0.25],
    ]);
    expect(relativeError(report.gradient.y, [-0.5, 0.5])).toBeLessThan(1e-15);
    expect(relativeError(report.gradient.total, 1.5)).toBeLessThan(1e-15);
  });

  it.each([
    { kind: "sparsemax", y: [1, 2], u: [0.2, 0.2] },
    { kind: "entropy", y: [1, 2], A: [[1, 1]], b: [-1] },
  ])("proves that $kind with contradicting constraints is infeasible: 3", async (problem) => {
    const { exitCode, report } = await solveJson(problem);
    expect(exitCode).toBe(3);
    expect(report).toMatchObject({ status: "primal_infeasible", x: null, certificate: { kind: "primal_infeasible" } });
  });

  it.each([
    ["a missing y", { kind: "sparsemax", u: [1] }, "y is missing, expected a list of n numbers"],
    ["a wrong shape", { kind: "entropy", y: [1], A: [[1, 1]], b: [1] }, "A has shape (1, 2), expected (1, 1)"],
    ["a word for a total", { kind: "sparsemax", y: [1], total: "one" }, 'total is "one", expected'],
  ])("says in one line what is wrong with %s: 2", async (_name, problem, message) => {
    const { exitCode, stderr, stdout } = await solveJson(problem);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
    expect(stderr).toContain(message);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });

  it("compares the rules on an entropy program, in the names of its data", async () => {
    const input = JSON.stringify({
      kind: "entropy",
      y: [1, 0.5, -2],
      A: [[1, 1, 1]],
      b: [1],
      G: [[1, 0, 0]],
      h: [0.3],
    });
    const { exitCode, stdout } = await solvegrad(["compare", "-", "--json"], { input });
    expect(exitCode).toBe(0);
    const { rules, truncation, convergence } = JSON.parse(stdout) as Comparison;
    expect(rules.map(({ rule }) => rule)).toEqual(["implicit", "alternating", "unrolled"]);
    for (const { cosine, relativeDifferences } of rules) {
      expect(cosine).toBeGreaterThan(1 - 1e-9);
      expect(Object.keys(relativeDifferences)).toEqual(["y", "A", "b", "G", "h"]);
    }
    expect(truncation).toHaveLength(6);
    expect(convergence.at(-1)?.jacobianError).toBeLessThan(1e-3 * (convergence[0]?.jacobianError ?? 0));
  });

  it("projects on a box cut by equations, by its structure and by the general rules", async () => {
    // x = clip(y - nu [1, 2], lower, upper) with x1 + 2 x2 = 1: nu = 0.5, x = (0.5, 0.25)
    const input = {
      kind: "sparsemax",
      y: [1, 1.25],
      A: [[1, 2]],
      b: [1],
      lower: [null, -1],
      upper: [0.75, "inf"],
      cotangent: [1, 0],
    };
    for (const rule of ["implicit", "alternating", "unrolled"]) {
      const { exitCode, stderr, report } = await solveJson(input, "--differentiation", rule);
      expect({ exitCode, stderr }, rule).toEqual({ exitCode: 0, stderr: "" });
      expect(relativeError(report.x, [0.5, 0.25])).toBeLessThan(1e-8);
      expect(relativeError(report.nu, [0.5])).toBeLessThan(1e-8);
      expect(Object.keys(report.gradient)).toEqual(["y", "A", "b", "lower", "upper"]);
      // dx = dy - a (a'dy - db) / 5
      expect(relativeError(report.gradient.y, [0.8, -0.4])).toBeLessThan(1e-8);
      expect(relativeError(report.gradient.b, [0.2])).toBeLessThan(1e-8);
      expect(relativeError(report.objective, 0.625)).toBeLessThan(1e-8);
    }
  });

  it("refuses a sparsemax problem that is stated in both ways", async () => {
    const { exitCode, stderr } = await solveJson({ kind: "sparsemax", y: [1, 2], u: [1, 1], A: [[1, 1]], b: [1] });
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/u and A were given, expected u and total \(a simplex\), or A, b, lower and upper/);
  });

  it("compares the rules on a sparsemax problem, through ADMM as a QP", async () => {
    const input = JSON.stringify({ kind: "sparsemax", y: [1, 0.5, -2], u: [0.6, 1, 1] });
    const { exitCode, stdout } = await solvegrad(["compare", "-", "--json"], { input });
    expect(exitCode).toBe(0);
    const { rules } = JSON.parse(stdout) as { rules: { rule: string; cosine: number }[] };
    expect(rules.map(({ rule }) => rule)).toEqual(["implicit", "alternating", "unrolled"]);
    for (const { cosine } of rules) expect(cosine).toBeGreaterThan(1 - 1e-9);
  });
});
