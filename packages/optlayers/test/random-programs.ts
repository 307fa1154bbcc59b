import { type DatumName, datumNames, type QuadraticProgram } from "../src/problem/quadratic-program.ts";
import type { Solution } from "../src/solvers/solver.ts";

/** Numbers in (0, 1), the same for a seed on every machine. */
export function uniforms(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

export function normals(seed: number): () => number {
  const next = uniforms(seed);
  return () => Math.sqrt(-2 * Math.log(next() + 1e-300)) * Math.cos(2 * Math.PI * next());
}

export interface RandomProgram {
  readonly n: number;
  readonly p: number;
  readonly m: number;
  readonly batch?: number;
  /** The data with a batch dimension; the others are shared. */
  readonly batched?: readonly DatumName[];
  readonly seed: number;
}

/**
 * A random QP with Q = XX'/n + I/10 whose constraints share a feasible point with some slack; q is large enough that
 * about half of the inequalities hold with equality.
 */
export function randomProgram({ n, p, m, batch = 1, batched = [], seed }: RandomProgram): QuadraticProgram {
  const normal = normals(seed);
  const uniform = uniforms(seed + 1);
  const items = (name: DatumName) => (batched.includes(name) ? batch : 1);
  const fill = (count: number, next: () => number) => Float64Array.from({ length: count }, next);
  const Q = new Float64Array(items("Q") * n * n);
  for (let i = 0; i < items("Q"); i++) Q.set(randomMetric(n, normal), i * n * n);
  const A = fill(items("A") * p * n, normal);
  const G = fill(items("G") * m * n, normal);
  const feasible = fill(n, normal);
  // a shared right-hand side of batched rows is feasible for every item when the rows agree on the feasible point
  if (!batched.includes("b")) alignRows(A, n, p, feasible);
  if (!batched.includes("h")) alignRows(G, n, m, feasible);
  const b = valuesAt(A, n, p, items("A"), items("b"), feasible, () => 0);
  const h = valuesAt(G, n, m, items("G"), items("h"), feasible, uniform);
  const datum = (name: DatumName, values: Float64Array, shape: number[]) => ({
    values,
    shape,
    batched: batched.includes(name),
  });
  return {
    kind: "qp",
    n,
    p,
    m,
    batch,
    batched: batched.length > 0,
    Q: datum("Q", Q, [n, n]),
    q: datum(
      "q",
      fill(items("q") * n, () => 3 * normal()),
      [n],
    ),
    A: datum("A", A, [p, n]),
    b: datum("b", b, [p]),
    G: datum("G", G, [m, n]),
    h: datum("h", h, [m]),
  };
}

function randomMetric(n: number, normal: () => number): Float64Array {
  const X = Float64Array.from({ length: n * n }, normal);
  const Q = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      let sum = i === j ? 0.1 : 0;
      for (let k = 0; k < n; k++) sum += (X[i * n + k] * X[j * n + k]) / n;
      Q[i * n + j] = sum;
    }
  }
  return Q;
}

/** Changes every item's rows so that their values at `x` are those of the first item. */
function alignRows(rows: Float64Array, n: number, count: number, x: Float64Array): void {
  let square = 0;
  for (let j = 0; j < n; j++) square += x[j] * x[j];
  for (let at = count * n; at < rows.length; at += n) {
    const first = at % (count * n);
    let difference = 0;
    for (let j = 0; j < n; j++) difference += (rows[first + j] - rows[at + j]) * x[j];
    for (let j = 0; j < n; j++) rows[at + j] += (difference / square) * x[j];
  }
}

function valuesAt(
  rows: Float64Array,
  n: number,
  count: number,
  itemsOfRows: number,
  items: number,
  x: Float64Array,
  slack: () => number,
): Float64Array {
  const values = new Float64Array(items * count);
  for (let k = 0; k < values.length; k++) {
    const row = itemsOfRows > 1 ? k : k % count;
    values[k] = slack();
    for (let j = 0; j < n; j++) values[k] += rows[row * n + j] * x[j];
  }
  return values;
}

/** How far a solution is from a change of its active set: the smallest of lambda + s over all inequalities. */
export function margin({ lambda, s }: Solution): number {
  let smallest = Number.POSITIVE_INFINITY;
  for (let k = 0; k < lambda.length; k++) smallest = Math.min(smallest, Math.max(lambda[k], s[k]));
  return smallest;
}

/** The problem with one datum moved: values + step * direction. */
export function moved(
  problem: QuadraticProgram,
  name: DatumName,
  direction: Float64Array,
  step: number,
): QuadraticProgram {
  const values = problem[name].values.map((value, k) => value + step * direction[k]);
  return { ...problem, [name]: { ...problem[name], values } };
}

/** A random direction for a datum, symmetric for Q. */
export function randomDirection(problem: QuadraticProgram, name: DatumName, seed: number): Float64Array {
  const normal = normals(seed);
  const direction = Float64Array.from({ length: problem[name].values.length }, normal);
  if (name !== "Q") return direction;
  const { n } = problem;
  for (let at = 0; at < direction.length; at += n * n) {
    for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) direction[at + i * n + j] = direction[at + j * n + i];
  }
  return direction;
}

/** `value` times the identity matrix. */
export function identity(n: number, value = 1): number[][] {
  return Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => (i === j ? value : 0)));
}

export function inner(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k] * b[k];
  return sum;
}

export function norm(a: ArrayLike<number>): number {
  return Math.sqrt(inner(a, a));
}

/** |a - b| / |b|. */
export function relativeError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let k = 0; k < b.length; k++) sum += (a[k] - b[k]) ** 2;
  return Math.sqrt(sum) / Math.max(norm(b), 1e-300);
}

/** The data that a problem has: A and b, or G and h, may be empty. */
export function presentData(problem: QuadraticProgram): DatumName[] {
  return datumNames.filter((name) => problem[name].values.length > 0);
}

/** One equality and one binding inequality fix both variables: neither Q nor q moves x, and ADMM's state arrives before its derivative. */
export const vertex = {
  Q: [
    [2, 0],
    [0, 2],
  ],
  q: [1, -1],
  A: [[2, 2]],
  b: [0],
  G: [
    [-2, 2],
    [-1, -1],
  ],
  h: [-7, 1],
};
