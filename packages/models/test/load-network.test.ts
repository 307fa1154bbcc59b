import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Module, random, type Tensor, tensor, zeros } from "@solvegrad/autograd";
import { afterAll, describe, expect, it } from "vitest";
import { DataFileError } from "../src/data-file-error.ts";
import { loadWindows } from "../src/datasets/load-windows.ts";
import { generateSignals } from "../src/datasets/signals.ts";
import { generateSudoku } from "../src/datasets/sudoku.ts";
import { syntheticLoad } from "../src/datasets/synthetic-load.ts";
import { denoisingSettings, denoisingTask } from "../src/experiments/denoising-task.ts";
import { costSettings, costTask } from "../src/experiments/energy-cost-task.ts";
import { energySettings, energyTask } from "../src/experiments/energy-task.ts";
import { imageSettings, imageTask } from "../src/experiments/image-task.ts";
import { loadNetwork, loadWeights } from "../src/experiments/load-network.ts";
import { sudokuSettings, sudokuTask } from "../src/experiments/sudoku-task.ts";
import { decodeSafetensors } from "../src/training/safetensors.ts";
import type { Task } from "../src/training/task.ts";
import { TrainingRun } from "../src/training/training-run.ts";

const scratch = mkdtempSync(join(tmpdir(), "solvegrad-load-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const images = { count: 2, rows: 28, columns: 28, images: new Uint8Array(2 * 784), labels: Uint8Array.of(1, 2) };
const load = loadWindows(syntheticLoad(40, random(1)));
const sudokus = generateSudoku(4, random(1));
const signals = generateSignals(3, random(1));
const both = <T>(part: T) => ({ train: part, test: part });

const tasks: [string, () => Task, Tensor][] = [
  [
    "mnist",
    () => imageTask(imageSettings({ layer: "learned-A", seed: 3 }), both(images)),
    random(2).normal([2, 1, 28, 28]).to("float32"),
  ],
  ["sudoku", () => sudokuTask(sudokuSettings({ seed: 3 }), both(sudokus)), zeros([1, 64])],
  [
    "sudoku of convolutions",
    () => sudokuTask(sudokuSettings({ layer: "convolutions", width: 4 }), both(sudokus)),
    zeros([1, 64]),
  ],
  ["energy", () => energyTask(energySettings({ ramp: 0.03 }), load), random(2).uniform([2, 72])],
  [
    "cost-weighted energy",
    () => costTask(costSettings({ layer: "squared-error", low: 1, high: 3 }), load),
    random(2).uniform([2, 72]),
  ],
  [
    "denoising",
    () => denoisingTask(denoisingSettings({ layer: "perceptron" }), both(signals)),
    random(2).normal([2, signals.length]),
  ],
];

describe("loadNetwork", () => {
  it.each(tasks)("rebuilds a network of %s from what its run left, with the same answers", (name, make, input) => {
    const task = make();
    const generator = random(9);
    for (const parameter of task.network.parameters().values()) {
      const values = parameter.data();
      values.forEach((value, k) => {
        values[k] = value + 0.01 * generator.next();
      });
    }
    const folder = join(scratch, name);
    TrainingRun.begin(task, folder).close();
    const saved = loadNetwork(folder);
    expect(saved.task).toBe(task.name);
    expect(saved.settings).toEqual(task.settings);
    expect(saved.network.forward(input).toArray()).toEqual(task.network.forward(input).toArray());
  });

  function folderWith(name: string, config: string): string {
    const folder = join(scratch, name);
    mkdirSync(folder);
    writeFileSync(join(folder, "config.json"), config);
    return folder;
  }

  const damages: [string, string, RegExp][] = [
    ["another task", '{"task": "chess", "settings": {}}', /config.json: is of the task chess, expected mnist, fashion/],
    ["no settings", '{"task": "mnist"}', /config.json: has no settings/],
    ["something else", "weights", /config.json: is not JSON/],
    ["nothing", "null", /config.json: is of the task undefined/],
    ["no weights", '{"task": "energy", "settings": {}}', /weights.safetensors: cannot be read/],
  ];
  it.each(damages)("refuses a folder with a config of %s", (name, config, message) => {
    const folder = folderWith(name, config);
    expect(() => loadNetwork(folder)).toThrow(DataFileError);
    expect(() => loadNetwork(folder)).toThrow(message);
  });

  it("refuses a folder that is not there, and weights of another network", () => {
    expect(() => loadNetwork(join(scratch, "nowhere"))).toThrow(/nowhere.config.json: cannot be read/);
    const folder = folderWith("mixed", '{"task": "energy", "settings": {}}');
    const weights = readFileSync(join(scratch, "denoising", "weights.safetensors"));
    writeFileSync(join(folder, "weights.safetensors"), weights);
    expect(() => loadNetwork(folder)).toThrow(/mixed.weights.safetensors: has no weights forecaster.0.weight/);
  });
});

/** Three numbers to two, of the shapes in the file that Python wrote. */
class Scaled extends Module {
  readonly weight: Tensor;
  readonly bias = zeros([2], { requiresGrad: true });
  readonly scale = zeros([], { requiresGrad: true });

  constructor(shape: [number, number]) {
    super();
    this.weight = zeros(shape, { requiresGrad: true });
  }

  override forward(x: Tensor): Tensor {
    return x.matmul(this.weight.transpose()).mul(this.scale);
  }
}

describe("a file that safetensors for Python wrote", () => {
  const file = join(import.meta.dirname, "fixtures/python.safetensors");

  it("is read to the bit, with its metadata", () => {
    const { tensors, metadata } = decodeSafetensors(readFileSync(file), file);
    expect(tensors.get("weight")).toEqual({ shape: [2, 3], values: Float32Array.of(1, -2, 0.5, 4, 5, 1e-38) });
    expect(tensors.get("bias")).toEqual({ shape: [2], values: Float64Array.of(Math.PI, -1e300) });
    expect(tensors.get("scale")).toEqual({ shape: [], values: Float32Array.of(0.25) });
    expect(tensors.get("empty")).toEqual({ shape: [0, 2], values: new Float32Array() });
    expect(metadata).toEqual({ "made by": "safetensors for Python", text: "é" });
  });

  it("is taken over as a network's weights, in the network's dtype", () => {
    const network = new Scaled([2, 3]);
    loadWeights(network, file);
    expect(network.forward(tensor([[1, 1, 0]])).toArray()).toEqual([[-0.25, 2.25]]);
    expect(network.bias.toArray()).toEqual([Math.PI, -1e300]);
  });

  it("is refused where the network has other shapes, which leaves the network as it was", () => {
    const network = new Scaled([3, 2]);
    const shapes = "has weights weight of the shape (2, 3), expected (3, 2): they are of another network";
    expect(() => loadWeights(network, file)).toThrow(`python.safetensors: ${shapes}`);
    expect(network.bias.toArray()).toEqual([0, 0]);
  });
});
