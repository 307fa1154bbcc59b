import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeSafetensors, type LabelledImages, loadMnist, mnistFiles, type TrainingEvent } from "@solvegrad/models";
import { afterAll, describe, expect, it } from "vitest";
import { lines, solvegrad } from "./command-line.ts";
import { expectOfflinePage, pictures } from "./page.ts";

const scratch = mkdtempSync(join(tmpdir(), "solvegrad-train-"));
afterAll(() => rmSync(scratch, { recursive: true }));

/** A folder with the first images of MNIST, so that a run is a matter of seconds. */
function smallMnist(trainCount: number, testCount: number): string {
  const folder = join(scratch, `mnist-${trainCount}-${testCount}`);
  mkdirSync(folder);
  const { train, test } = loadMnist();
  const write = (set: LabelledImages, count: number, images: string, labels: string) => {
    writeFileSync(join(folder, images), idx([count, 28, 28], set.images));
    writeFileSync(join(folder, labels), idx([count], set.labels));
  };
  write(train, trainCount, mnistFiles.trainImages.name, mnistFiles.trainLabels.name);
  write(test, testCount, mnistFiles.testImages.name, mnistFiles.testLabels.name);
  return folder;
}

function idx(shape: number[], values: Uint8Array): Uint8Array {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header.set([0, 0, 8, shape.length]);
  shape.forEach((extent, axis) => {
    header.writeUInt32BE(extent, 4 + 4 * axis);
  });
  const size = shape.reduce((product, extent) => product * extent, 1);
  return Buffer.concat([header, values.subarray(0, size)]);
}

/** These kernels give the same bits in every run. */
const env = { SOLVEGRAD_KERNELS: "wasm" };

const data = smallMnist(20 * 64, 200);

function metrics(out: string): TrainingEvent[] {
  return lines(readFileSync(join(out, "metrics.jsonl"), "utf8")).map((line) => JSON.parse(line));
}

const lossesOf = (events: TrainingEvent[]) => events.map(({ loss }) => loss);

describe("train mnist", () => {
  it("trains, says how far it is, and leaves weights, metrics, results and a page", async () => {
    const out = join(scratch, "whole", "run");
    const { exitCode, stdout, stderr } = await solvegrad(
      ["train", "mnist", "--data", data, "--out", out, "--seed", "4"],
      { env },
    );
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(lines(stdout).filter((line) => /^training \d+\/20 /.test(line))).toHaveLength(10);
    expect(stdout).toMatch(/^test accuracy \d+\.\d\d % \(\d+ of 200\)/m);
    for (const rule of ["implicit", "alternating", "unrolled"]) expect(stdout).toMatch(new RegExp(`^│ ${rule} `, "m"));

    const events = metrics(out);
    expect(events.map(({ kind }) => kind)).toEqual([...new Array(20).fill("step"), "evaluation"]);
    expect(lossesOf(events).every(Number.isFinite)).toBe(true);
    const file = join(out, "weights.safetensors");
    const { tensors } = decodeSafetensors(readFileSync(file), file);
    expect(tensors.get("features.3.weight")?.shape).toEqual([50, 20, 5, 5]);
    expect([...tensors.values()].every(({ values }) => values.every(Number.isFinite))).toBe(true);
    const results = JSON.parse(readFileSync(join(out, "run.json"), "utf8"));
    expect(results.settings).toMatchObject({ differentiation: "alternating", layer: "fixed", seed: 4, batchSize: 64 });
    expect(results.evaluations[0].measures).toEqual(events[20].measures);
    for (const { cosine } of results.comparison.rules) expect(cosine).toBeGreaterThan(1 - 1e-6);

    const page = readFileSync(join(out, "index.html"), "utf8");
    expectOfflinePage(page);
    expect(pictures(page)).toBe(4);
    expect(page).toContain("seed 4");
  });

  it("stops at Ctrl-C with everything saved and 130; --resume ends as the uninterrupted run does", async () => {
    const out = join(scratch, "interrupted");
    const args = ["train", "mnist", "--data", data, "--seed", "4", "--out", out];
    const stopped = await solvegrad(args, {
      env,
      onStart: (child) => child.stdout?.on("data", (text) => /^training 4\//m.test(text) && child.kill("SIGINT")),
    });
    expect({ exitCode: stopped.exitCode, signal: stopped.signal }).toEqual({ exitCode: 130, signal: null });
    expect(lines(stopped.stderr)).toHaveLength(2);
    expect(stopped.stderr).toMatch(/stopped after step \d+: weights, metrics and page are in .*interrupted/);
    const taken = metrics(out).length;
    expect(taken).toBeGreaterThanOrEqual(4);
    expect(taken).toBeLessThan(20);
    expect(readFileSync(join(out, "weights.safetensors")).length).toBeGreaterThan(700_000);
    expectOfflinePage(readFileSync(join(out, "index.html"), "utf8"));

    const resumed = await solvegrad([...args, "--resume"], { env });
    expect(resumed.exitCode).toBe(0);
    expect(resumed.stdout).toContain(`resumed after step ${taken}`);
    expect(lossesOf(metrics(out))).toEqual(lossesOf(metrics(join(scratch, "whole", "run"))));
  });

  it("killed without warning in the middle of an epoch: --resume ends with the same weights, bit for bit", async () => {
    const out = join(scratch, "killed");
    const args = ["train", "mnist", "--data", data, "--seed", "4", "--out", out];
    const killed = await solvegrad(args, {
      env,
      onStart: (child) => child.stdout?.on("data", (text) => /^training 8\//m.test(text) && child.kill("SIGKILL")),
    });
    expect(killed.signal).toBe("SIGKILL");
    const resumed = await solvegrad([...args, "--resume"], { env });
    expect(resumed.exitCode).toBe(0);
    const weights = (run: string) => readFileSync(join(run, "weights.safetensors"));
    expect(weights(out).equals(weights(join(scratch, "whole", "run")))).toBe(true);
  });

  it("goes on when the reader of its output goes away", async () => {
    const out = join(scratch, "unread");
    const { exitCode, stderr } = await solvegrad(
      ["train", "mnist", "--data", data, "--out", out, "--steps", "4", "--layer", "none"],
      {
        onStart: (child) => child.stdout?.destroy(),
      },
    );
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expectOfflinePage(readFileSync(join(out, "index.html"), "utf8"));
  });

  const occupied = join(scratch, "occupied");
  writeFileSync(occupied, "");
  const damaged = smallMnist(64, 64);
  writeFileSync(join(damaged, "train-images-idx3-ubyte"), idx([64, 28, 28], new Uint8Array(100)));
  const badInput: [string, string[], RegExp][] = [
    ["an unknown task", ["mnsit"], /train mnsit: no such task/],
    [
      "an unwritable folder",
      ["mnist", "--data", data, "--out", join(occupied, "run")],
      /cannot write to the folder .*occupied.run: a part of the path is a file/,
    ],
    [
      "a folder without data",
      ["mnist", "--data", join(scratch, "none"), "--out", join(scratch, "x")],
      /train-images-idx3-ubyte: cannot be read/,
    ],
    [
      "damaged data",
      ["mnist", "--data", damaged, "--out", join(scratch, "x")],
      /train-images-idx3-ubyte: is 116 bytes long.*expected 50192 bytes/,
    ],
    [
      "nothing to resume",
      ["mnist", "--data", data, "--out", join(scratch, "x"), "--resume"],
      /cannot resume: .*checkpoint\.safetensors does not exist/,
    ],
    [
      "an unknown layer",
      ["mnist", "--layer", "learned-B"],
      /--layer is learned-B. Allowed choices are fixed, learned-A, optnet, none/,
    ],
    ["a number of epochs that is none", ["mnist", "--epochs", "0"], /Expected a positive integer/],
  ];
  it.each(badInput)("%s: 2, in one line", async (_, args, message) => {
    const { exitCode, stderr } = await solvegrad(["train", ...args]);
    expect(exitCode).toBe(2);
    expect(lines(stderr)).toHaveLength(1);
    expect(stderr).toMatch(message);
  });

  it("does not resume a run of other settings: 2", async () => {
    const args = ["train", "mnist", "--data", data, "--out", join(scratch, "interrupted"), "--resume", "--seed", "5"];
    const { exitCode, stderr } = await solvegrad(args);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/cannot resume .*: seed was 4, expected the same and not 5/);
  });
});
