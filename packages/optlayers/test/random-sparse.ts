import type { Random } from "./table/table-class.ts";

/** Compressed columns as plain numbers. */
export interface RandomMatrix {
  readonly shape: readonly [number, number];
  readonly indptr: Int32Array;
  readonly indices: Int32Array;
  readonly data: Float64Array;
}

export interface RandomSparse {
  readonly Q: RandomMatrix;
  readonly A: RandomMatrix;
  readonly G: RandomMatrix;
  readonly q: Float64Array;
  readonly b: Float64Array;
  readonly l: Float64Array;
  readonly u: Float64Array;
  readonly lower: Float64Array;
  readonly upper: Float64Array;
}

/** The entries of an m x n matrix that `keep` chooses, each from `value`. */
export function matrixOf(
  [m, n]: readonly [number, number],
  keep: (i: number, j: number) => boolean,
  value: (i: number, j: number) => number,
): RandomMatrix {
  const indptr = new Int32Array(n + 1);
  const indices: number[] = [];
  const data: number[] = [];
  for (let j = 0; j < n; j++) {
    for (let i = 0; i < m; i++) {
      if (!keep(i, j)) continue;
      indices.push(i);
      data.push(value(i, j));
    }
    indptr[j + 1] = indices.length;
  }
  return { shape: [m, n], indptr, indices: Int32Array.from(indices), data: Float64Array.from(data) };
}

export function times({ shape: [m, n], indptr, indices, data }: RandomMatrix, x: Float64Array): Float64Array {
  const y = new Float64Array(m);
  for (let j = 0; j < n; j++) for (let k = indptr[j]; k < indptr[j + 1]; k++) y[indices[k]] += data[k] * x[j];
  return y;
}

/**
 * A random strongly convex sparse QP with every kind of constraint around a feasible point: a banded Q, some equalities, rows
 * bounded on one side, the other or both, and simple bounds, of which some are absent.
 */
export function randomSparse(random: Random, n = 8, p = 2, m = 5): RandomSparse {
  const { uniform, normal } = random;
  const near = (i: number, j: number) => Math.abs(i - j) <= 2;
  const half = Float64Array.from({ length: n * n }, normal);
  const Q = matrixOf([n, n], near, (i, j) =>
    i === j ? 3 + uniform() : (half[Math.min(i, j) * n + Math.max(i, j)] || 0) / 3,
  );
  const places = (rows: number) => {
    const kept = Float64Array.from({ length: rows * n }, uniform);
    return (i: number, j: number) => kept[i * n + j] < 0.5 || i % n === j;
  };
  const A = matrixOf([p, n], places(p), normal);
  const G = matrixOf([m, n], places(m), normal);
  const x = Float64Array.from({ length: n }, normal);
  const Gx = times(G, x);
  return {
    Q,
    A,
    G,
    q: Float64Array.from({ length: n }, () => 4 * normal()),
    b: times(A, x),
    l: Gx.map((value, i) => (i % 3 === 0 ? -Infinity : value - 0.1 - 0.3 * uniform())),
    u: Gx.map((value, i) => (i % 3 === 1 ? Infinity : value + 0.1 + 0.3 * uniform())),
    lower: x.map((value, j) => (j % 4 === 3 ? -Infinity : value - 0.2 - uniform())),
    upper: x.map((value, j) => (j % 4 === 2 ? Infinity : value + 0.2 + uniform())),
  };
}
