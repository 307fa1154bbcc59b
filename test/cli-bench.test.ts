import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { lines, solvegrad } from "./command-line.ts";
import { expectOfflinePage, pictures } from "./page.ts";

const scratch = mkdtempSync(join(tmpdir(), "solvegrad-bench-"));
afterAll(() => rmSync(scratch, { recursive: true }));

describe("bench", () => {
  const refused: [string[], RegExp][] = [
    [["nothing"], /^solvegrad: bench nothing: no such experiment, expected table-1, /],
    [["table-1", "--sizes", "10,3"], /^solvegrad: bench table-1: --sizes is "10,3", expected positive integers n,m,p;/],
    [["table-5", "--epochs", "2"], /^solvegrad: bench table-5 takes no --epochs, expected --sizes, --seed$/],
    [["table-5", "--seed", "x"], /seed/],
  ];
  it.each(refused)("%j is refused in one line", async (args, message) => {
    const { exitCode, stdout, stderr } = await solvegrad(["bench", ...args]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
    expect(lines(stderr)).toHaveLength(1);
    expect(lines(stderr)[0]).toMatch(message);
  });

  it("prints the table with the paper's columns, and how far it is", async () => {
    const { exitCode, stdout } = await solvegrad(["bench", "table-6", "--sizes", "20,5,2;30,10,3"]);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^table-6 50\/100 /m);
    expect(stdout).toContain("Constrained softmax layers by size (Alt-Diff, Table 6)");
    expect(stdout).toContain("paper: total s");
    expect(stdout).toMatch(/30, 10, 3 +│ alternating .* solved/);
  });

  it("trains as briefly as it is asked to", async () => {
    const args = ["bench", "sudoku", "--epochs", "1", "--examples", "30", "--seeds", "1"];
    const { exitCode, stdout } = await solvegrad(args);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^Mini-Sudoku learned from examples \(OptNet, section 4\.4\)/m);
    expect(stdout).toMatch(/ optnet .* learns the rules in three epochs/);
    expect(stdout).toMatch(/^Test boards with a rule broken: boards wrong\n {2}optnet: \d/m);
  });

  it("prints what was measured when Ctrl-C stops it, and says that it was stopped", async () => {
    const { exitCode, stdout, stderr } = await solvegrad(["bench", "three-planes", "--epochs", "2", "--seeds", "1"], {
      onStart: (child) => child.stdout?.once("data", () => child.kill("SIGINT")),
    });
    expect(exitCode).toBe(130);
    expect(lines(stderr)).toEqual([expect.stringMatching(/^solvegrad: stopping after the step under way/)]);
    expect(stdout).toMatch(/^The maximum of three planes, learned .*, stopped before its end$/m);
  });

  it("--json prints one object and nothing else", async () => {
    const { exitCode, stdout } = await solvegrad(["bench", "table-4", "--sizes", "100", "--seed", "3", "--json"]);
    expect(exitCode).toBe(0);
    const record = JSON.parse(stdout);
    expect(record).toMatchObject({ name: "table-4", options: { sizes: [[100]], seed: 3 }, result: { complete: true } });
    expect(record.result.tables[0].rows).toHaveLength(3);
    expect(record.machine.kernels.name).toBeTypeOf("string");
  });
});

describe("report", () => {
  it("writes one offline page, runs nothing twice, and names what is not there", async () => {
    const out = join(scratch, "report");
    const first = await solvegrad(["report", "--only", "figure-1,piecewise-linear", "--out", out]);
    expect({ exitCode: first.exitCode, stderr: first.stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(readdirSync(join(out, "runs"))).toHaveLength(2);
    const page = readFileSync(join(out, "index.html"), "utf8");
    expectOfflinePage(page);
    expect(pictures(page)).toBe(2);
    expect(page).toContain("solvegrad bench piecewise-linear");
    const again = await solvegrad(["report", "--only", "figure-1", "--out", out]);
    expect(again.stdout).toMatch(/^figure-1: run before, on 20\d\d-\d\d-\d\d$/m);
  });

  it("leaves out what has no data, says why in one line, and names it on the page", async () => {
    const out = join(scratch, "fashion");
    const nowhere = join(scratch, "nowhere");
    const only = "fashion-mnist,piecewise-linear";
    const { exitCode, stderr } = await solvegrad(["report", "--only", only, "--out", out, "--fashion", nowhere]);
    expect(exitCode).toBe(0);
    expect(lines(stderr)).toEqual([expect.stringMatching(/^solvegrad: fashion-mnist is left out: .*nowhere/)]);
    expect(readFileSync(join(out, "index.html"), "utf8")).toMatch(/Not run.*fashion-mnist/s);
  });

  it("refuses a name that is none, and a folder that cannot be made, in one line", async () => {
    const stranger = await solvegrad(["report", "--only", "table-9", "--out", join(scratch, "none")]);
    expect(stranger.exitCode).toBe(2);
    expect(lines(stranger.stderr)).toEqual([
      expect.stringMatching(/^solvegrad: --only names table-9: no such experiment/),
    ]);
    const folder = await solvegrad(["report", "--only", "figure-1", "--out", "/dev/null/report"]);
    expect(folder.exitCode).toBe(2);
    expect(lines(folder.stderr)).toEqual([expect.stringMatching(/^solvegrad: cannot write to the folder/)]);
  });
});
