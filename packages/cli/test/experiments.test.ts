import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ExperimentResult } from "@solvegrad/models";
import { describe, expect, it, onTestFinished } from "vitest";
import { expectOfflinePage, pictures } from "../../../test/page.ts";
import { information } from "../src/commands/info.ts";
import { cellText } from "../src/experiments/cells.ts";
import type { ExperimentRecord } from "../src/experiments/experiment-record.ts";
import { commandLine } from "../src/experiments/experiment-sections.ts";
import { experimentText } from "../src/experiments/experiment-text.ts";
import { KeptResults } from "../src/experiments/kept-results.ts";
import { reportPage } from "../src/experiments/report-page.ts";
import { parseSizes } from "../src/experiments/sizes.ts";

const result: ExperimentResult = {
  tables: [
    {
      columns: [
        { title: "method", unit: "text" },
        { title: "total s", unit: "seconds" },
        { title: "paper: total s", unit: "seconds", published: true },
      ],
      rows: [
        ["<implicit>", 0.00123, 0.81],
        ["alternating", null, null],
      ],
      caption: "Random & dense.",
    },
  ],
  figures: [
    {
      title: "Errors",
      x: { label: "epoch" },
      y: { label: "error", scale: "log" },
      series: Array.from({ length: 6 }, (_, k) => ({
        label: `series ${k}`,
        points: [
          [1, 10 ** -k],
          [2, 0],
          [3, Number.NaN],
        ] as const,
      })),
      caption: "Two points cannot be drawn.",
    },
    { title: "Nothing", x: { label: "x" }, y: { label: "y" }, series: [{ label: "none", points: [] }], caption: "" },
  ],
  complete: true,
};

const record: ExperimentRecord = {
  name: "table-1",
  title: "A table",
  source: "Alt-Diff, Table 1",
  options: { sizes: [[3, 2, 1]], seed: 4 },
  started: "2026-01-02T03:04:05.000Z",
  seconds: 61,
  machine: information(),
  result,
};

describe("a cell", () => {
  it("is written by its unit, and a published number as it was printed", () => {
    expect(cellText(0.00123, { title: "", unit: "seconds" })).toBe("0.00123");
    expect(cellText(154.52, { title: "", unit: "seconds" })).toBe("155");
    expect(cellText(154.52, { title: "", unit: "seconds", published: true })).toBe("154.52");
    expect(cellText(0, { title: "", unit: "seconds" })).toBe("0");
    expect(cellText(0.1234, { title: "", unit: "share" })).toBe("12.3 %");
    expect(cellText(1e-3, { title: "", unit: "tolerance" })).toBe("1e-3");
    expect(cellText(12345, { title: "", unit: "count" })).toBe("12,345");
    expect(cellText(null, { title: "", unit: "count" })).toBe("-");
    expect(cellText(Number.NaN, { title: "", unit: "number" })).toBe("not a number");
  });
});

describe("the report's page", () => {
  const page = reportPage([record, { ...record, result: { ...result, complete: false } }], ["sudoku"]);

  it("is offline, and has tables, those pictures that have points, when and how each was run, and what is missing", () => {
    expectOfflinePage(page);
    expect(pictures(page)).toBe(2);
    expect(page).toContain("&lt;implicit&gt;");
    expect(page).toContain("2 January 2026, 03:04 UTC");
    expect(page).toContain("solvegrad bench table-1 --sizes &quot;3,2,1&quot; --seed 4");
    expect(page).toContain("It was stopped before its end.");
    expect(page).toMatch(/Not run.*sudoku/s);
    expect(page).toMatch(/class="number paper" data-title="paper: total.s">0\.81</);
  });
});

describe("an experiment as text", () => {
  it("has the paper's column beside ours, and where each series ends", () => {
    const text = experimentText(record);
    expect(text).toMatch(/^A table \(Alt-Diff, Table 1\), 1 min 1 s\n/);
    expect(text).toMatch(/<implicit> +│ +0\.00123 │ +0\.81 /);
    expect(text).toContain("Random & dense.");
    expect(text).toContain("Errors: error");
  });
});

describe("the command that runs an experiment again", () => {
  it("has every option that was given, and no other", () => {
    expect(commandLine("table-5", {})).toBe("solvegrad bench table-5");
    expect(commandLine("sudoku", { epochs: 3, seeds: undefined })).toBe("solvegrad bench sudoku --epochs 3");
  });
});

describe("kept results", () => {
  it("are found by name and options in any order, and not when they are of others, cut short or damaged", () => {
    const folder = mkdtempSync(join(tmpdir(), "solvegrad-kept-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const kept = new KeptResults(folder);
    kept.keep(record);
    expect(kept.find("table-1", { seed: 4, epochs: undefined, sizes: [[3, 2, 1]] })?.seconds).toBe(61);
    expect(kept.find("table-1", { seed: 5, sizes: [[3, 2, 1]] })).toBeNull();
    expect(kept.find("table-2", record.options)).toBeNull();
    kept.keep({ ...record, result: { ...result, complete: false } });
    expect(kept.find("table-1", record.options)).toBeNull();
    writeFileSync(kept.file("table-1", record.options), '{"name": "tab');
    expect(kept.find("table-1", record.options)).toBeNull();
  });
});

describe("--sizes", () => {
  const experiment = { name: "table-1", sizes: { letters: ["n", "m", "p"], defaults: [] } };
  it("is sizes of as many positive integers as the experiment has letters", () => {
    expect(parseSizes("10,2,3;4,5,6", experiment)).toEqual([
      [10, 2, 3],
      [4, 5, 6],
    ]);
    for (const text of ["", "10", "10,2,3;", "10,2,0", "10,2,1.5", "a,b,c"]) {
      expect(() => parseSizes(text, experiment)).toThrow(`bench table-1: --sizes is "${text}", expected positive`);
    }
  });
});
