import type { FloatArray } from "../view.ts";
import { copyWindow, isEmpty, itemOf, type Window } from "../window.ts";
import type { WasmModule } from "./module.ts";

/** An operand in WebAssembly memory: where it is, and its strides in elements. */
export interface Staged {
  readonly address: number;
  readonly item: number;
  readonly row: number;
  readonly column: number;
}

export type Access = "read" | "write" | "update";

/** A window with this much of its span unused is gathered; below that it is copied in one piece with its gaps. */
const WORTHWHILE_SPAN = 1.25;

/**
 * Brings an operand into the module's memory. One that lives there already is used in place; a dense one is copied in
 * one piece and keeps its strides; any other is gathered into a contiguous array. Vectors (one column) become
 * contiguous. With access "write" the content is not brought along.
 */
export function stage<T extends FloatArray>(module: WasmModule, w: Window<T>, access: Access): Staged {
  const { row, column } = w;
  const usable = w.columns !== 1 || row === 1;
  if (usable && w.data.buffer === module.buffer) {
    return { address: w.data.byteOffset + w.offset * w.data.BYTES_PER_ELEMENT, item: w.item, row, column };
  }
  const own = w.item === 0 && w.count > 1 ? itemOf(w, 0) : w;
  if (isEmpty(own)) return { address: 0, item: 0, row, column };
  const span = spanOf(own);
  if (usable && span !== null && span <= WORTHWHILE_SPAN * own.count * own.rows * own.columns) {
    const address = module.push(span * w.data.BYTES_PER_ELEMENT);
    if (access !== "write") {
      const source = w.data.subarray(w.offset, w.offset + span);
      module.heap(w.data).set(source, address / w.data.BYTES_PER_ELEMENT);
    }
    return { address, item: w.item, row, column };
  }
  const staged = gathered(module, own);
  if (access !== "write") copyWindow(own, windowOn(module, own, staged));
  return { ...staged, item: own === w ? staged.item : 0 };
}

/** Carries a result back into the caller's array, entry for entry: what lies between its strides is not touched. */
export function unstage<T extends FloatArray>(module: WasmModule, staged: Staged, w: Window<T>): void {
  if (w.data.buffer === module.buffer && w.columns !== 1) return;
  if (isEmpty(w)) return;
  const size = w.data.BYTES_PER_ELEMENT;
  const entries = w.count * w.rows * w.columns;
  const sameStrides = staged.item === w.item && staged.row === w.row && staged.column === w.column;
  if (sameStrides && spanOf(w) === entries) {
    const start = staged.address / size;
    w.data.set(module.heap(w.data).subarray(start, start + entries), w.offset);
  } else {
    copyWindow(windowOn(module, w, staged), w);
  }
}

/** Whether `stageLower` takes it: one large matrix by rows that lives elsewhere. */
export function isLargeByRows(module: WasmModule, w: Window): boolean {
  return w.count === 1 && w.rows >= 256 && w.column === 1 && w.data.buffer !== module.buffer;
}

/** As `stage` of a square matrix for update, but its lower triangle only: half the copying. */
export function stageLower(module: WasmModule, w: Window): Staged {
  const staged = gathered(module, w);
  copyLower(w, windowOn(module, w, staged));
  return staged;
}

/** As `unstage`, for what `stageLower` brought. */
export function unstageLower(module: WasmModule, staged: Staged, w: Window): void {
  copyLower(windowOn(module, w, staged), w);
}

function copyLower(from: Window, to: Window): void {
  for (let i = 0; i < from.rows; i++) {
    const start = from.offset + i * from.row;
    to.data.set(from.data.subarray(start, start + i + 1), to.offset + i * to.row);
  }
}

/** How many entries lie from the first to the last one, or null where a stride is negative. */
function spanOf(w: Window): number | null {
  const reach = [
    [w.count, w.item],
    [w.rows, w.row],
    [w.columns, w.column],
  ];
  let span = 1;
  for (const [size, stride] of reach) {
    if (size > 1 && stride < 0) return null;
    span += (size - 1) * stride;
  }
  return span;
}

/** Room for a contiguous copy, by rows or by columns as the window is. */
function gathered(module: WasmModule, w: Window): Staged {
  const entries = w.rows * w.columns;
  const address = module.push(w.count * entries * w.data.BYTES_PER_ELEMENT);
  const byColumns = w.columns === 1 || Math.abs(w.row) < Math.abs(w.column);
  return { address, item: entries, row: byColumns ? 1 : w.columns, column: byColumns ? w.rows : 1 };
}

function windowOn(module: WasmModule, like: Window, staged: Staged): Window {
  const data = module.heap(like.data);
  return { ...like, ...staged, data, offset: staged.address / data.BYTES_PER_ELEMENT };
}
