import {
  type SparsePoint,
  type SparseQuadraticProgram,
  sparseInteriorPoint,
  sparseQuadraticProgram,
} from "../src/index.ts";
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

/** Where the entries of a random problem stand. */
export type Patterns = Readonly<Record<"Q" | "A" | "G", RandomMatrix>>;

export const isBanded = (i: number, j: number) => Math.abs(i - j) <= 2;

/** Bands in Q, and rows that touch about half of the variables. */
export function patternsOf(n: number, p: number, m: number): Patterns {
  return {
    Q: matrixOf([n, n], isBanded, () => 0),
    A: matrixOf(
      [p, n],
      (i, j) => (i + j) % 2 === 0,
      () => 0,
    ),
    G: matrixOf(
      [m, n],
      (i, j) => (2 * i + j) % 3 !== 0,
      () => 0,
    ),
  };
}

/**
 * A random strongly convex sparse QP with every kind of constraint around a feasible point: equalities, rows bounded on one
 * side, the other or both, and simple bounds, of which some are absent. Q and A are those of `shared` where it is given.
 */
export function randomSparse({ uniform, normal }: Random, patterns: Patterns, shared?: RandomSparse): RandomSparse {
  const n = patterns.Q.shape[0];
  const filled = (M: RandomMatrix): RandomMatrix => ({ ...M, data: M.data.map(normal) });
  const half = Float64Array.from({ length: n * n }, normal);
  const Q = matrixOf([n, n], isBanded, (i, j) =>
    i === j ? 3 + uniform() : half[Math.min(i, j) * n + Math.max(i, j)] / 3,
  );
  const A = shared?.A ?? filled(patterns.A);
  const G = filled(patterns.G);
  const x = Float64Array.from({ length: n }, normal);
  const Gx = times(G, x);
  return {
    Q: { ...patterns.Q, data: shared?.Q.data ?? Q.data },
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

/** The same, of which every constraint either binds clearly or is clearly slack. */
export function clearSparse(random: Random, patterns: Patterns, shared?: RandomSparse): RandomSparse {
  for (;;) {
    const data = randomSparse(random, patterns, shared);
    const problem = sparseQuadraticProgram(data);
    if (marginOf(problem, sparseInteriorPoint().solve(problem)) > 0.05) return data;
  }
}

/** The smallest over all bounded quantities of the larger of distance to the bounds and multiplier. */
export function marginOf(problem: SparseQuadraticProgram, { x, lambda, zeta }: SparsePoint): number {
  const clear = (t: Float64Array, y: Float64Array, low: Float64Array, high: Float64Array) =>
    t.reduce((least, value, k) => {
      const distance = low[k] === high[k] ? Infinity : Math.min(value - low[k], high[k] - value);
      return Math.min(least, Math.max(distance, Math.abs(y[k])));
    }, Infinity);
  const rows = clear(times(problem.G, x), lambda, problem.l, problem.u);
  return Math.min(rows, clear(x, zeta, problem.lower, problem.upper));
}
