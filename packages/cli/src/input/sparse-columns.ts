import { sizeOf } from "@solvegrad/linalg";
import { InputError } from "../exit.ts";
import type { NumericArray } from "./numeric-array.ts";

/** A matrix in compressed sparse columns as a file states it: rows of a column in any order, entries of one place add up. */
export interface SparseColumns {
  readonly shape: readonly [number, number];
  readonly indptr: Float64Array;
  readonly indices: Float64Array;
  /** The stored entries: (nnz), or (B, nnz) for one matrix an item. */
  readonly data: NumericArray;
}

export function isColumns(array: NumericArray | SparseColumns): array is SparseColumns {
  return "indptr" in array;
}

/** Throws an InputError where the parts do not make a matrix. */
export function checkColumns(name: string, { shape, indptr, indices, data }: SparseColumns): void {
  const refuse = (problem: string): never => {
    throw new InputError(`${name}: ${problem}`);
  };
  const isCount = (value: number) => Number.isInteger(value) && value >= 0;
  if (shape.length !== 2 || !shape.every(isCount)) refuse(`shape is [${shape.join(", ")}], expected [rows, columns]`);
  const [rows, columns] = shape;
  if (rows >= 2 ** 31 || columns >= 2 ** 31) {
    throw new InputError(`${name} is ${rows} x ${columns}, which does not fit into memory`);
  }
  const entries = data.shape.at(-1) ?? 0;
  if (data.shape.length > 2) refuse(`data is nested ${data.shape.length} lists deep, expected 1, or 2 for a batch`);
  if (indptr.length !== columns + 1)
    refuse(`indptr has ${indptr.length} entries, expected columns + 1 = ${columns + 1}`);
  if (indices.length !== entries) refuse(`indices has ${indices.length} entries, expected ${entries} as data has`);
  if (indptr[0] !== 0 || indptr[columns] !== entries || indptr.some((at, j) => !isCount(at) || at < indptr[j - 1])) {
    refuse(`indptr must rise from 0 to the ${entries} entries of data`);
  }
  const stray = indices.findIndex((row) => !isCount(row) || row >= rows);
  if (stray >= 0) refuse(`indices[${stray}] is ${indices[stray]}, expected a row from 0 to ${rows - 1}`);
}

/** The same matrix with all its entries, row by row; with a leading dimension where it is a batch. */
export function densified(columns: SparseColumns, name: string): NumericArray {
  const { shape, indptr, indices, data } = columns;
  const [rows, width] = shape;
  const items = data.shape.length === 2 ? data.shape[0] : 1;
  const entries = indices.length;
  const values = zeros(items, rows, width, name);
  for (let i = 0; i < items; i++) {
    for (let j = 0; j < width; j++) {
      for (let k = indptr[j]; k < indptr[j + 1]; k++) {
        values[(i * rows + indices[k]) * width + j] += data.values[i * entries + k];
      }
    }
  }
  return { shape: data.shape.length === 2 ? [items, rows, width] : [rows, width], values };
}

function zeros(items: number, rows: number, columns: number, name: string): Float64Array {
  try {
    return new Float64Array(items * rows * columns);
  } catch {
    throw new InputError(`${name} is ${rows} x ${columns}, which does not fit into memory as a dense matrix`);
  }
}

/** Columns whose rows rise strictly, and where each entry of the file went. */
export interface RisingColumns {
  readonly shape: readonly [number, number];
  readonly indptr: Int32Array;
  readonly indices: Int32Array;
  readonly data: NumericArray;
  readonly place: Int32Array;
}

export function risingColumns({ shape, indptr, indices, data }: SparseColumns): RisingColumns {
  const entries = indices.length;
  const place = new Int32Array(entries);
  const starts = new Int32Array(shape[1] + 1);
  const rows: number[] = [];
  for (let j = 0; j < shape[1]; j++) {
    const order = Array.from({ length: indptr[j + 1] - indptr[j] }, (_, k) => indptr[j] + k);
    order.sort((a, b) => indices[a] - indices[b]);
    for (const k of order) {
      if (rows.length === starts[j] || rows[rows.length - 1] !== indices[k]) rows.push(indices[k]);
      place[k] = rows.length - 1;
    }
    starts[j + 1] = rows.length;
  }
  const items = sizeOf(data.shape.slice(0, -1));
  const values = new Float64Array(items * rows.length);
  for (let i = 0; i < items; i++) {
    for (let k = 0; k < entries; k++) values[i * rows.length + place[k]] += data.values[i * entries + k];
  }
  const stored = { shape: [...data.shape.slice(0, -1), rows.length], values };
  return { shape, indptr: starts, indices: Int32Array.from(rows), data: stored, place };
}
