import { sizeOf } from "@solvegrad/linalg";
import { InputError } from "../exit.ts";
import { checkColumns, type SparseColumns } from "./sparse-columns.ts";

/** A dense array of numbers, row-major. */
export interface NumericArray {
  readonly shape: readonly number[];
  readonly values: Float64Array;
}

/** Numbers from this size on mean no bound, as they do in MPS files. */
const unbounded = 1e30;
const infinities: Readonly<Record<string, number>> = {
  inf: Infinity,
  infinity: Infinity,
  "-inf": -Infinity,
  "-infinity": -Infinity,
};

/**
 * Reads nested lists of numbers, or a matrix in compressed sparse columns. Of a bound, null is `none` (no bound), and so are
 * "inf", "-inf" and numbers of 1e30 and more. Throws an InputError that names the entry for a ragged list or for what is not a finite
 * number.
 */
export function numericArray(json: unknown, name: string, none?: number): NumericArray | SparseColumns {
  if (Array.isArray(json)) return nestedArray(json, name, none);
  if (isRecord(json)) return compressedColumns(json, name);
  throw new InputError(`${name} is ${described(json)}, expected nested lists of numbers or a sparse matrix`);
}

/** Whether a JSON value is an object with fields. */
export function isRecord(json: unknown): json is Record<string, unknown> {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

export function nestedArray(json: readonly unknown[], name: string, none?: number): NumericArray {
  const shape = shapeOf(json);
  if (shape.length > 3) {
    throw new InputError(`${name} is nested ${shape.length} lists deep, expected at most 3: a batch of matrices`);
  }
  const values = new Float64Array(sizeOf(shape));
  let next = 0;
  const fill = (part: unknown, axis: number, path: string): void => {
    if (axis === shape.length) {
      values[next++] = none === undefined ? finiteNumber(part, path) : boundOf(part, path, none);
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

/** Throws an InputError too for an infinite bound of the wrong side, which nothing satisfies. */
function boundOf(json: unknown, path: string, none: number): number {
  const bound = numberOrInfinity(json, path, none);
  if (bound !== -none) return bound;
  const expected = none > 0 ? 'an upper bound, "inf" or null for none' : 'a lower bound, "-inf" or null for none';
  throw new InputError(`${path} is ${described(json)}, expected ${expected}`);
}

function numberOrInfinity(json: unknown, path: string, none: number): number {
  if (json === null) return none;
  const named = typeof json === "string" ? infinities[json.toLowerCase().replace(/^\+/, "")] : undefined;
  if (named !== undefined) return named;
  if (typeof json !== "number" || Number.isNaN(json)) {
    throw new InputError(`${path} is ${described(json)}, expected a number, or null, "inf" or "-inf" for no bound`);
  }
  return Math.abs(json) >= unbounded ? Math.sign(json) * Infinity : json;
}

/** `{shape: [rows, columns], indptr, indices, data}`: column j holds data[indptr[j]..indptr[j+1]] at the rows `indices`. */
function compressedColumns(json: Record<string, unknown>, name: string): SparseColumns {
  const part = (key: string) => {
    if (!Array.isArray(json[key])) {
      throw new InputError(
        `${name}.${key} is ${described(json[key])}, expected a list (sparse columns: shape, indptr, indices, data)`,
      );
    }
    return nestedArray(json[key], `${name}.${key}`);
  };
  const flat = (key: string) => {
    const list = part(key);
    if (list.shape.length === 1) return list.values;
    throw new InputError(`${name}.${key} is nested ${list.shape.length} lists deep, expected a list of numbers`);
  };
  const [shape, indptr, indices] = ["shape", "indptr", "indices"].map(flat);
  const columns: SparseColumns = {
    shape: [...shape] as unknown as [number, number],
    indptr,
    indices,
    data: part("data"),
  };
  checkColumns(name, columns);
  return columns;
}

/** A JSON value in a few words. */
export function described(json: unknown): string {
  if (json === undefined) return "missing";
  if (json === null) return "null";
  if (Array.isArray(json)) return `a list of ${json.length}`;
  if (typeof json === "object") return "an object";
  return JSON.stringify(json) === "null" ? String(json) : JSON.stringify(json);
}
