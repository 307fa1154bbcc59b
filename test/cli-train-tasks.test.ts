import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { random } from "@solvegrad/autograd";
import { decodeSafetensors, generateSudoku, syntheticLoad } from "@solvegrad/models";
import { afterAll, describe, expect, it } from "vitest";
import { lines, solvegrad } from "./command-line.ts";
import { expectOfflinePage } from "./page.ts";

const scratch = mkdtempSync(join(tmpdir(), "solvegrad-tasks-"));
afterAll(() => rmSync(scratch, { recursive: true }));

function scratchFile(name: string, text: string): string {
  const file = join(scratch, name);
  writeFileSync(file, text);
  return file;
}

const { puzzles, solutions } = generateSudoku(60, random(1));
const sudokus = scratchFile(
  "sudoku.csv",
  puzzles.map((puzzle, i) => `${puzzle.join("")},${solutions[i].join("")}\n`).join(""),
);
const { start, load } = syntheticLoad(60, random(1));
const hourly = scratchFile("load.txt", [...load].map((value, i) => `${3600 * (start + i)} ${value}\n`).join(""));

const tasks: [string, string[], RegExp, string][] = [
  ["sudoku", ["--data", sudokus, "--batch-size", "20"], /^boards wrong \d+\.\d\d % \(\d of 6\)/m, "logZ0"],
  ["energy", ["--data", hourly, "--batch-size", "32"], /^schedule's mean squared error \d/m, "forecaster.0.weight"],
  [
    "energy",
    ["--data", hourly, "--layer", "two-stage", "--ramp", "0.02"],
    /^schedule's mean squared error \d/m,
    "forecaster.4.bias",
  ],
  [
    "energy",
    ["--data", hourly, "--cost", "weighted", "--batch-size", "4", "--time-zone", "America/New_York"],
    /^schedule's cost an hour \d/m,
    "mean.weight",
  ],
  ["denoise", ["--layer", "perceptron", "--batch-size", "50"], /^mean squared error \d/m, "layers.2.bias"],
];

describe("train", () => {
  it.each(tasks)(
    "%s %j goes on after a kill with the same bits, and leaves weights, metrics and a page",
    async (task, options, headline, weight) => {
      const run = (out: string, more: string[]) =>
        solvegrad(["train", task, ...options, "--steps", "3", "--seed", "2", "--out", join(scratch, out), ...more], {
          env: { SOLVEGRAD_KERNELS: "wasm" },
        });
      const name = `${task}${options.length}`;
      const whole = await run(name, []);
      expect({ exitCode: whole.exitCode, stderr: whole.stderr }).toEqual({ exitCode: 0, stderr: "" });
      expect(whole.stdout).toMatch(headline);
      const file = join(scratch, name, "weights.safetensors");
      const { tensors } = decodeSafetensors(readFileSync(file), file);
      expect(tensors.get(weight)?.values.every(Number.isFinite)).toBe(true);
      expect(lines(readFileSync(join(scratch, name, "metrics.csv"), "utf8"))).toHaveLength(5);
      expect(JSON.parse(readFileSync(join(scratch, name, "config.json"), "utf8"))).toMatchObject({ task });
      expectOfflinePage(readFileSync(join(scratch, name, "index.html"), "utf8"));

      await run(`${name}-again`, ["--steps", "2"]);
      const resumed = await run(`${name}-again`, ["--resume"]);
      expect(resumed.exitCode).toBe(0);
      expect(readFileSync(join(scratch, `${name}-again`, "weights.safetensors")).equals(readFileSync(file))).toBe(true);
    },
  );

  it("says that a load it made up is synthetic", async () => {
    const { stdout } = await solvegrad(["train", "energy", "--steps", "1", "--out", join(scratch, "synthetic")]);
    expect(stdout).toContain("made up by this program");
    expect(readFileSync(join(scratch, "synthetic", "index.html"), "utf8")).toContain("synthetic");
  });

  const badInput: [string, string[], RegExp][] = [
    ["a file that is not there", ["sudoku", "--data", join(scratch, "none")], /none: cannot be read \(no such file/],
    ["a file of something else", ["sudoku", "--data", hourly], /load.txt: line 1 has/],
    [
      "one puzzle",
      ["sudoku", "--data", scratchFile("one.csv", `${puzzles[0].join("")},${solutions[0].join("")}\n`)],
      /one.csv: holds 1 puzzle, expected two or more/,
    ],
    [
      "a load that is too short",
      ["energy", "--data", scratchFile("short.txt", "3600 1\n7200 1\n")],
      /short.txt: the load has 2 hours/,
    ],
    [
      "an unknown layer",
      ["energy", "--layer", "optnet"],
      /--layer is optnet. Allowed choices are end-to-end, two-stage/,
    ],
    [
      "a place that there is not",
      ["energy", "--time-zone", "Atlantis"],
      /--time-zone is Atlantis, expected a name such as/,
    ],
    [
      "no Fashion-MNIST",
      ["fashion-mnist", "--data", join(scratch, "none")],
      /none: there is no such folder, expected Debian's package dataset-fashion-mnist, or a folder with the four files/,
    ],
    ["data where there are none", ["denoise", "--data", hourly], /expected no --data/],
  ];
  it.each(badInput)("%s: 2, in one line", async (_, args, message) => {
    const { exitCode, stderr } = await solvegrad(["train", ...args, "--out", join(scratch, "bad")]);
    expect(exitCode).toBe(2);
    expect(lines(stderr)).toHaveLength(1);
    expect(stderr).toMatch(message);
  });
});
