import { describe, expect, it } from "vitest";
import { lines, solvegrad } from "./command-line.ts";

const run = async (command: string, problem: unknown, ...options: string[]) => {
  const outcome = await solvegrad([command, "-", "--json", ...options], { input: JSON.stringify(problem) });
  return { ...outcome, report: outcome.stdout === "" ? null : JSON.parse(outcome.stdout) };
};

/** minimize x1^2 + x2^2/2 - x1 + 2 x2 on x1 <= 0.1, 3 x1 + x2 >= -1, x1 >= -5, x2 >= -0.5: x = (0.1, -0.5). */
const problem = {
  kind: "qp",
  Q: { shape: [2, 2], indptr: [0, 1, 2], indices: [0, 1], data: [2, 1] },
  q: [-1, 2],
  // the rows of the first column out of order
  G: { shape: [2, 2], indptr: [0, 2, 3], indices: [1, 0, 1], data: [3, 1, 1] },
  l: [null, -1],
  u: [0.1, "inf"],
  lower: [-5, -0.5],
  upper: [1e30, null],
  cotangent: [1, 3],
};

describe("solve --json on a QP with sparse matrices, two-sided rows and bounds", () => {
  it.each(["implicit", "alternating", "unrolled"])(
    "gives solution, duals and gradients by the %s rule",
    async (rule) => {
      const { exitCode, stderr, report } = await run("solve", problem, "--differentiation", rule);
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
      const close = (values: readonly number[]) => values.map((value) => expect.closeTo(value, 7));
      expect(report.x).toEqual(close([0.1, -0.5]));
      expect(report.lambda).toEqual(close([0.8, 0]));
      expect(report.zeta).toEqual(close([0, -1.5]));
      expect(report.objective).toBeCloseTo(-0.965, 7);
      // both entries of x are held: x1 follows u1, x2 its lower bound
      const { gradient } = report;
      expect(Object.keys(gradient)).toEqual(["Q", "q", "G", "l", "u", "lower", "upper"]);
      expect(gradient.u).toEqual(close([1, 0]));
      expect(gradient.lower).toEqual(close([0, 3]));
      expect(gradient.q).toEqual(close([0, 0]));
    },
  );

  it("gives the gradient of a sparse matrix on its pattern, in the order of the file", async () => {
    const { gradient } = (await run("solve", problem)).report;
    const { shape, indptr, indices } = problem.G;
    // x1 = u1 / G11: d c'x / dG11 = -x1 / G11
    expect(gradient.G).toEqual({ shape, indptr, indices, data: [0, expect.closeTo(-0.1, 8), 0] });
    expect(gradient.Q.indices).toEqual(problem.Q.indices);
  });

  it("agrees with the dense problem of the same rows", async () => {
    const { Q, lower, upper, l, u, G, ...rest } = problem;
    const dense = { ...rest, Q: [[2, 0], [0, 1]], G: [[1, 0], [-3, -1], [-1, 0], [0, -1]], h: [0.1, 1, 5, 0.5] }; // biome-ignore format: a matrix
    const [a, b] = [(await run("solve", problem)).report, (await run("solve", dense)).report];
    expect(b.x).toEqual(a.x.map((value: number) => expect.closeTo(value, 7)));
    expect(b.objective).toBeCloseTo(a.objective, 7);
    expect(b.gradient.h[0]).toBeCloseTo(a.gradient.u[0], 7);
    expect(b.gradient.h[3]).toBeCloseTo(-a.gradient.lower[1], 7);
  });

  it("calls the upper bound of Gx by the name that it came with", async () => {
    const { gradient } = (await run("solve", { ...problem, l: null, u: null, h: [0.1, null] })).report;
    expect(gradient.h).toEqual([expect.closeTo(1, 7), 0]);
    expect(gradient).not.toHaveProperty("u");
  });

  it("solves a linear program that has no Q, and batches over one pattern", async () => {
    const { exitCode, report } = await run("solve", {
      kind: "qp",
      q: [[-1, 0], [1, -2]],
      lower: [0, 0],
      upper: [2, 3],
      G: { shape: [1, 2], indptr: [0, 1, 2], indices: [0, 0], data: [[1, 1], [1, 2]] },
      u: [2.5],
      cotangent: [1, 1],
    }); // biome-ignore format: matrices
    expect(exitCode).toBe(0);
    expect(report.x[1]).toEqual([expect.closeTo(0, 7), expect.closeTo(1.25, 7)]);
    expect(report.gradient.G.data).toHaveLength(2);
    expect(report.gradient.u).toHaveLength(1);
  });

  it("keeps dense rules for a small problem whose matrix is sparse, in the order of its entries", async () => {
    const entropy = {
      kind: "entropy",
      y: [1, 0],
      A: { shape: [1, 2], indptr: [0, 1, 2], indices: [0, 0], data: [1, 1] },
      b: [1],
    };
    const { report } = await run("solve", { ...entropy, cotangent: [1, 0] });
    const x1 = Math.E / (Math.E + 1);
    expect(report.x[0]).toBeCloseTo(x1, 9);
    expect(report.gradient.A).toMatchObject({ shape: [1, 2], data: [expect.any(Number), expect.any(Number)] });
    expect(report.gradient.b).toEqual([expect.closeTo(x1, 9)]);
  });

  it("finds crossed bounds infeasible: 3, and says which", async () => {
    const { exitCode, report } = await run(
      "solve",
      { kind: "qp", q: [1, 1], lower: [0, 2], upper: [1, 1.5] },
      "--explain",
    );
    expect(exitCode).toBe(3);
    expect(report).toMatchObject({ status: "primal_infeasible", x: null, certificate: { crossed: 1 } });
    expect(report.explanation.conflict.rows.map(({ constraint }: { constraint: string }) => constraint)).toEqual([
      "x[1]",
      "x[1]",
    ]);
  });

  it("finds an unbounded linear program: 3, with a direction", async () => {
    const { exitCode, report } = await run("solve", { kind: "qp", q: [-1, 0], lower: [0, 0] });
    expect(exitCode).toBe(3);
    expect(report.status).toBe("dual_infeasible");
    expect(report.certificate.direction[0]).toBeGreaterThan(0);
  });

  const mistakes: [string, object, RegExp][] = [
    ["two names of one bound", { h: [1, 1] }, /h and u both came/],
    ["a bound that is a word", { u: [0.1, "much"] }, /u\[1\] is "much", expected a number, or null, "inf" or "-inf"/],
    ["a lower bound of plus infinity", { lower: ["inf", 0] }, /lower/],
    [
      "a sparse matrix with a row too many",
      { G: { ...problem.G, shape: [1, 2] } },
      /indices\[0\] is 1, expected a row from 0 to 0/,
    ],
    ["a sparse matrix of another size", { G: { ...problem.G, shape: [3, 2] } }, /G is 3 x 2; expected 2 x 2/],
    [
      "a word among the entries",
      { G: { ...problem.G, data: [3, "x", 1] } },
      /G\.data\[1\] is "x", expected a finite number/,
    ],
    [
      "a sparse vector",
      { q: { shape: [2, 1], indptr: [0, 1], indices: [1], data: [5] } },
      /q is a sparse matrix, expected a list/,
    ],
    ["a sparse cotangent", { cotangent: problem.G }, /cotangent is an object, expected a list of numbers/],
  ];
  it.each(mistakes)("says in one line what is wrong with %s: 2", async (_, change, message) => {
    const { exitCode, stdout, stderr } = await run("solve", { ...problem, ...change });
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
    expect(lines(stderr)).toHaveLength(1);
    expect(stderr).toMatch(message);
  });
});

describe("compare on a sparse QP", () => {
  it("finds that all rules agree for every datum", async () => {
    const { exitCode, report } = await run("compare", problem);
    expect(exitCode).toBe(0);
    expect(report).toMatchObject({ kind: "sparse_qp_batch", problem: { n: 2, m: 2 }, datum: "q" });
    expect(report.rules.map(({ rule }: { rule: string }) => rule)).toEqual(["implicit", "alternating", "unrolled"]);
    for (const { relativeDifference } of report.rules) expect(relativeDifference).toBeLessThan(1e-6);
  });

  it("takes the rules that are named, in their order", async () => {
    const { report } = await run("compare", problem, "--rules", "unrolled, implicit");
    expect(report.rules.map(({ rule }: { rule: string }) => rule)).toEqual(["unrolled", "implicit"]);
    const wrong = await run("compare", problem, "--rules", "implicit,magic");
    expect(wrong.exitCode).toBe(2);
    expect(wrong.stderr).toBe('solvegrad: --rules names "magic", expected some of implicit, alternating, unrolled\n');
  });
});
