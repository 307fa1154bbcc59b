import { random } from "@solvegrad/autograd";
import { describe, expect, it } from "vitest";
import { DataFileError } from "../src/data-file-error.ts";
import {
  generateSudoku,
  isSolved,
  isUnique,
  miniSudokuGrids,
  parseSudoku,
  puzzleOf,
  sudokuExamples,
} from "../src/datasets/sudoku.ts";

const grid = Uint8Array.from("1234341221434321", Number);

describe("mini-Sudoku", () => {
  it("has 288 grids, all different and all solved", () => {
    const grids = miniSudokuGrids();
    expect(grids).toHaveLength(288);
    expect(new Set(grids.map(String)).size).toBe(288);
    expect(grids.every((board) => isSolved(board, 2))).toBe(true);
  });

  it("knows a board that repeats a digit, or has a blank, is not solved", () => {
    expect(isSolved(grid, 2)).toBe(true);
    expect(isSolved(Uint8Array.from("1234341221434322", Number), 2)).toBe(false);
    expect(isSolved(Uint8Array.from("1234341221434320", Number), 2)).toBe(false);
    // rows and columns are right, the blocks are not
    expect(isSolved(Uint8Array.from("1234234134124123", Number), 2)).toBe(false);
  });

  it("takes digits away while the solution stays the only one, and no further than it may", () => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const puzzle = puzzleOf(grid, 2, random(seed));
      expect(isUnique(puzzle, 2)).toBe(true);
      const givens = [...puzzle.keys()].filter((cell) => puzzle[cell] > 0);
      expect(givens.length).toBeGreaterThanOrEqual(4);
      for (const cell of givens) expect(isUnique(puzzle.with(cell, 0), 2)).toBe(false);
      expect(puzzleOf(grid, 2, random(seed), 9).filter((digit) => digit > 0)).toHaveLength(9);
    }
  });

  it("is drawn from the seed, every puzzle with its own solution", () => {
    const set = generateSudoku(60, random(7));
    expect(set).toEqual(generateSudoku(60, random(7)));
    expect(set.puzzles).not.toEqual(generateSudoku(60, random(8)).puzzles);
    set.puzzles.forEach((puzzle, i) => {
      expect(isUnique(puzzle, 2)).toBe(true);
      expect(puzzle.every((digit, cell) => digit === 0 || digit === set.solutions[i][cell])).toBe(true);
      expect(puzzle.filter((digit) => digit > 0).length).toBeLessThanOrEqual(10);
    });
    expect(new Set(set.solutions.map(String)).size).toBeGreaterThan(40);
  });

  it("enters a network as one number a digit and cell", () => {
    const { puzzles, solutions, boards } = sudokuExamples({
      block: 2,
      puzzles: [grid, grid.with(0, 0)],
      solutions: [grid, grid],
    }).batch(Int32Array.of(1));
    expect(puzzles.shape).toEqual([1, 64]);
    expect([...puzzles.data().slice(0, 8)]).toEqual([0, 0, 0, 0, 0, 1, 0, 0]);
    expect([...solutions.data().slice(0, 8)]).toEqual([1, 0, 0, 0, 0, 1, 0, 0]);
    expect(boards).toEqual([grid]);
  });
});

describe("9 x 9 Sudoku", () => {
  it("is generated with a unique solution and no given too many for uniqueness", () => {
    const { puzzles, solutions } = generateSudoku(3, random(1), { block: 3, givens: [26, 34] });
    puzzles.forEach((puzzle, i) => {
      expect(isSolved(solutions[i], 3)).toBe(true);
      expect(isUnique(puzzle, 3)).toBe(true);
      expect(puzzle.filter((digit) => digit > 0).length).toBeLessThanOrEqual(40);
    });
  });
});

describe("parseSudoku", () => {
  const solution = "1234341221434321";
  it("reads puzzles and solutions with or without a header", () => {
    const text = `puzzle,solution\n0234341221434321,${solution}\r\n\n1230341221434321,${solution}\n`;
    const set = parseSudoku(text, "file");
    expect(set.block).toBe(2);
    expect(set.puzzles.map(String)).toEqual([grid.with(0, 0), grid.with(3, 0)].map(String));
    expect(parseSudoku(text.split("\n").slice(1).join("\n"), "file")).toEqual(set);
  });

  const damages: [string, string, string][] = [
    ["nothing", "puzzle,solution\n", "file: holds no puzzle"],
    ["a short board", `123,${solution}`, "file: line 1 has 3 cells, expected 16 or 81"],
    ["no solution", "0234341221434321", "file: line 1 has no solution of 16 cells"],
    ["a letter", `x234341221434321,${solution}`, "file: line 1 has a character that is not a digit"],
    ["another solution", `4234341221434321,${solution}`, "file: line 1 has a solution that changes a given"],
    ["a wrong solution", "0234341221434322,1234341221434322", "file: line 1 has a solution that repeats a digit"],
    ["two sizes", `0234341221434321,${solution}\n${"0".repeat(81)},${"1".repeat(81)}`, "file: line 2"],
  ];
  it.each(damages)("names a file with %s", (_, text, message) => {
    expect(() => parseSudoku(text, "file")).toThrow(DataFileError);
    expect(() => parseSudoku(text, "file")).toThrow(message);
  });
});
