import { allocate, dtypeOf, type FloatArray } from "../view.ts";
import { copyWindow, type Window } from "../window.ts";

/** CBLAS's numbers for its enumerations. */
export const ROW_MAJOR = 101;
export const COLUMN_MAJOR = 102;
export const NO_TRANSPOSE = 111;
export const TRANSPOSE = 112;
export const UPPER = 121;
export const LOWER = 122;
export const NON_UNIT = 131;
export const UNIT = 132;
export const LEFT = 141;

export type Order = typeof ROW_MAJOR | typeof COLUMN_MAJOR;

/** A matrix as BLAS takes it: its first entry, its order, and the distance between its rows (or columns). */
export interface Operand {
  readonly start: FloatArray;
  readonly order: Order;
  readonly leading: number;
}

/** How BLAS can address the window in place, or null where neither axis has unit stride (or rows overlap). */
function inPlace(w: Window): Omit<Operand, "start"> | null {
  const { rows, columns, row, column } = w;
  if ((column === 1 || columns === 1) && (rows === 1 || row >= columns)) {
    return { order: ROW_MAJOR, leading: rows === 1 ? columns : row };
  }
  if ((row === 1 || rows === 1) && (columns === 1 || column >= rows)) {
    return { order: COLUMN_MAJOR, leading: columns === 1 ? rows : column };
  }
  return null;
}

/** The array from entry `offset` on. */
function startingAt<T extends FloatArray>(data: T, offset: number): FloatArray {
  return offset === 0 ? data : data.subarray(offset);
}

/** One item of a window as an input: packed by rows first where BLAS cannot address it. */
export function input(w: Window): Operand {
  const layout = inPlace(w);
  if (layout) return { ...layout, start: startingAt(w.data, w.offset) };
  return { start: packed(w).data, order: ROW_MAJOR, leading: w.columns };
}

/** Runs `compute` on one item as an output, through a packed copy where BLAS cannot address it. */
export function withOutput<R>(w: Window, compute: (operand: Operand) => R): R {
  const layout = inPlace(w);
  if (layout) return compute({ ...layout, start: startingAt(w.data, w.offset) });
  const copy = packed(w);
  const result = compute({ start: copy.data, order: ROW_MAJOR, leading: w.columns });
  copyWindow(copy, w);
  return result;
}

/** A contiguous copy of one item, by rows. */
function packed(w: Window): Window {
  const data = allocate(dtypeOf(w.data), w.rows * w.columns);
  const copy = { ...w, data, offset: 0, item: 0, row: w.columns, column: 1 };
  copyWindow(w, copy);
  return copy;
}

/** A vector (a window of one column) as BLAS takes it, packed where its stride is not positive. */
export function vector(w: Window): { start: FloatArray; step: number } {
  if (w.row > 0) return { start: startingAt(w.data, w.offset), step: w.row };
  return { start: packed(w).data, step: 1 };
}

/** As `withOutput`, for a vector. */
export function withVector(w: Window, compute: (start: FloatArray, step: number) => void): void {
  if (w.row > 0) {
    compute(startingAt(w.data, w.offset), w.row);
    return;
  }
  const copy = packed(w);
  compute(copy.data, 1);
  copyWindow(copy, w);
}
