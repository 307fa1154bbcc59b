import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { dataFile } from "../packages/optlayers/test/support/data.ts";
import { lines, solvegrad } from "./command-line.ts";
import { expectOfflinePage, pictures } from "./page.ts";

const scratch = mkdtempSync(join(tmpdir(), "solvegrad-mps-"));
afterAll(() => rmSync(scratch, { recursive: true }));

function file(name: string, content: string): string {
  const path = join(scratch, name);
  writeFileSync(path, content);
  return path;
}

/** minimize bread^2 - 4 bread - cake subject to flour: bread + 2 cake <= 3, sugar: cake = 0.5, bread <= 1.5: (1.5, 0.5). */
const bakery = `* a small problem
NAME          BAKERY
ROWS
 N  cost
 L  flour
 E  sugar
COLUMNS
    bread     cost      -4.0   flour     1.0
    cake      cost      -1.0   flour     2.0
    cake      sugar      1.0
RHS
    rhs       flour      3.0   sugar     0.5
BOUNDS
 UP bnd       bread      1.5
QUADOBJ
    bread     bread      2.0
ENDATA
`;
const maximized = bakery
  .replace("ROWS\n", "OBJSENSE\n    MAX\nROWS\n")
  .replace("-4.0", "4.0")
  .replace("-1.0", "1.0")
  .replace("bread      2.0", "bread      -2.0");

const solveJson = async (path: string, ...options: string[]) => {
  const outcome = await solvegrad(["solve", path, "--json", ...options]);
  return { ...outcome, report: outcome.stdout === "" ? null : JSON.parse(outcome.stdout) };
};

describe("solve on MPS and QPS files", () => {
  const path = file("bakery.qps", bakery);

  it("gives the solution with the file's names, and no gradient unless one is asked for", async () => {
    const { exitCode, stderr, report } = await solveJson(path);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(report.names).toEqual({ variables: ["bread", "cake"], equalities: ["sugar"], inequalities: ["flour"] });
    expect(report.x).toEqual([expect.closeTo(1.5, 8), expect.closeTo(0.5, 8)]);
    expect(report.objective).toBeCloseTo(-4.25, 8);
    expect(report.zeta[0]).toBeCloseTo(1, 8); // 4 - 2 * 1.5
    expect(report).not.toHaveProperty("gradient");
  });

  it("differentiates sum x for --cotangent ones, and another loss by names or by a list", async () => {
    const ones = (await solveJson(path, "--cotangent", "ones")).report.gradient;
    expect(Object.keys(ones)).toEqual(["Q", "q", "A", "b", "G", "l", "u", "lower", "upper"]);
    expect(ones.upper).toEqual([expect.closeTo(1, 8), 0]);
    expect(ones.b).toEqual([expect.closeTo(1, 8)]);
    expect(ones.A).toMatchObject({ shape: [1, 2], indptr: [0, 0, 1], indices: [0], data: [expect.closeTo(-0.5, 8)] });
    const named = await solveJson(path, "--cotangent", file("named.json", '{"cake": 3}'));
    expect(named.report.gradient.b).toEqual([expect.closeTo(3, 8)]);
    const listed = await solveJson(
      path,
      "--cotangent",
      file("listed.json", "[0, 3]"),
      "--differentiation",
      "alternating",
    );
    expect(listed.report.gradient.b).toEqual([expect.closeTo(3, 8)]);
    expect(listed.report.differentiation.rule).toBe("alternating");
  });

  it("knows the format by the name of the file, or by what it holds", async () => {
    const problem = await solvegrad(["solve", "-", "--json"], { input: bakery });
    expect(JSON.parse(problem.stdout).x[1]).toBeCloseTo(0.5, 8);
    const { report } = await solveJson(file("bakery.txt", bakery));
    expect(report.names.variables).toEqual(["bread", "cake"]);
    const sif = await solveJson(file("bakery.SIF", bakery));
    expect(sif.exitCode).toBe(0);
  });

  it("gives the objective of the file where it maximizes", async () => {
    const { report } = await solveJson(file("maximized.mps", maximized));
    expect(report.x).toEqual([expect.closeTo(1.5, 8), expect.closeTo(0.5, 8)]);
    expect(report.objective).toBeCloseTo(4.25, 8);
  });

  it("prints names and numbers for people", async () => {
    const { stdout } = await solvegrad(["solve", path, "--explain"]);
    expect(stdout).toMatch(/^x +2 of 2 entries are not 0.*\n +bread {2}1\.5\n +cake {3}0\.5$/m);
    expect(stdout).toMatch(/^bread <= 1\.5 +1 +falls by 1 per upper\[0\]/m);
    expect(stdout).toMatch(/^flour <= 3 +2\.5 +0\.5 /m);
  });

  it("warns that integers are relaxed", async () => {
    const integers = bakery
      .replace("    bread     cost", "    M1  'MARKER'  'INTORG'\n    bread     cost")
      .replace("RHS\n", "    M2  'MARKER'  'INTEND'\nRHS\n");
    const { exitCode, stderr } = await solveJson(file("integers.mps", integers));
    expect(exitCode).toBe(0);
    expect(stderr).toMatch(/^solvegrad: warning: 2 of 2 variables are integer in .*, this solves the relaxation\n$/);
  });

  const mistakes: [string, () => string[], RegExp][] = [
    [
      "an unknown row",
      () => [file("row.qps", bakery.replace("sugar      1.0", "suger      1.0"))],
      /row\.qps, line 10: unknown row suger/,
    ],
    ["a file that ends too early", () => [file("end.mps", "NAME X\nROWS\n N cost\n")], /ends without ENDATA/],
    ["JSON under the name of an MPS file", () => [file("json.mps", "{}")], /json\.mps, line 1: /],
    [
      "an objective that is not convex",
      () => [file("concave.qps", bakery.replace("bread      2.0", "bread     -2.0"))],
      /Q is not positive semidefinite/,
    ],
    [
      "a cotangent for a variable that is not there",
      () => [path, "--cotangent", file("pie.json", '{"pie": 1}')],
      /names "pie", expected a variable such as bread/,
    ],
    [
      "a cotangent of another length",
      () => [path, "--cotangent", file("long.json", "[1, 2, 3]")],
      /cotangent has the shape 3, expected 2/,
    ],
    [
      "a cotangent that is not there",
      () => [path, "--cotangent", join(scratch, "none.json")],
      /cannot read .*none\.json/,
    ],
  ];
  it.each(mistakes)("says in one line what is wrong with %s: 2", async (_, args, message) => {
    const { exitCode, stdout, stderr } = await solvegrad(["solve", ...args()]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
    expect(lines(stderr)).toHaveLength(1);
    expect(stderr).toMatch(message);
  });

  it("compares the rules, and writes a page", async () => {
    const html = join(scratch, "bakery.html");
    const { exitCode, stdout } = await solvegrad(["compare", path, "--html", html]);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/1 problem of 2 variables, 1 equality and 1 inequality, solved by sparse interior point/);
    const page = readFileSync(html, "utf8");
    expectOfflinePage(page);
    expect(pictures(page)).toBe(2);
  });
});

const optima: [string, number][] = [
  ["afiro", -464.75314286],
  ["adlittle", 225494.96316],
];

describe.each(optima)("solve on the linear program %s", (name, optimum) => {
  const path = dataFile(`netlib_lp/${name}.mps`);
  it.skipIf(path === null)("finds the known optimum, and prints few lines", async () => {
    const { exitCode, report } = await solveJson(path ?? "");
    expect(exitCode).toBe(0);
    expect(Math.abs(report.objective - optimum)).toBeLessThan(1e-6 * Math.abs(optimum));
    const { stdout } = await solvegrad(["solve", path ?? "", "--cotangent", "ones", "--explain"]);
    expect(lines(stdout).length).toBeLessThan(110);
    const table = lines(stdout).filter((line) => !line.startsWith("note: "));
    expect(Math.max(...table.map((line) => line.length))).toBeLessThan(160);
  });
});

const unsolvable: [string, string][] = [
  ["galenet", "primal_infeasible"],
  ["gas11", "dual_infeasible"],
];
describe.each(unsolvable)("solve on %s", (name, status) => {
  const path = dataFile(`netlib_lp/${name}.mps`);
  it.skipIf(path === null)(`finds that it is ${status}: 3`, async () => {
    const { exitCode, report } = await solveJson(path ?? "");
    expect(exitCode).toBe(3);
    expect(report).toMatchObject({ status, x: null, certificate: { kind: status } });
  });
});

const shell = dataFile("netlib_lp/shell.mps");
describe.skipIf(shell === null)("a solve that takes time", () => {
  it("ends at the time limit with what it has: 4", async () => {
    const { exitCode, report } = await solveJson(shell ?? "", "--time-limit", "0.02");
    expect(exitCode).toBe(4);
    expect(report.status).toBe("time_limit");
  });

  it("stops at Ctrl-C at once, without a word", async () => {
    const outcome = await solvegrad(
      ["solve", shell ?? "", "--differentiation", "unrolled", "--cotangent", "ones", "--tolerance", "1e-12"],
      {
        onStart: (child) => setTimeout(() => child.kill("SIGINT"), 900),
      },
    );
    expect({ signal: outcome.signal, stdout: outcome.stdout, stderr: outcome.stderr }).toEqual({
      signal: "SIGINT",
      stdout: "",
      stderr: "",
    });
  });
});
