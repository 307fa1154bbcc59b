import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Module } from "@solvegrad/autograd";
import { DataFileError } from "../data-file-error.ts";
import { putWeights } from "../training/checkpoint.ts";
import { decodeSafetensors } from "../training/safetensors.ts";
import { configFile, weightsFile } from "../training/training-run.ts";
import { type DenoisingSettings, denoisingNetwork, denoisingSettings } from "./denoising-task.ts";
import { costScheduler, costSettings } from "./energy-cost-task.ts";
import { energyScheduler, energySettings } from "./energy-task.ts";
import { imageNetwork, imageSettings } from "./image-task.ts";
import { type SudokuSettings, sudokuNetwork, sudokuSettings } from "./sudoku-task.ts";

/** The settings of either energy task: `cost` tells which. */
interface EnergyRun {
  readonly cost?: string;
}

/** The networks of the tasks, from the settings that their runs were saved with. */
const networks = {
  mnist: (settings: object) => imageNetwork(imageSettings(settings)),
  "fashion-mnist": (settings: object) => imageNetwork(imageSettings(settings)),
  sudoku: ({ block = 2, ...settings }: Partial<SudokuSettings> & { readonly block?: number }) =>
    sudokuNetwork(sudokuSettings(settings), block),
  energy: ({ cost, ...settings }: EnergyRun) =>
    cost === "weighted" ? costScheduler(costSettings(settings)) : energyScheduler(energySettings(settings)),
  denoise: ({ length = 100, ...settings }: Partial<DenoisingSettings> & { readonly length?: number }) =>
    denoisingNetwork(denoisingSettings(settings), length),
} satisfies Record<string, (settings: object) => Module>;

export interface SavedNetwork {
  /** The task that it was trained for. */
  readonly task: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly network: Module;
}

/**
 * The trained network that a run left in a folder, from its config.json and weights.safetensors. The data of a layer that are not
 * learned come from the seed among the settings. Throws a DataFileError for a file that is missing, damaged, or of another network.
 */
export function loadNetwork(folder: string): SavedNetwork {
  const { task, settings } = readConfig(join(folder, configFile));
  const network = networks[task](settings);
  loadWeights(network, join(folder, weightsFile));
  return { task, settings, network };
}

/**
 * Sets the parameters of a network from a safetensors file, by this or any other program. Throws a DataFileError that names the file
 * where it is missing or damaged, and where a parameter is missing or has another shape.
 */
export function loadWeights(network: Module, file: string): void {
  const { tensors } = decodeSafetensors(read(file), file);
  putWeights(network, (name) => tensors.get(name), file);
}

interface Config {
  readonly task: keyof typeof networks;
  readonly settings: Readonly<Record<string, unknown>>;
}

function readConfig(file: string): Config {
  const config: unknown = parsed(read(file), file);
  const { task, settings } = (config ?? {}) as Record<string, unknown>;
  if (typeof task !== "string" || !Object.hasOwn(networks, task)) {
    throw new DataFileError(file, `is of the task ${String(task)}, expected ${Object.keys(networks).join(", ")}`);
  }
  if (typeof settings !== "object" || settings === null)
    throw new DataFileError(file, "has no settings, expected those of the run");
  return { task: task as Config["task"], settings: { ...settings } };
}

function parsed(bytes: Uint8Array, file: string): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new DataFileError(file, "is not JSON, expected the task and settings of a run", { cause });
  }
}

function read(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DataFileError(file, `cannot be read (${reason}), expected what a run leaves`, { cause });
  }
}
