import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { random } from "@solvegrad/autograd";
import fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import { DataFileError } from "../src/data-file-error.ts";
import { mnistFiles } from "../src/datasets/mnist.ts";
import type { Cell, ExperimentResult, ResultTable } from "../src/experiments/experiment.ts";
import { statusWords } from "../src/experiments/layer-times.ts";
import { piecewiseLinearLayer, piecewiseLinearValue } from "../src/experiments/piecewise-linear.ts";
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
      expect(source).toMatch(/^(Alt-Diff|OptNet|Report on OptNet), /);
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

  it("numbers that were lost from our copy of a paper are called so", async () => {
    const { tables } = await run("batch-times", { sizes: [[3]] });
    for (const row of byTitle(tables[0])) expect(row["paper: total s"]).toBe("not in our copy");
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

describe("the experiments that train", () => {
  const tiny = { epochs: 2, examples: 60 };

  it("figure-2 has the losses of every tolerance beside the implicit ones, and says that its load is made up", async () => {
    const result = await run("figure-2", tiny);
    expectWhole(result);
    const rows = byTitle(result.tables[0]);
    expect(rows.map(({ training }) => training)).toEqual([
      "implicit",
      "alternating, 1e-1",
      "alternating, 1e-2",
      "alternating, 1e-3",
      "two-stage",
    ]);
    expect(rows[0]["to implicit"]).toBe(0);
    for (const row of rows.slice(1, 4)) expect(Math.abs(row["to implicit"] as number)).toBeLessThan(0.02);
    for (const { masked } of rows) expect(masked).toBe(0);
    expect(result.tables[0].caption).toContain("made up by this program");
    const [test, training] = result.figures;
    for (const { points } of test.series) expect(points.map(([epoch]) => epoch)).toEqual([1, 2]);
    for (const { points } of training.series) expect(points.at(-1)?.[0]).toBe(2);
  });

  it("figure-2 names a load file that is not there", async () => {
    await expect(run("figure-2", { ...tiny, data: "/nowhere/load.txt" })).rejects.toThrow(DataFileError);
  });

  it("sudoku has the share of wrong boards by epoch for three networks and every seed", async () => {
    const result = await run("sudoku", { epochs: 1, examples: 30, seeds: 2 });
    expectWhole(result);
    expect(byTitle(result.tables[0]).map(({ seed }) => seed)).toEqual([0, 0, 0, 1, 1, 1]);
    expect(result.figures[0].series).toHaveLength(6);
  });

  it("denoising's layer that starts as total variation stands near it after two epochs, and the random one does not", async () => {
    const result = await run("denoising", { epochs: 2, examples: 40 });
    expectWhole(result);
    const offs = Object.fromEntries(byTitle(result.tables[0]).map((row) => [row.method, row["to total variation"]]));
    expect(offs["total variation"]).toBe(0);
    expect(Math.abs(offs.optnet as number)).toBeLessThan(0.25);
    expect(offs["learned-differences"]).toBeGreaterThan(1);
  });

  it.each([
    ["table-7", ["implicit", "alternating, 1e-1", "alternating, 1e-2", "alternating, 1e-3", "no layer"]],
    ["fashion-mnist", ["no layer", "layer, data fixed", "layer, A learned"]],
  ])("%s trains on the images of a folder: %j", async (name, trainings) => {
    const result = await run(name, { epochs: 1, examples: 32, data: imageFolder() });
    expectWhole(result);
    const rows = byTitle(result.tables[0]);
    expect(rows.map(({ training }) => training)).toEqual(trainings);
    for (const { masked } of rows) expect(masked).toBeOneOf([0, null]);
  });

  it("three-planes is learned better by the layer than by a net of more parameters", async () => {
    const result = await run("three-planes", { sizes: [[4]], epochs: 20, examples: 600, seeds: 1 });
    expectWhole(result);
    const [layer, net] = byTitle(result.tables[0]);
    expect(layer.parameters).toBeLessThan(net.parameters as number);
    expect(layer["root mean square"]).toBeLessThan((net["root mean square"] as number) / 2);
  });

  it("a signal ends a training between two steps, and what was not reached is missing", async () => {
    const controller = new AbortController();
    const experiment = experimentNamed("sudoku");
    const stop = (share: number) => share > 0.4 && controller.abort();
    const result = await experiment?.run({ epochs: 2, examples: 300 }, stop, controller.signal);
    expect(result?.complete).toBe(false);
    expect(result?.tables[0].rows).toHaveLength(2);
    expect(result?.tables[0].rows[1]).toContain(null);
  });
});

describe("piecewise linear functions", () => {
  it("are the solutions of one layer to 1e-8, whatever their kinks", () => {
    const kinks = fc.array(fc.tuple(fc.double(range), fc.double(range)), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(kinks, fc.double(range), (pairs, slope) => {
        const f = {
          intercept: 1,
          slope,
          knots: Float64Array.from(pairs, ([knot]) => knot),
          changes: Float64Array.from(pairs, ([, change]) => change),
        };
        const x = Float64Array.from({ length: 21 }, (_, i) => (i - 10) / 2.5);
        const { values, status } = piecewiseLinearLayer(f, x);
        expect(status.every((one) => one === "solved")).toBe(true);
        values.forEach((value, i) => {
          expect(Math.abs(value - piecewiseLinearValue(f, x[i]))).toBeLessThan(1e-8);
        });
      }),
      { numRuns: 20 },
    );
  });
});

const range = { min: -3, max: 3, noNaN: true, noDefaultInfinity: true };

/** Forty noisy images in MNIST's files. */
function imageFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "solvegrad-images-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const { trainImages, trainLabels, testImages, testLabels } = mnistFiles;
  const count = 40;
  const header = (magic: number, ...sizes: number[]) => {
    const bytes = Buffer.alloc(4 + 4 * sizes.length);
    [magic, ...sizes].forEach((value, i) => {
      bytes.writeUInt32BE(value, 4 * i);
    });
    return bytes;
  };
  const pixels = Buffer.from(random(1).integers(count * 784, { high: 256 }));
  const labels = Buffer.from(random(2).integers(count, { high: 10 }));
  for (const { name } of [trainImages, testImages]) {
    writeFileSync(join(folder, name), Buffer.concat([header(0x803, count, 28, 28), pixels]));
  }
  for (const { name } of [trainLabels, testLabels]) {
    writeFileSync(join(folder, name), Buffer.concat([header(0x801, count), labels]));
  }
  return folder;
}

describe("the words for statuses", () => {
  it("count what is not all the same", () => {
    expect(statusWords(["solved", "solved"])).toBe("solved");
    expect(statusWords(["solved", "max_iterations", "solved"])).toBe("2 solved, 1 max_iterations");
  });
});
