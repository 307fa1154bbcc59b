import { type Module, mseLoss, random, type Tensor } from "@solvegrad/autograd";
import { type Board, isSolved, type SudokuBatch, type SudokuSet, sudokuExamples } from "../datasets/sudoku.ts";
import { type Differentiation, layerMethod } from "../networks/layer-method.ts";
import { SudokuConvNet, SudokuPerceptron } from "../networks/sudoku-baselines.ts";
import { SudokuOptNet } from "../networks/sudoku-optnet.ts";
import { NetworkOptimizer } from "../training/network-optimizer.ts";
import type { Task } from "../training/task.ts";

/** The network: OptNet's layer, or one of its baselines. */
export const sudokuNetworks = ["optnet", "perceptron", "convolutions"] as const;
export type SudokuNetwork = (typeof sudokuNetworks)[number];

/** What decides the network and its training, beside the data and the run's length. */
export interface SudokuSettings {
  readonly layer: SudokuNetwork;
  readonly differentiation: Differentiation;
  readonly seed: number;
  readonly batchSize: number;
  readonly tolerance: number;
  readonly onFailure: "raise" | "mask";
  /** Of Adam; it falls to zero along half a cosine. */
  readonly learningRate: number;
  /** Near a learned game the layer's constraints are degenerate and single gradients are ten times the others: they are cut. */
  readonly maxGradientNorm: number;
  /** Filters of each convolution of that baseline, 512 in the paper. */
  readonly width: number;
}

/** Settings with values that learn the game for what is not given. */
export function sudokuSettings(given: Partial<SudokuSettings> = {}): SudokuSettings {
  const { differentiation = "implicit", layer = "optnet" } = given;
  const optnet = layer === "optnet";
  return {
    layer,
    differentiation,
    seed: given.seed ?? 0,
    batchSize: given.batchSize ?? 150,
    tolerance: given.tolerance ?? (differentiation === "implicit" ? 1e-6 : 1e-4),
    onFailure: given.onFailure ?? "raise",
    learningRate: given.learningRate ?? (optnet ? 0.05 : 1e-3),
    maxGradientNorm: given.maxGradientNorm ?? (optnet ? 0.02 : Number.MAX_VALUE),
    width: given.width ?? 64,
  };
}

export interface SudokuTask extends Task<SudokuBatch> {
  readonly settings: SudokuSettings & Task["settings"];
}

/** A network that learns to solve Sudoku from solved examples alone, by their mean squared error. */
export function sudokuTask(
  settings: SudokuSettings,
  data: { readonly train: SudokuSet; readonly test: SudokuSet },
): SudokuTask {
  const { learningRate, maxGradientNorm } = settings;
  const { block } = data.train;
  const network = sudokuNetwork(settings, block);
  return {
    name: "sudoku",
    settings: { ...settings, block },
    network,
    optimizer: new NetworkOptimizer(network, { learningRate, maxGradientNorm }),
    train: sudokuExamples(data.train),
    test: sudokuExamples(data.test),
    headline: { measure: "wrong", words: "boards wrong", better: "lower", share: true },
    loss({ puzzles, solutions }) {
      const answers = network.forward(puzzles);
      return { loss: mseLoss(answers, solutions), measures: { wrong: shareWrong(answers, block) } };
    },
    layerSolution: () => (network instanceof SudokuOptNet ? network.lastSolution : null),
  };
}

/** The network of these settings for boards of blocks of this size, freshly drawn from their seed. */
export function sudokuNetwork(settings: SudokuSettings, block: number): Module {
  const { layer, differentiation, tolerance, onFailure, seed, width } = settings;
  switch (layer) {
    case "optnet":
      return new SudokuOptNet(random(seed), { ...layerMethod(differentiation, { tolerance }), onFailure, block });
    case "perceptron":
      return new SudokuPerceptron(random(seed), { block });
    case "convolutions":
      return new SudokuConvNet(random(seed), { block, width });
  }
}

/** The share of boards that break a rule when each cell takes the digit of its largest entry. */
export function shareWrong(answers: Tensor, block: number): number {
  const boards = boardsOf(answers, block);
  return boards.filter((board) => !isSolved(board, block)).length / boards.length;
}

function boardsOf(answers: Tensor, block: number): Board[] {
  const size = block * block;
  const cells = size * size;
  const digits = answers.reshape([answers.shape[0] * cells, size]).argmax(1);
  return Array.from({ length: answers.shape[0] }, (_, i) =>
    Uint8Array.from(digits.slice(i * cells, (i + 1) * cells), (digit) => digit + 1),
  );
}
