import type { FloatArray, View } from "./view.ts";

/**
 * A batch of matrices, the one form in which the native and wasm kernels see their operands: entry (i, j) of item b is
 * `data[offset + b * item + i * row + j * column]`. A matrix is a batch of one, a vector a matrix of one column.
 */
export interface Window<T extends FloatArray = FloatArray> {
  readonly data: T;
  readonly offset: number;
  readonly count: number;
  readonly rows: number;
  readonly columns: number;
  readonly item: number;
  readonly row: number;
  readonly column: number;
}

/** The window on a matrix (2 axes) or on a batch of them (3 axes). */
export function matrixWindow<T extends FloatArray>(v: View<T>): Window<T> {
  const { data, offset, shape, stride } = v;
  if (shape.length === 2) {
    return { data, offset, count: 1, rows: shape[0], columns: shape[1], item: 0, row: stride[0], column: stride[1] };
  }
  return {
    ...{ data, offset, count: shape[0], rows: shape[1], columns: shape[2] },
    ...{ item: stride[0], row: stride[1], column: stride[2] },
  };
}

/** The window on a vector (1 axis) or on a batch of them (2 axes), each a matrix of one column. */
export function vectorWindow<T extends FloatArray>(v: View<T>): Window<T> {
  const { data, offset, shape, stride } = v;
  const batched = shape.length === 2;
  const axis = batched ? 1 : 0;
  return {
    ...{ data, offset, count: batched ? shape[0] : 1, rows: shape[axis], columns: 1 },
    ...{ item: batched ? stride[0] : 0, row: stride[axis], column: 1 },
  };
}

export function transposedWindow<T extends FloatArray>(w: Window<T>): Window<T> {
  return { ...w, rows: w.columns, columns: w.rows, row: w.column, column: w.row };
}

export function isEmpty(w: Window): boolean {
  return w.count === 0 || w.rows === 0 || w.columns === 0;
}

export function itemOf<T extends FloatArray>(w: Window<T>, b: number): Window<T> {
  return { ...w, offset: w.offset + b * w.item, count: 1, item: 0 };
}

/** At most `size` rows from row `first` on. */
export function rowsOf<T extends FloatArray>(w: Window<T>, first: number, size: number): Window<T> {
  return { ...w, offset: w.offset + first * w.row, rows: Math.min(size, w.rows - first) };
}

/** At most `size` columns from column `first` on. */
export function columnsOf<T extends FloatArray>(w: Window<T>, first: number, size: number): Window<T> {
  return { ...w, offset: w.offset + first * w.column, columns: Math.min(size, w.columns - first) };
}

function itemsOf<T extends FloatArray>(w: Window<T>, first: number, count: number): Window<T> {
  return { ...w, offset: w.offset + first * w.item, count };
}

/** Runs over a batch a few items at a time, as many as have about this many bytes together. */
export function inChunks<T extends FloatArray>(
  bytes: number,
  operands: readonly Window<T>[],
  run: (part: readonly Window<T>[], first: number) => void,
): void {
  const { count, data } = operands[0];
  const itemBytes = operands.reduce((sum, w) => sum + w.rows * w.columns * data.BYTES_PER_ELEMENT, 0);
  const size = Math.max(1, Math.floor(bytes / Math.max(1, itemBytes)));
  if (size >= count) {
    run(operands, 0);
    return;
  }
  for (let first = 0; first < count; first += size) {
    const items = Math.min(size, count - first);
    run(
      operands.map((w) => itemsOf(w, first, items)),
      first,
    );
  }
}

/** The items of a batch stacked into one matrix of count * rows rows, or null where their strides do not allow it. */
function stackedByRows<T extends FloatArray>(w: Window<T>): Window<T> | null {
  if (w.rows !== 1 && w.item !== w.rows * w.row) return null;
  return { ...w, count: 1, rows: w.count * w.rows, row: w.rows === 1 ? w.item : w.row, item: 0 };
}

/** The items side by side: one matrix of count * columns columns, or null. */
function stackedByColumns<T extends FloatArray>(w: Window<T>): Window<T> | null {
  const stacked = stackedByRows(transposedWindow(w));
  return stacked && transposedWindow(stacked);
}

const isShared = (w: Window): boolean => w.count > 1 && w.item === 0;

/** A batch of products with one shared factor is one larger product, where the strides of the other two allow it. */
export function foldProduct<T extends FloatArray>(A: Window<T>, B: Window<T>, C: Window<T>): Window<T>[] {
  if (isShared(B)) {
    const [a, c] = [stackedByRows(A), stackedByRows(C)];
    if (a && c) return [a, itemOf(B, 0), c];
  }
  if (isShared(A)) {
    const [b, c] = [stackedByColumns(B), stackedByColumns(C)];
    if (b && c) return [itemOf(A, 0), b, c];
  }
  return [A, B, C];
}

/** A batch of solves with one shared matrix is one solve with more right-hand sides, where their strides allow it. */
export function foldSolve<T extends FloatArray>(L: Window<T>, B: Window<T>): Window<T>[] {
  const b = isShared(L) ? stackedByColumns(B) : null;
  return b ? [itemOf(L, 0), b] : [L, B];
}

/** Copies one window onto another of the same sizes, along the source's smaller stride. */
export function copyWindow(from: Window, to: Window): void {
  if (Math.abs(from.row) < Math.abs(from.column) && from.rows > 1) {
    copyLines(transposedWindow(from), transposedWindow(to));
  } else {
    copyLines(from, to);
  }
}

/** From here on a block copy of a line beats a loop. */
const LONG_LINE = 48;

function copyLines(from: Window, to: Window): void {
  const { count, rows, columns } = from;
  const block = columns >= LONG_LINE && from.column === 1 && to.column === 1;
  for (let b = 0; b < count; b++) {
    for (let i = 0; i < rows; i++) {
      const source = from.offset + b * from.item + i * from.row;
      const target = to.offset + b * to.item + i * to.row;
      if (block) to.data.set(from.data.subarray(source, source + columns), target);
      else copyLine(from.data, source, from.column, to.data, target, to.column, columns);
    }
  }
}

function copyLine(
  from: FloatArray,
  source: number,
  sourceStep: number,
  to: FloatArray,
  target: number,
  targetStep: number,
  length: number,
): void {
  for (let j = 0; j < length; j++, source += sourceStep, target += targetStep) to[target] = from[source];
}
