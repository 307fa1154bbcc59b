import { concat, eye, Tensor, takeFlat, tensor, zeros } from "@solvegrad/autograd";
import { OptionError } from "../errors.ts";
import type { PatternInput } from "../problem/matrix-layout.ts";
import { type DatumInput, type NestedNumbers, readDatum } from "../problem/read-datum.ts";
import { isSparseMatrix, type MatrixInput, type SparseQuadraticBatchData } from "../problem/sparse-quadratic-data.ts";
import { checkSmoothing, type Smoothing } from "./smoothing.ts";

/**
 * The data with Q + weight I, Q's pattern extended by the diagonal where it lacks entries. Throws an `OptionError` for another smoothing
 * than the quadratic one.
 */
export function smoothedSparse(
  data: SparseQuadraticBatchData,
  n: number,
  { kind, weight }: Smoothing,
): SparseQuadraticBatchData {
  checkSmoothing({ kind, weight });
  if (kind !== "quadratic") {
    throw new OptionError("smoothing.kind", kind, '"quadratic" for data with bounds or compressed columns');
  }
  return { ...data, Q: withDiagonal(data.Q, n, weight) };
}

function withDiagonal(Q: MatrixInput | undefined, n: number, weight: number): MatrixInput {
  if (Q === undefined) return { ...extended(emptyPattern(n)).pattern, data: new Array(n).fill(weight) };
  if (!isSparseMatrix(Q)) return changed("Q", Q, (values) => values.add(eye(n, { dtype: values.dtype }).mul(weight)));
  const { pattern, source, diagonal } = extended(Q);
  const added = tensor(Float64Array.from(diagonal, (one) => weight * one));
  return {
    ...pattern,
    data: changed("Q", Q.data, (values) => chosenEntries(values, source).add(added.to(values.dtype))),
  };
}

/** A function of a datum, in the form that it came: a Tensor, or numbers which take their precision from the rest. */
function changed(name: string, datum: DatumInput, change: (values: Tensor) => Tensor): DatumInput {
  if (datum instanceof Tensor) return change(datum);
  const { values, shape, dtype } = readDatum(name, datum);
  const result = change(tensor(values, { shape: [...shape] }));
  return dtype === null ? (result.toArray() as NestedNumbers) : result.to(dtype);
}

/** The entries at these places of the last axis, 0 for a place that is its length. */
function chosenEntries(values: Tensor, source: Int32Array): Tensor {
  const batch = values.shape.slice(0, -1);
  const padded = concat([values, zeros([...batch, 1], { dtype: values.dtype })], values.rank - 1);
  const width = padded.shape[padded.rank - 1];
  const items = padded.size / width;
  const indices = Int32Array.from({ length: items * source.length }, (_, k) => {
    return Math.floor(k / source.length) * width + source[k % source.length];
  });
  return takeFlat(padded, { indices, whole: padded.shape, part: [...batch, source.length] });
}

interface Extended {
  /** The column pointers of the pattern that was extended. */
  readonly of: PatternInput["indptr"];
  readonly pattern: PatternInput;
  /** The place of each entry among those of the pattern that was extended; their number for a new entry. */
  readonly source: Int32Array;
  /** 1 at entries of the diagonal. */
  readonly diagonal: Uint8Array;
}

/** Kept, as solvers know a pattern again by its arrays. */
const known = new WeakMap<ArrayLike<number>, Extended>();
const empty = new Map<number, PatternInput>();

function emptyPattern(n: number): PatternInput {
  const pattern = empty.get(n) ?? { shape: [n, n], indptr: new Array(n + 1).fill(0), indices: [] };
  empty.set(n, pattern);
  return pattern;
}

/** The pattern with the whole diagonal. */
function extended({ shape, indptr, indices }: PatternInput): Extended {
  const remembered = known.get(indices);
  if (remembered?.of === indptr) return remembered;
  const [n] = shape;
  const entries: { row: number; source: number }[][] = Array.from({ length: n }, (_, j) => {
    const own = Array.from({ length: indptr[j + 1] - indptr[j] }, (_, k) => ({
      row: indices[indptr[j] + k],
      source: indptr[j] + k,
    }));
    if (!own.some(({ row }) => row === j)) own.push({ row: j, source: indices.length });
    return own.sort((a, b) => a.row - b.row);
  });
  const all = entries.flatMap((column, j) => column.map((entry) => ({ ...entry, column: j })));
  const ends = entries.map(({ length }) => length);
  for (let j = 1; j < n; j++) ends[j] += ends[j - 1];
  const result = {
    of: indptr,
    pattern: { shape, indptr: Int32Array.of(0, ...ends), indices: Int32Array.from(all, ({ row }) => row) },
    source: Int32Array.from(all, ({ source }) => source),
    diagonal: Uint8Array.from(all, ({ row, column }) => (row === column ? 1 : 0)),
  };
  known.set(indices, result);
  return result;
}
