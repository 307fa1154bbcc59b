import { readFileSync } from "node:fs";
import { mseLoss, random } from "@solvegrad/autograd";
import {
  DataFileError,
  type Differentiation,
  firstOf,
  generateSudoku,
  parseSudoku,
  problemOfLayer,
  SudokuOptNet,
  type SudokuSet,
  type SudokuSettings,
  type SudokuTask,
  sudokuNetworks,
  sudokuSettings,
  sudokuTask,
} from "@solvegrad/models";
import { compareProblem } from "../comparison/compare-problem.ts";
import { reasonOf } from "../input/read-text.ts";
import * as text from "../output/numbers.ts";
import { choice } from "./choice.ts";
import { learningRate } from "./learning-rate.ts";
import type { PreparedTask, TaskOptions, TaskWords } from "./prepared-task.ts";

/** Boards that are generated where no file is given. */
const generated = 10_000;

/** Sudoku from a file `puzzle,solution`, or mini-Sudoku generated from the seed: nine tenths to learn from, one to be tested on. */
export async function sudokuTraining(options: TaskOptions): Promise<PreparedTask> {
  const { data, source } = boards(options);
  const layer = choice("--layer", options.layer ?? "optnet", sudokuNetworks);
  const settings = sudokuSettings({ ...options, differentiation: options.differentiation as Differentiation, layer });
  const rate = learningRate(options);
  const task = rate.recordedIn(sudokuTask(settings, data));
  const { network } = task;
  const { seed, batchSize } = settings;
  return {
    task,
    seed,
    batchSize,
    schedule: rate.schedule,
    words: words(task, settings, { size: data.train.block ** 2, source, rate: rate.words }),
    compare: network instanceof SudokuOptNet ? (signal) => compareOnTestBatch(task, network, signal) : null,
  };
}

function boards({ data, seed }: TaskOptions): { data: { train: SudokuSet; test: SudokuSet }; source: string } {
  const set = data === undefined ? generateSudoku(generated, random(seed)) : readBoards(data);
  const count = set.puzzles.length;
  const begin = Math.floor(0.9 * count);
  if (begin === 0) throw new DataFileError(data ?? "", `holds ${count} puzzle, expected two or more`);
  const part = (from: number, to: number): SudokuSet => ({
    block: set.block,
    puzzles: set.puzzles.slice(from, to),
    solutions: set.solutions.slice(from, to),
  });
  const source = data ?? `generated from seed ${seed}`;
  return { data: { train: part(0, begin), test: part(begin, count) }, source };
}

function readBoards(file: string): SudokuSet {
  try {
    return parseSudoku(readFileSync(file, "utf8"), file);
  } catch (error) {
    if (error instanceof DataFileError) throw error;
    throw new DataFileError(file, `cannot be read (${reasonOf(error)}), expected lines puzzle,solution`);
  }
}

/** The gradients of the trained layer for the loss of the first test puzzles. */
function compareOnTestBatch({ test }: SudokuTask, network: SudokuOptNet, signal: AbortSignal) {
  const { puzzles, solutions } = firstOf(test, compared);
  const { problem, cotangent } = problemOfLayer(network.layerData(puzzles), (x) => mseLoss(x, solutions));
  return compareProblem(problem, cotangent, { signal });
}

const compared = 10;

const networkWords = {
  optnet: "one optimization layer with learned equalities (OptNet, section 4.4)",
  perceptron: "the fully connected baseline of OptNet (section 4.4)",
  convolutions: "the convolutional baseline of OptNet (section 4.4)",
} as const;

function words(
  { train, test }: SudokuTask,
  settings: SudokuSettings,
  { size, source, rate }: { readonly size: number; readonly source: string; readonly rate: string },
): TaskWords {
  const { layer, differentiation, tolerance, learningRate, batchSize } = settings;
  const board = `${size} x ${size}`;
  const method = layer === "optnet" ? `, ${differentiation}, tolerance ${text.tolerance(tolerance)}` : "";
  const network = `${networkWords[layer]}${method}`;
  const capital = text.capital(network);
  return {
    title: `Sudoku (${board}) learned from examples`,
    data: `${text.thousands(train.count)} training and ${text.thousands(test.count)} test puzzles of ${board}, ${source}`,
    network,
    lead: `${capital}. It is told nothing of the rules. Batches of ${batchSize}, Adam at ${learningRate}${rate}.`,
    examples: "puzzles",
    loss: "mean squared error",
    headline: "boards with a rule broken",
    comparison: `The optimization layer after training, on the first ${Math.min(compared, test.count)} test puzzles, for their loss`,
  };
}
