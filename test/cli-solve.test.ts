import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { flat, goldenQps, labelledQps, type Numbers } from "../packages/optlayers/test/support/golden.ts";
import { lines, solvegrad } from "./command-line.ts";

const scratch = mkdtempSync(join(tmpdir(), "solvegrad-cli-"));
afterAll(() => rmSync(scratch, { recursive: true }));

function file(name: string, content: unknown): string {
  const path = join(scratch, name);
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

/** minimize 1/2 (x1^2 + x2^2) subject to x1 + x2 = 1, x1 <= 0.2: x = (0.2, 0.8). */
const small = {
  kind: "qp",
  Q: [
    [1, 0],
    [0, 1],
  ],
  q: [0, 0],
  A: [[1, 1]],
  b: [1],
  G: [[1, 0]],
  h: [0.2],
  cotangent: [1, 0],
};

const solveJson = async (problem: unknown, ...options: string[]) => {
  const outcome = await solvegrad(["solve", "-", "--json", ...options], { input: JSON.stringify(problem) });
  return { ...outcome, report: JSON.parse(outcome.stdout) };
};

const unsolvableQps = labelledQps.filter(({ label }) => label !== "degenerate");

/** The extents of nested lists. */
function shape(numbers: Numbers): number[] {
  return typeof numbers === "number" ? [] : [numbers.length, ...(numbers.length > 0 ? shape(numbers[0]) : [])];
}

/** The largest difference relative to the largest expected number, after a check that the shapes agree. */
function relativeError(actual: Numbers, expected: Numbers): number {
  expect(shape(actual)).toEqual(shape(expected));
  const [a, e] = [flat(actual), flat(expected)];
  const size = Math.max(1, ...e.map(Math.abs));
  return Math.max(0, ...a.map((value, i) => Math.abs(value - e[i]))) / size;
}

describe.skipIf(goldenQps.length === 0)("solve --json on the golden problems", () => {
  const rules = ["implicit", "alternating", "unrolled"] as const;
  it.each(goldenQps.flatMap((problem) => rules.map((rule) => ({ problem, rule, id: problem.id }))))(
    "gives the exact solution and gradients of $id by the $rule rule",
    async ({ problem, rule }) => {
      const { params, c, solution, grad } = problem;
      const input = { kind: "qp", ...params, cotangent: c };
      const { exitCode, stderr, report } = await solveJson(input, "--differentiation", rule);
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
      expect(new Set(flat(report.status))).toEqual(new Set(["solved"]));
      expect(relativeError(report.x, solution.x)).toBeLessThan(1e-6);
      expect(relativeError(report.nu, solution.nu)).toBeLessThan(1e-6);
      expect(relativeError(report.lambda, solution.lam)).toBeLessThan(1e-6);
      expect(Object.keys(report.gradient)).toEqual(Object.keys(params));
      for (const [name, expected] of Object.entries(grad)) {
        expect(relativeError(report.gradient[name], expected), `gradient of ${name}`).toBeLessThan(1e-6);
      }
    },
  );
});

describe.skipIf(unsolvableQps.length === 0)("solve --json on the golden problems without solution", () => {
  it.each(unsolvableQps.flatMap((problem) => ["implicit", "alternating"].map((rule) => ({ ...problem, rule }))))(
    "finds that $id is $label by the solver of the $rule rule: 3",
    async ({ params, label, rule }) => {
      const { exitCode, report } = await solveJson({ kind: "qp", ...params }, "--differentiation", rule);
      expect(exitCode).toBe(3);
      expect(report.status).toBe(label === "infeasible" ? "primal_infeasible" : "dual_infeasible");
    },
  );
});

describe("solve --json", () => {
  it("prints every field of the contract", async () => {
    const { exitCode, stderr, report } = await solveJson(small);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(report.status).toBe("solved");
    expect(relativeError(report.x, [0.2, 0.8])).toBeLessThan(1e-8);
    expect(relativeError(report.nu, [-0.8])).toBeLessThan(1e-8);
    expect(relativeError(report.lambda, [0.6])).toBeLessThan(1e-8);
    expect(report.objective).toBeCloseTo(0.34, 8);
    expect(Object.keys(report.residuals)).toEqual(["primal", "dual", "gap"]);
    expect(Math.max(...(Object.values(report.residuals) as number[]))).toBeLessThan(1e-8);
    expect(report.iterations).toBeGreaterThan(0);
    expect(report.milliseconds).toBeGreaterThan(0);
    expect(relativeError(report.gradient.h, [1])).toBeLessThan(1e-7);
    expect(relativeError(report.gradient.b, [0])).toBeLessThan(1e-7);
  });

  it("leaves out the gradient without a cotangent, and the duals of constraints that are not there are empty", async () => {
    const { report } = await solveJson({ kind: "qp", Q: [[2]], q: [-2] });
    expect(relativeError(report.x, [1])).toBeLessThan(1e-8);
    expect([report.nu, report.lambda]).toEqual([[], []]);
    expect(report).not.toHaveProperty("gradient");
  });

  it("gives leading dimensions to a batch, sums the gradients of shared data, and shares a cotangent", async () => {
    const { report } = await solveJson({ kind: "qp", Q: [[1]], q: [[-1], [-2], [3]], cotangent: [2] });
    expect(report.status).toEqual(["solved", "solved", "solved"]);
    expect(relativeError(report.x, [[1], [2], [-3]])).toBeLessThan(1e-8);
    expect(relativeError(report.gradient.q, [[-2], [-2], [-2]])).toBeLessThan(1e-8);
    expect(relativeError(report.gradient.Q, [[0]])).toBeLessThan(1e-8);
    expect(report.iterations).toHaveLength(3);
  });

  it("makes a batch of a single problem when only the cotangent is one", async () => {
    const { report } = await solveJson({ kind: "qp", Q: [[2]], q: [-2], cotangent: [[2], [6]] });
    expect(relativeError(report.x, [[1], [1]])).toBeLessThan(1e-8);
    expect(relativeError(report.gradient.q, [-4])).toBeLessThan(1e-8);
  });

  it("reads sparse matrices", async () => {
    const Q = { shape: [2, 2], indptr: [0, 1, 2], indices: [0, 1], data: [1, 1] };
    const { report } = await solveJson({ ...small, Q });
    expect(relativeError(report.x, [0.2, 0.8])).toBeLessThan(1e-8);
  });

  it("stops earlier with a looser tolerance", async () => {
    const loose = await solveJson(small, "--differentiation", "alternating", "--tolerance", "1e-2");
    const tight = await solveJson(small, "--differentiation", "alternating", "--tolerance", "1e-10");
    expect(loose.report.iterations).toBeLessThan(tight.report.iterations);
  });
});

describe("solve for people", () => {
  it("prints the solution and the gradients as text", async () => {
    const { exitCode, stdout } = await solvegrad(["solve", file("small.json", small)]);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^solved {2}\(\d+ iterations, \d+\.\d\d ms\)/);
    expect(stdout).toMatch(/^x +0\.2 +0\.8$/m);
    expect(stdout).toMatch(/^gradient of cotangent'x \(implicit/m);
  });

  it("warns of a field that means nothing", async () => {
    const { exitCode, stderr } = await solvegrad(["solve", "-"], { input: JSON.stringify({ ...small, g: [] }) });
    expect(exitCode).toBe(0);
    expect(lines(stderr)).toEqual(['solvegrad: warning: the field "g" means nothing and is ignored']);
  });
});

describe("solve says in one line what is wrong, and by its exit code which kind of wrong", () => {
  const badInput: [string, () => string[], string | undefined, RegExp][] = [
    [
      "bad JSON",
      () => ["solve", file("bad.json", '{"kind": "qp",\n "Q": [[1,]]}')],
      undefined,
      /bad\.json is not valid JSON: line 2, column 11: value expected/,
    ],
    ["bad JSON in a pipe", () => ["solve", "-"], "{", /standard input is not valid JSON: line 1, column 2/],
    [
      "a missing file",
      () => ["solve", join(scratch, "none.json")],
      undefined,
      /cannot read .*none\.json: no such file or folder/,
    ],
    ["a folder", () => ["solve", scratch], undefined, /cannot read .*: it is a folder, not a file/],
    ["an unknown kind", () => ["solve", "-"], '{"kind": "lp"}', /kind is "lp", expected "qp"/],
    [
      "a kind of a later version",
      () => ["solve", "-"],
      '{"kind": "cone"}',
      /kind "cone" are not supported by this version/,
    ],
    ["a format of a later version", () => ["solve", "model.dat-s"], undefined, /SDPA files are not supported/],
    [
      "a wrong shape",
      () => ["solve", "-"],
      JSON.stringify({ ...small, q: [0, 0, 0] }),
      /solvegrad: Q has shape \(2, 2\), expected \(3, 3\)/,
    ],
    [
      "a wrong shape of the cotangent",
      () => ["solve", "-"],
      JSON.stringify({ ...small, cotangent: [1] }),
      /cotangent has the shape 1, expected 2/,
    ],
    ["A without b", () => ["solve", "-"], JSON.stringify({ ...small, b: null }), /A came without b/],
    ["a missing Q", () => ["solve", "-"], '{"kind": "qp", "q": [1]}', /Q is missing/],
    [
      "an asymmetric Q",
      () => ["solve", "-"],
      JSON.stringify({
        ...small,
        Q: [
          [1, 2],
          [0, 1],
        ],
      }),
      /Q is not symmetric/,
    ],
    [
      "an indefinite Q",
      () => ["solve", "-"],
      JSON.stringify({
        ...small,
        Q: [
          [1, 0],
          [0, -1],
        ],
      }),
      /Q is not positive semidefinite/,
    ],
    ["an unknown command", () => ["sovle"], undefined, /unknown command 'sovle'/],
    ["an unknown option", () => ["solve", "-", "--jsno"], undefined, /unknown option '--jsno'/],
    [
      "an unknown rule",
      () => ["solve", "-", "--differentiation", "magic"],
      undefined,
      /Allowed choices are implicit, alternating, unrolled/,
    ],
    [
      "a tolerance that is not positive",
      () => ["solve", "-", "--tolerance", "0"],
      undefined,
      /Expected a positive number/,
    ],
    ["a missing argument", () => ["solve"], undefined, /missing required argument 'file'/],
  ];
  it.each(badInput)("%s: 2", async (_, args, input, message) => {
    const { exitCode, stdout, stderr } = await solvegrad(args(), { input });
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
    expect(lines(stderr)[0]).toMatch(message);
    expect(lines(stderr)[0]).toMatch(/^solvegrad: /);
    expect(lines(stderr).filter((line) => !line.startsWith("(Did you mean"))).toHaveLength(1);
  });

  it.skipIf(process.getuid?.() === 0)("an unreadable file: 2", async () => {
    const path = file("secret.json", small);
    chmodSync(path, 0);
    const { exitCode, stderr } = await solvegrad(["solve", path]);
    expect({ exitCode, lines: lines(stderr).length }).toEqual({ exitCode: 2, lines: 1 });
  });

  it("kernels that do not exist: 2", async () => {
    const { exitCode, stderr } = await solvegrad(["info"], { env: { SOLVEGRAD_KERNELS: "abacus" } });
    expect(exitCode).toBe(2);
    expect(lines(stderr)).toHaveLength(1);
    expect(stderr).toMatch(/kernels "abacus" do not exist/);
  });

  const infeasible = { kind: "qp", Q: [[1]], q: [0], G: [[1], [-1]], h: [-1, -1], cotangent: [1] };
  const unbounded = {
    kind: "qp",
    Q: [
      [1, 0],
      [0, 0],
    ],
    q: [0, -1],
    cotangent: [1, 1],
  };

  it.each(["implicit", "alternating"])("an infeasible problem: 3, with its certificate (%s)", async (rule) => {
    const { exitCode, report } = await solveJson(infeasible, "--differentiation", rule);
    expect(exitCode).toBe(3);
    expect(report).toMatchObject({ status: "primal_infeasible", x: null, lambda: null, objective: null });
    const [upper, lower] = report.certificate.lambda;
    expect(Math.abs(upper - lower)).toBeLessThan(1e-6 * upper);
    expect(-upper - lower).toBeLessThan(0);
  });

  it.each(["implicit", "alternating"])(
    "an unbounded problem: 3, with a direction that falls without end (%s)",
    async (rule) => {
      const { exitCode, report } = await solveJson(unbounded, "--differentiation", rule);
      expect(exitCode).toBe(3);
      expect(report.status).toBe("dual_infeasible");
      const [curved, falling] = report.certificate.direction;
      expect(falling).toBeGreaterThan(0);
      expect(Math.abs(curved)).toBeLessThan(1e-6 * falling);
    },
  );

  it("one infeasible item of a batch: 3, and the others have their solutions", async () => {
    const { exitCode, report } = await solveJson({
      ...infeasible,
      h: [
        [1, 1],
        [-1, -1],
      ],
    });
    expect(exitCode).toBe(3);
    expect(report.status).toEqual(["solved", "primal_infeasible"]);
    expect(relativeError(report.x[0], [0])).toBeLessThan(1e-8);
    expect(report.x[1]).toBeNull();
  });

  it("a problem that cannot be solved to the tolerance: 4", async () => {
    const { exitCode, report } = await solveJson(small, "--tolerance", "1e-300");
    expect(exitCode).toBe(4);
    expect(report.status).not.toBe("solved");
  });
});

describe("the command line itself", () => {
  it("prints help and version, and says what computes", async () => {
    const help = await solvegrad(["--help"]);
    expect(help.exitCode).toBe(0);
    expect(help.stdout).toMatch(/^ {2}solve.*^ {2}compare.*^ {2}train.*^ {2}info/ms);
    const version = await solvegrad(["--version"]);
    expect([version.exitCode, version.stdout]).toEqual([0, expect.stringMatching(/^\d+\.\d+\.\d+\n$/)]);
    const info = await solvegrad(["info", "--json"]);
    expect(info.exitCode).toBe(0);
    expect(JSON.parse(info.stdout)).toMatchObject({ node: process.version, kernels: { threads: expect.any(Number) } });
  });

  it("survives a reader that closes the pipe, without a word", async () => {
    const Q = Array.from({ length: 60 }, (_, i) => Array.from({ length: 60 }, (_, j) => Number(i === j)));
    const problem = { kind: "qp", Q, q: Q[0], cotangent: Q[1] };
    const { exitCode, stderr } = await solvegrad(["solve", "-", "--json"], {
      input: JSON.stringify(problem),
      onStart: (child) => child.stdout?.destroy(),
    });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  });
});
