import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { lines, root } from "./command-line.ts";

const folder = join(root, "examples");
const programs = readdirSync(folder).filter((name) => name.endsWith(".js"));
const scratch = mkdtempSync(join(tmpdir(), "solvegrad-examples-"));
afterAll(() => rmSync(scratch, { recursive: true }));

/** Runs a program of the folder as a reader would, and returns what it prints. */
function printed(name: string, args: readonly string[] = []): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(folder, name), ...args], { cwd: root });
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text) => {
      stderr += text;
    });
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0 && stderr === "") resolve(stdout);
      else reject(new Error(`${name} ended with ${code}: ${stderr}`));
    });
  });
}

/** The numbers that follow a word, in the order of the text. */
function numbersAfter(text: string, before: RegExp): number[] {
  const pattern = new RegExp(`${before.source}\\s*(-?[\\d.]+(?:e[+-]?\\d+)?)`, "g");
  return [...text.matchAll(pattern)].map((match) => Number(match[1]));
}

const falls = (values: readonly number[], factor: number) => {
  expect(values.length).toBeGreaterThan(1);
  expect(values[values.length - 1]).toBeLessThan(factor * values[0]);
};

/** What each program is to show. */
const claims: Record<string, (text: string) => void> = {
  "projection.js": (text) => {
    expect(text).toContain("nearest to (0.9,0.3,-0.4) is (0.800,0.200,0.000)");
    expect(text).toContain("by (0.500,-0.500,0.000)");
    expect(text).toContain("is wanted: (0.200,0.500,0.300)");
  },
  "budget.js": (text) => {
    falls(numbersAfter(text, /error/), 1e-3);
    expect(numbersAfter(text, /years:/)[0]).toBeLessThan(0.01);
  },
  "portfolio.js": (text) => {
    const [plain, learned] = [numbersAfter(text, /periods:/)[0], numbersAfter(text, /estimated,/)[0]];
    expect(learned).toBeLessThan(0.95 * plain);
  },
  "consumer.js": (text) => {
    const [valued, recovered] = [numbersAfter(text, /at/), numbersAfter(text, /recovered/)];
    expect(recovered).toHaveLength(4);
    recovered.forEach((value, i) => {
      expect(Math.abs(value - valued.slice(-4)[i])).toBeLessThan(0.01);
    });
  },
  "smoothing.js": (text) => {
    const raw = numbersAfter(text, /measured/)[0];
    expect(numbersAfter(text, /: error/).at(-1)).toBeLessThan(raw / 5);
  },
  "equilibrium.js": (text) => falls(numbersAfter(text, /error/), 1e-2),
  "compare.js": (text) => expect(numbersAfter(text, /cosine is/)[0]).toBeGreaterThan(1 - 1e-6),
  "explain.js": (text) => {
    expect(text).toContain("15 chairs ordered: solved");
    expect(text).toContain("40 chairs ordered: primal_infeasible");
    expect(text).toMatch(/^hours <= 50 .* falls by 8.66667/m);
    expect(text).toContain("the bounds must be relaxed by a total of 7.5");
  },
  "sudoku.js": (text) => {
    expect(text).toMatch(/^puzzle [.1-4 ]{19} {3}solution [1-4 ]{19}$/m);
    falls(numbersAfter(text, /epoch \d+:/), 0.6);
  },
  "energy.js": (text) => {
    falls(numbersAfter(text, /costs/), 0.8);
    expect(numbersAfter(text, /generation/)).toHaveLength(4);
  },
};

describe("examples", () => {
  it("are ten or more, of fewer than 60 lines each, all in the list", () => {
    expect(programs.length).toBeGreaterThanOrEqual(10);
    expect(Object.keys(claims).sort()).toEqual(programs.toSorted());
    const list = readFileSync(join(folder, "README.md"), "utf8");
    for (const name of programs) {
      expect(list).toContain(`[${name}](${name})`);
      expect(lines(readFileSync(join(folder, name), "utf8")).length, name).toBeLessThan(60);
    }
  });

  it.each(programs)("%s shows what it says", async (name) => claims[name](await printed(name)), 300_000);

  it("energy.js takes a CSV of the reader's", async () => {
    const hours = Array.from({ length: 24 * 40 }, (_, i) => {
      const time = new Date(3_600_000 * (420_768 + i)).toISOString();
      return `${time.slice(0, 10)} ${time.slice(11, 19)},${(1500 + 300 * Math.sin((Math.PI * i) / 12)).toFixed(0)}`;
    });
    const file = join(scratch, "load.csv");
    writeFileSync(file, ["Datetime,X_MW", ...hours].join("\n"));
    expect(await printed("energy.js", [file])).toContain(`from ${file}`);
  }, 300_000);
});
