import { describe, expect, it } from "vitest";
import type { Cell, ExperimentResult, ResultTable } from "../src/experiments/experiment.ts";
import { statusWords } from "../src/experiments/layer-times.ts";
import { experimentNamed, experiments } from "../src/experiments/registry.ts";

function run(name: string, options = {}, signal?: AbortSignal): Promise<ExperimentResult> {
  const experiment = experimentNamed(name);
  if (!experiment) throw new Error(`no experiment ${name}`);
  return experiment.run(options, () => {}, signal);
}

/** The cells of a table's rows by the titles of their columns. */
function byTitle({ columns, rows }: ResultTable): Record<string, Cell>[] {
  return rows.map((row) => Object.fromEntries(row.map((cell, k) => [columns[k].title, cell])));
}

function expectWhole({ tables, figures }: ExperimentResult): void {
  for (const { columns, rows, caption } of tables) {
    expect(rows.length).toBeGreaterThan(0);
    expect(caption).toMatch(/\.$/);
    for (const row of rows) {
      expect(row).toHaveLength(columns.length);
      for (const cell of row) if (typeof cell === "number") expect(cell).toSatisfy(Number.isFinite);
    }
  }
  for (const { series } of figures) {
    expect(series.length).toBeGreaterThan(0);
    for (const { points } of series) expect(points.flat().every(Number.isFinite)).toBe(true);
  }
}

describe("the registry of experiments", () => {
  it("names each once, with a title, where the paper has it, and sizes of as many numbers as letters", () => {
    expect(new Set(experiments.map(({ name }) => name)).size).toBe(experiments.length);
    for (const { source, title, sizes, takes } of experiments) {
      expect(source).toMatch(/^(Alt-Diff|OptNet), /);
      expect(title).not.toBe("");
      expect(takes.includes("sizes")).toBe(sizes !== undefined);
      for (const size of sizes?.defaults ?? []) expect(size).toHaveLength(sizes?.letters.length ?? 0);
    }
    expect(experimentNamed("table-3")).toBeUndefined();
  });
});

describe("the experiments on layers", () => {
  const small: [string, number[][], number][] = [
    [
      "table-1",
      [
        [40, 10, 5],
        [20, 6, 3],
      ],
      4,
    ],
    ["table-2", [[40, 10, 5]], 10],
    ["table-4", [[200]], 3],
    ["table-5", [[200]], 10],
    ["table-6", [[20, 5, 2]], 2],
    ["batch-times", [[5]], 3],
  ];
  it.each(small)("%s of sizes %j has a row for each method, solved", async (name, sizes, rows) => {
    const result = await run(name, { sizes });
    expectWhole(result);
    expect(result.complete).toBe(true);
    const table = byTitle(result.tables[0]);
    expect(table).toHaveLength(rows);
    for (const row of table) {
      expect(row.status).toBeOneOf(["solved", null]);
      expect(row["total s"]).toBeGreaterThan(0);
    }
  });

  it("the gradients of Table 1's two methods agree, and only the published sizes have published numbers", async () => {
    const { tables } = await run("table-1", { sizes: [[40, 10, 5]] });
    const [implicit, alternating] = byTitle(tables[0]);
    expect(implicit.cosine).toBeCloseTo(1, 12);
    expect(alternating.cosine).toBeGreaterThan(0.99);
    expect(alternating["paper: total s"]).toBeNull();
  });

  it("Table 2's error of the alternating gradient falls with the tolerance", async () => {
    const { tables } = await run("table-2", { sizes: [[40, 10, 5]] });
    const errors = byTitle(tables[0])
      .filter(({ method }) => method === "alternating")
      .map((row) => row["gradient off by"] as number);
    expect(errors).toHaveLength(5);
    expect(errors[4]).toBeLessThan(errors[0] / 100);
    expect(byTitle(tables[0]).map((row) => row["paper: total s (n = 3000)"])).toContain(10.76);
  });

  it("an infeasible problem is not called solved", async () => {
    const { tables } = await run("table-1", { sizes: [[10, 30, 5]] });
    for (const { status } of byTitle(tables[0])) expect(status).toBe("primal_infeasible");
  });

  it("Figure 1's Jacobian converges with the solution", async () => {
    const result = await run("figure-1", { sizes: [[40, 15, 8]] });
    expectWhole(result);
    const [x, jacobian] = result.figures[0].series.map(({ points }) => points.map(([, error]) => error));
    expect(x.at(-1)).toBeLessThan(1e-3 * x[0]);
    expect(jacobian.at(-1)).toBeLessThan(1e-3 * jacobian[0]);
  });

  it("a signal ends a run with what was measured", async () => {
    const controller = new AbortController();
    const experiment = experimentNamed("table-6");
    const stop = (share: number) => share > 0 && controller.abort();
    const sizes = [
      [20, 5, 2],
      [20, 5, 2],
      [20, 5, 2],
    ];
    const result = await experiment?.run({ sizes }, stop, controller.signal);
    expect(result?.complete).toBe(false);
    expect(result?.tables[0].rows).toHaveLength(4);
  });
});

describe("the words for statuses", () => {
  it("count what is not all the same", () => {
    expect(statusWords(["solved", "solved"])).toBe("solved");
    expect(statusWords(["solved", "max_iterations", "solved"])).toBe("2 solved, 1 max_iterations");
  });
});
