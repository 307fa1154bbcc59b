import { type Module, mseLoss, random, type Tensor } from "@solvegrad/autograd";
import { type Board, isSolved, type SudokuBatch, type SudokuSet, sudokuExamples } from "../datasets/sudoku.ts";
import { type Differentiation, layerMethod } from "../networks/layer-method.ts";
import { SudokuOptNet } from "../networks/sudoku-optnet.ts";
import { NetworkOptimizer } from "../training/network-optimizer.ts";
import type { Task } from "../training/task.ts";

/** What decides the network and its training, beside the data and the run's length. */
export interface SudokuSettings {
  readonly differentiation: Differentiation;
  readonly seed: number;
  readonly batchSize: number;
  readonly tolerance: number;
  readonly onFailure: "raise" | "mask";
  /** Of Adam. */
  readonly learningRate: number;
  /** Near a solved game the layer's constraints are degenerate and single gradients are ten times the others: they are cut. */
  readonly maxGradientNorm: number;
}

export function sudokuSettings(given: Partial<SudokuSettings> = {}): SudokuSettings {
  const { differentiation = "implicit" } = given;
  return {
    differentiation,
    seed: given.seed ?? 0,
    batchSize: given.batchSize ?? 150,
    tolerance: given.tolerance ?? 1e-6,
    onFailure: given.onFailure ?? "raise",
    learningRate: given.learningRate ?? 0.05,
    maxGradientNorm: given.maxGradientNorm ?? 0.02,
  };
}

export function sudokuTask(
  settings: SudokuSettings,
  data: { readonly train: SudokuSet; readonly test: SudokuSet },
): Task<SudokuBatch> & { readonly network: Module } {
  const { differentiation, tolerance, onFailure, seed, learningRate, maxGradientNorm } = settings;
  const { block } = data.train;
  const method = layerMethod(differentiation, { tolerance });
  const network = new SudokuOptNet(random(seed), { ...method, onFailure, block });
  return {
    name: "sudoku",
    settings: { ...settings },
    network,
    optimizer: new NetworkOptimizer(network, { learningRate, maxGradientNorm }),
    train: sudokuExamples(data.train),
    test: sudokuExamples(data.test),
    headline: { measure: "wrong", words: "boards wrong", better: "lower", share: true },
    loss({ puzzles, solutions }) {
      const answers = network.forward(puzzles);
      return { loss: mseLoss(answers, solutions), measures: { wrong: shareWrong(answers, block) } };
    },
    layerSolution: () => network.lastSolution,
  };
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
