import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { lines, solvegrad } from "./command-line.ts";
import { expectOfflinePage, pictures } from "./page.ts";

const scratch = mkdtempSync(join(tmpdir(), "solvegrad-compare-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const infeasible = { kind: "qp", Q: [[1]], q: [0], G: [[1], [-1]], h: [-1, -1], cotangent: [1] };

interface Rule {
  readonly rule: string;
  readonly cosine: number;
  readonly relativeDifference: number;
}

describe("compare", () => {
  it("finds that the three rules agree on a random QP, and writes a page with two figures", async () => {
    const html = join(scratch, "random.html");
    const args = ["compare", "--random", "20,10,5", "--seed", "3", "--html", html, "--json"];
    const { exitCode, stdout, stderr } = await solvegrad(args);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    const comparison = JSON.parse(stdout);
    expect(comparison.problem).toEqual({ n: 20, p: 5, m: 10, batch: 1 });
    expect(comparison.rules.map(({ rule }: Rule) => rule)).toEqual(["implicit", "alternating", "unrolled"]);
    for (const { cosine, relativeDifference } of comparison.rules as Rule[]) {
      expect(cosine).toBeGreaterThan(1 - 1e-10);
      expect(relativeDifference).toBeLessThan(1e-6);
    }
    const page = readFileSync(html, "utf8");
    expectOfflinePage(page);
    expect(pictures(page)).toBe(2);
    expect(page).toContain("A random QP (seed 3)");
  });

  it("finds the gradient's error falling along with the solution's as the tolerance falls", async () => {
    const { stdout } = await solvegrad(["compare", "--random", "30,15,5", "--json"]);
    const { truncation } = JSON.parse(stdout);
    expect(truncation.map(({ tolerance }: { tolerance: number }) => tolerance)).toEqual([
      1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6,
    ]);
    const [loosest, tightest] = [truncation[0], truncation.at(-1)];
    expect(tightest.solutionError).toBeLessThan(1e-3 * loosest.solutionError);
    expect(tightest.gradientError).toBeLessThan(1e-3 * loosest.gradientError);
  });

  it("prints a table of a file's problem, for the loss sum(x) where it has no cotangent", async () => {
    const file = join(scratch, "<small> & simple.json");
    writeFileSync(
      file,
      JSON.stringify({
        kind: "qp",
        Q: [
          [2, 0],
          [0, 1],
        ],
        q: [-1, [1][0]],
        G: [[1, 1]],
        h: [0.1],
      }),
    );
    const html = join(scratch, "file.html");
    const { exitCode, stdout } = await solvegrad(["compare", file, "--html", html]);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/1 problem of 2 variables, 0 equalities and 1 inequality/);
    expect(lines(stdout).filter((line) => /implicit|alternating|unrolled/.test(line)).length).toBeGreaterThanOrEqual(3);
    const page = readFileSync(html, "utf8");
    expectOfflinePage(page);
    expect(page).toContain("&lt;small&gt; &amp; simple.json");
  });

  it("compares the items of a batch that have a solution: 3 for the one that has none", async () => {
    const input = JSON.stringify({
      ...infeasible,
      h: [
        [1, 1],
        [-1, -1],
      ],
    });
    const { exitCode, stdout } = await solvegrad(["compare", "-", "--json"], { input });
    expect(exitCode).toBe(3);
    expect(JSON.parse(stdout).status).toEqual(["solved", "primal_infeasible"]);
  });

  it("an infeasible problem: 3, in one line", async () => {
    const { exitCode, stdout, stderr } = await solvegrad(["compare", "-"], { input: JSON.stringify(infeasible) });
    expect({ exitCode, stdout }).toEqual({ exitCode: 3, stdout: "" });
    expect(lines(stderr)).toHaveLength(1);
    expect(stderr).toMatch(/primal_infeasible/);
  });

  const badInput: [string, string[], RegExp][] = [
    ["nothing to compare", [], /no problem was given/],
    ["a file and --random", ["x.json", "--random", "3,2,1"], /expected one of them/],
    ["sizes that are not three numbers", ["--random", "3,2"], /--random is "3,2", expected n,m,p/],
    ["no variables", ["--random", "0,2,0"], /expected n,m,p/],
    ["more equalities than variables", ["--random", "3,0,4"], /asks for 4 equalities in 3 variables/],
    ["a seed that is no integer", ["--random", "3,2,1", "--seed", "x"], /Expected an integer from 0/],
    [
      "a page where no file can be",
      ["--random", "3,2,1", "--html", join(scratch, "none", "page.html")],
      /cannot write .*page\.html: no such file or folder/,
    ],
  ];
  it.each(badInput)("%s: 2, in one line", async (_, args, message) => {
    const { exitCode, stdout, stderr } = await solvegrad(["compare", ...args]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
    expect(lines(stderr)).toHaveLength(1);
    expect(stderr).toMatch(message);
  });
});
