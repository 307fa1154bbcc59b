import { type Random, type Tensor, tensor } from "@solvegrad/autograd";
import { DataFileError } from "../data-file-error.ts";
import type { Examples } from "../training/examples.ts";

/** A board of size x size cells row by row, each 1 to size, or 0 where it is blank. */
export type Board = Uint8Array;

/** Sudokus of one size: blocks of `block` x `block` cells. */
export interface SudokuSet {
  /** 2 for the 4 x 4 boards of mini-Sudoku, 3 for 9 x 9. */
  readonly block: number;
  readonly puzzles: readonly Board[];
  readonly solutions: readonly Board[];
}

/** Puzzles ready for a network. */
export interface SudokuBatch {
  /** (B, size^3), float64: for each cell one 1 among `size` numbers at its digit, zeros where it is blank. */
  readonly puzzles: Tensor;
  /** (B, size^3), float64: the same of the solutions. */
  readonly solutions: Tensor;
  /** The solved boards. */
  readonly boards: readonly Board[];
}

export function sudokuExamples({ block, puzzles, solutions }: SudokuSet): Examples<SudokuBatch> {
  return {
    count: puzzles.length,
    batch(places) {
      const pick = (boards: readonly Board[]) => Array.from(places, (place) => boards[place]);
      const boards = pick(solutions);
      return { puzzles: oneHot(pick(puzzles), block), solutions: oneHot(boards, block), boards };
    },
  };
}

function oneHot(boards: readonly Board[], block: number): Tensor {
  const size = block * block;
  const values = new Float64Array(boards.length * size ** 3);
  boards.forEach((board, i) => {
    board.forEach((digit, cell) => {
      if (digit > 0) values[(i * size * size + cell) * size + digit - 1] = 1;
    });
  });
  return tensor(values, { shape: [boards.length, size ** 3] });
}

/** For each cell the digits that its row, its column and its block leave, as bits 1 << digit. */
function candidates(board: Board, cell: number, block: number): number {
  const size = block * block;
  const [row, column] = [Math.floor(cell / size), cell % size];
  const [top, left] = [row - (row % block), column - (column % block)];
  let taken = 0;
  for (let k = 0; k < size; k++) {
    taken |= 1 << board[row * size + k];
    taken |= 1 << board[k * size + column];
    taken |= 1 << board[(top + Math.floor(k / block)) * size + left + (k % block)];
  }
  return ~taken & ((1 << (size + 1)) - 2);
}

/**
 * The boards that complete `board` without a repeated digit in a row, column or block, one after another: depth first, at the
 * blank cell with the fewest candidates. `order` gives the order in which digits are tried.
 */
export function* completions(board: Board, block: number, order?: Int32Array): Generator<Board> {
  const size = block * block;
  let best = -1;
  let fewest = size + 1;
  let allowed = 0;
  for (let cell = 0; cell < board.length && fewest > 1; cell++) {
    if (board[cell] > 0) continue;
    const open = candidates(board, cell, block);
    const count = bitCount(open);
    if (count < fewest) [best, fewest, allowed] = [cell, count, open];
  }
  if (best < 0) {
    yield board.slice();
    return;
  }
  for (let k = 0; k < size; k++) {
    const digit = order ? order[k] + 1 : k + 1;
    if ((allowed & (1 << digit)) === 0) continue;
    const next = board.slice();
    next[best] = digit;
    yield* completions(next, block, order);
  }
}

function bitCount(bits: number): number {
  let count = 0;
  for (let rest = bits; rest !== 0; rest &= rest - 1) count++;
  return count;
}

/** All 288 solved boards of mini-Sudoku. */
export function miniSudokuGrids(): Board[] {
  return [...completions(new Uint8Array(16), 2)];
}

/** Whether a puzzle has exactly one solution. */
export function isUnique(puzzle: Board, block: number): boolean {
  const found = completions(puzzle, block);
  return !found.next().done && found.next().done === true;
}

/** Removes digits in random order while the solution stays unique, until none can go or `givens` are left. */
export function puzzleOf(solution: Board, block: number, random: Random, givens = 0): Board {
  const puzzle = solution.slice();
  let left = puzzle.length;
  for (const cell of random.permutation(puzzle.length)) {
    if (left <= givens) break;
    const digit = puzzle[cell];
    puzzle[cell] = 0;
    if (isUnique(puzzle, block)) left--;
    else puzzle[cell] = digit;
  }
  return puzzle;
}

/** A random solved board: the first three blocks' diagonal at random, the rest by search with shuffled digits. */
function randomGrid(block: number, random: Random): Board {
  const size = block * block;
  const board = new Uint8Array(size * size);
  for (let d = 0; d < size; d += block) {
    random.permutation(size).forEach((digit, k) => {
      board[(d + Math.floor(k / block)) * size + d + (k % block)] = digit + 1;
    });
  }
  const first = completions(board, block, random.permutation(size)).next();
  if (first.done) throw new Error("a board with a filled diagonal has a completion");
  return first.value;
}

/**
 * Puzzles with unique solutions, drawn from the seed: 4 x 4 (`block` 2) from the 288 grids, 9 x 9 (`block` 3) from random
 * ones. `givens`, drawn between its two bounds for each puzzle, are what is left of the solution, or more where uniqueness asks for
 * it.
 */
export function generateSudoku(
  count: number,
  random: Random,
  { block = 2, givens = [4, 10] }: { readonly block?: number; readonly givens?: readonly [number, number] } = {},
): SudokuSet {
  const grids = block === 2 ? miniSudokuGrids() : null;
  const puzzles: Board[] = [];
  const solutions: Board[] = [];
  for (let i = 0; i < count; i++) {
    const solution = grids ? grids[random.integers(1, { high: grids.length })[0]] : randomGrid(block, random);
    const kept = random.integers(1, { low: givens[0], high: givens[1] + 1 })[0];
    puzzles.push(puzzleOf(solution, block, random, kept));
    solutions.push(solution);
  }
  return { block, puzzles, solutions };
}

/**
 * Reads lines `puzzle,solution` of digits, 0 for blank, with or without a header. Throws a DataFileError that names the line for
 * boards of another size, and for a solution that is not the puzzle's.
 */
export function parseSudoku(text: string, file: string): SudokuSet {
  const rows = text.split(/\r?\n/).map((line, i) => ({ line: line.trim(), number: i + 1 }));
  const boards = rows.filter(({ line }) => line !== "" && !/^puzzle\s*,/i.test(line));
  if (boards.length === 0) throw new DataFileError(file, "holds no puzzle, expected lines puzzle,solution");
  const parsed = boards.map(({ line, number }) => parseLine(line, number, file));
  const block = Math.sqrt(Math.sqrt(parsed[0].puzzle.length));
  for (const [i, { puzzle }] of parsed.entries()) {
    if (puzzle.length === block ** 4) continue;
    throw new DataFileError(file, `line ${boards[i].number} has ${puzzle.length} cells, expected ${block ** 4}`);
  }
  return { block, puzzles: parsed.map(({ puzzle }) => puzzle), solutions: parsed.map(({ solution }) => solution) };
}

function parseLine(line: string, number: number, file: string): { puzzle: Board; solution: Board } {
  const fail = (problem: string): never => {
    throw new DataFileError(file, `line ${number} ${problem}`);
  };
  const [puzzle, solution] = line.split(",").map((part) => Uint8Array.from(part.trim(), Number));
  const block = Math.sqrt(Math.sqrt(puzzle.length));
  if (![2, 3].includes(block)) return fail(`has ${puzzle.length} cells, expected 16 or 81`);
  if (solution?.length !== puzzle.length) return fail(`has no solution of ${puzzle.length} cells after its comma`);
  if (!/^\d+$/.test(line.replace(/[,\s]/g, ""))) return fail("has a character that is not a digit");
  if (puzzle.some((digit, cell) => digit > 0 && digit !== solution[cell]))
    return fail("has a solution that changes a given");
  if (!isSolved(solution, block)) return fail("has a solution that repeats a digit or leaves a blank");
  return { puzzle, solution };
}

/** Whether every row, column and block of a board holds every digit once. */
export function isSolved(board: Board, block: number): boolean {
  const size = block * block;
  const all = (1 << (size + 1)) - 2;
  const holdsAll = (cellOf: (k: number) => number) => {
    let seen = 0;
    for (let k = 0; k < size; k++) seen |= 1 << board[cellOf(k)];
    return seen === all;
  };
  for (let i = 0; i < size; i++) {
    const [top, left] = [block * Math.floor(i / block), block * (i % block)];
    if (!holdsAll((k) => i * size + k) || !holdsAll((k) => k * size + i)) return false;
    if (!holdsAll((k) => (top + Math.floor(k / block)) * size + left + (k % block))) return false;
  }
  return true;
}
