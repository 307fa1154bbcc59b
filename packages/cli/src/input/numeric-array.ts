import { sizeOf } from "@solvegrad/linalg";
import { InputError } from "../exit.ts";

/** A dense array of numbers, row-major. */
export interface NumericArray {
  readonly shape: readonly number[];
  readonly values: Float64Array;
}

/**
 * Reads nested lists of numbers, or a matrix in compressed sparse columns. Throws an InputError that names the entry
 * for a ragged list or for what is not a finite number.
 */
export function numericArray(json: unknown, name: string): NumericArray {
  if (Array.isArray(json)) return nestedArray(json, name);
  if (isRecord(json)) return compressedColumns(json, name);
  throw new InputError(`${name} is ${described(json)}, expected nested lists of numbers or a sparse matrix`);
}

/** Whether a JSON value is an object with fields. */
export function isRecord(json: unknown): json is Record<string, unknown> {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

function nestedArray(json: readonly unknown[], name: string): NumericArray {
  const shape = shapeOf(json);
  if (shape.length > 3) {
    throw new InputError(`${name} is nested ${shape.length} lists deep, expected at most 3: a batch of matrices`);
  }
  const values = new Float64Array(sizeOf(shape));
  let next = 0;
  const fill = (part: unknown, axis: number, path: string): void => {
    if (axis === shape.length) {
      values[next++] = finiteNumber(part, path);
      return;
    }
    if (!Array.isArray(part)) throw new InputError(`${path} is ${described(part)}, expected a list of ${shape[axis]}`);
    if (part.length !== shape[axis]) {
      throw new InputError(
        `${path} has ${part.length} entries, expected ${shape[axis]} as in the first list at its depth`,
      );
    }
    part.forEach((entry, i) => {
      fill(entry, axis + 1, `${path}[${i}]`);
    });
  };
  fill(json, 0, name);
  return { shape, values };
}

/** The extents of the first list at every depth. */
function shapeOf(json: unknown): number[] {
  const shape: number[] = [];
  for (let part = json; Array.isArray(part); part = part[0]) shape.push(part.length);
  return shape;
}

function finiteNumber(json: unknown, path: string): number {
  if (typeof json !== "number" || !Number.isFinite(json)) {
    throw new InputError(`${path} is ${described(json)}, expected a finite number`);
  }
  return json;
}

/** `{shape: [rows, columns], indptr, indices, data}`: column j holds data[indptr[j]..indptr[j+1]] at the rows `indices`. */
function compressedColumns(json: Record<string, unknown>, name: string): NumericArray {
  const part = (key: string) => {
    if (!Array.isArray(json[key])) {
      throw new InputError(
        `${name}.${key} is ${described(json[key])}, expected a list (sparse columns: shape, indptr, indices, data)`,
      );
    }
    return nestedArray(json[key], `${name}.${key}`).values;
  };
  const [shape, indptr, indices, data] = ["shape", "indptr", "indices", "data"].map(part);
  checkColumns(name, shape, indptr, indices, data);
  const [rows, columns] = shape;
  const values = zeros(rows, columns, name);
  for (let j = 0; j < columns; j++) {
    for (let k = indptr[j]; k < indptr[j + 1]; k++) values[indices[k] * columns + j] += data[k];
  }
  return { shape: [rows, columns], values };
}

function zeros(rows: number, columns: number, name: string): Float64Array {
  try {
    return new Float64Array(rows * columns);
  } catch {
    throw new InputError(`${name} is ${rows} x ${columns}, which does not fit into memory as a dense matrix`);
  }
}

function checkColumns(
  name: string,
  shape: Float64Array,
  indptr: Float64Array,
  indices: Float64Array,
  data: Float64Array,
): void {
  const refuse = (problem: string): never => {
    throw new InputError(`${name}: ${problem}`);
  };
  const isCount = (value: number) => Number.isInteger(value) && value >= 0;
  if (shape.length !== 2 || !shape.every(isCount)) refuse(`shape is [${shape.join(", ")}], expected [rows, columns]`);
  const [rows, columns] = shape;
  if (indptr.length !== columns + 1)
    refuse(`indptr has ${indptr.length} entries, expected columns + 1 = ${columns + 1}`);
  if (indices.length !== data.length)
    refuse(`indices has ${indices.length} entries, expected ${data.length} as data has`);
  if (
    indptr[0] !== 0 ||
    indptr[columns] !== data.length ||
    indptr.some((at, j) => !isCount(at) || at < indptr[j - 1])
  ) {
    refuse(`indptr must rise from 0 to the ${data.length} entries of data`);
  }
  const stray = indices.findIndex((row) => !isCount(row) || row >= rows);
  if (stray >= 0) refuse(`indices[${stray}] is ${indices[stray]}, expected a row from 0 to ${rows - 1}`);
}

/** A JSON value in a few words. */
export function described(json: unknown): string {
  if (json === undefined) return "missing";
  if (json === null) return "null";
  if (Array.isArray(json)) return `a list of ${json.length}`;
  if (typeof json === "object") return "an object";
  return JSON.stringify(json) === "null" ? String(json) : JSON.stringify(json);
}
