import { describe, expect, it } from "vitest";
import { solvegrad } from "./command-line.ts";

const explain = async (problem: unknown, ...options: string[]) => {
  const outcome = await solvegrad(["solve", "-", "--explain", ...options], { input: JSON.stringify(problem) });
  return { ...outcome, json: options.includes("--json") ? JSON.parse(outcome.stdout) : null };
};

/** minimize 1/2 x1^2 + x2^2 - x1 - 2 x2 on x1 + x2 = 1, x1 <= 0.2, x2 <= 3. */
const problem = { kind: "qp", Q: [[1, 0], [0, 2]], q: [-1, -2], A: [[1, 1]], b: [1], G: [[1, 0], [0, 1]], h: [0.2, 3] }; // biome-ignore format: matrices

describe("solve --explain", () => {
  it("prints what binds, what its bound is worth and over which range, and the slack of the rest", async () => {
    const { exitCode, stdout } = await explain(problem);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^2 of 3 constraints bind \(solved, objective -1\.14\)$/m);
    expect(stdout).toMatch(
      /^G\[0\] <= 0\.2 +0\.4 +falls by 0\.4 per h\[0\] +\[-2, 0\.333333\] +G\[1\] <= starts to bind +G\[0\] <= stops binding$/m,
    );
    expect(stdout).toMatch(/^G\[1\] <= 3 +0\.8 +2\.2 +0\.73$/m);
  });

  it("gives the same as data", async () => {
    const { json } = await explain(problem, "--json");
    const { binding, slack, conflict, descent } = json.explanation;
    expect(binding[1]).toMatchObject({
      constraint: "G[0]",
      datum: "h",
      index: 0,
      bound: 0.2,
      price: expect.closeTo(-0.4, 8),
    });
    expect(slack[0]).toMatchObject({ constraint: "G[1]", slack: expect.closeTo(2.2, 8) });
    expect({ conflict, descent }).toEqual({ conflict: null, descent: null });
  });

  it("names the rows in conflict: 3", async () => {
    const { exitCode, stdout } = await explain({ ...problem, h: [0.2, 0.3] });
    expect(exitCode).toBe(3);
    expect(stdout).toMatch(/no x satisfies these 3 rows together: weighted and added up, they miss by 0\.5/);
    expect(stdout).toMatch(/relaxed by a total of 0\.5 at least/);
  });

  it("explains every item of a batch", async () => {
    const { json } = await explain({ ...problem, h: [[0.2, 3], [1, 0.5]] }, "--json"); // biome-ignore format: a matrix
    expect(json.explanation).toHaveLength(2);
    const { stdout } = await explain({ ...problem, h: [[0.2, 3], [1, 0.5]] }); // biome-ignore format: a matrix
    expect(stdout).toMatch(/^item 0: 2 of 3 constraints bind/m);
    expect(stdout).toMatch(/^item 1: 2 of 3 constraints bind/m);
  });

  it.each([
    { kind: "sparsemax", y: [1, 0.5, -2], u: [0.6, 1, 1] },
    { kind: "sparsemax", y: [1, 0.5], A: [[1, 2]], b: [1], lower: [0, 0] },
    { kind: "entropy", y: [1, 0.5], A: [[1, 1]], b: [1], G: [[1, 0]], h: [0.3] },
    { kind: "qp", q: [1, 1], lower: [0, 1] },
  ])("explains %j", async (other) => {
    const { exitCode, stdout, json } = await explain(other, "--json");
    expect(exitCode, stdout).toBe(0);
    expect(json.explanation.binding.length).toBeGreaterThan(0);
    for (const { range } of json.explanation.binding.filter(({ datum }: { datum: string }) => datum !== "0"))
      expect(range).not.toBeNull();
  });
});
