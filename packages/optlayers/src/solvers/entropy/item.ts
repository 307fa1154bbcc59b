import { maxAbs } from "../../arrays.ts";
import { ScaledGram } from "../../kkt/scaled-gram.ts";
import type { EntropyProgram } from "../../problem/entropy-program.ts";
import { itemOf } from "../../problem/quadratic-program.ts";

/** One entropy program with K = [A; G] and k = [b; h], every row scaled to a largest entry of 1. */
export interface EntropyItem {
  readonly n: number;
  readonly p: number;
  readonly m: number;
  readonly y: Float64Array;
  readonly K: Float64Array;
  readonly k: Float64Array;
  /** What each row was multiplied by: z = (nu, lambda) of the data is this times the scaled one. */
  readonly scale: Float64Array;
}

/** A point of a scaled item: x > 0, z = (nu, lambda), and s of the inequalities. */
export interface EntropyPoint {
  readonly x: Float64Array;
  readonly z: Float64Array;
  readonly s: Float64Array;
}

export function entropyItem(problem: EntropyProgram, i: number): EntropyItem {
  const { n, p, m } = problem;
  const K = new Float64Array((p + m) * n);
  K.set(itemOf(problem.A, i));
  K.set(itemOf(problem.G, i), p * n);
  const k = new Float64Array(p + m);
  k.set(itemOf(problem.b, i));
  k.set(itemOf(problem.h, i), p);
  const scale = new Float64Array(p + m);
  for (let row = 0; row < p + m; row++) {
    scale[row] = 1 / (maxAbs(K, row * n, (row + 1) * n) || 1);
    k[row] *= scale[row];
    for (let j = row * n; j < (row + 1) * n; j++) K[j] *= scale[row];
  }
  return { n, p, m, y: itemOf(problem.y, i), K, k, scale };
}

/**
 * The residuals of the KKT conditions: rd = log x + 1 - y + K'z, rz = Kx - k with s added to the inequalities. An entry of
 * x that has underflowed to 0 stays there, without a residual.
 */
export function entropyResiduals(item: EntropyItem, gram: ScaledGram, { x, z, s }: EntropyPoint) {
  const { n, p, m, y, k } = item;
  const rd = new Float64Array(n);
  for (let j = 0; j < n; j++) rd[j] = Math.log(x[j]) + 1 - y[j];
  gram.multiplyTransposed(1, z, 1, rd);
  for (let j = 0; j < n; j++) if (x[j] === 0) rd[j] = 0;
  const rz = k.slice();
  gram.multiply(1, x, -1, rz);
  for (let i = 0; i < m; i++) rz[p + i] += s[i];
  return { rd, rz };
}

/** The largest step in (0, limit] along dv that leaves a share 1 - `reach` of every entry of v > 0. */
export function stepWithin(v: Float64Array, dv: Float64Array, reach: number, limit: number): number {
  let alpha = limit;
  for (let j = 0; j < v.length; j++) if (-dv[j] * alpha > reach * v[j]) alpha = (-reach * v[j]) / dv[j];
  return alpha;
}

/**
 * Newton's method on the KKT conditions with the given rows held as equalities and the others left out, from a point near
 * their solution: quadratic convergence to the last digit, x > 0 throughout. The
 * multipliers of the rows left out are 0. The caller judges whether the rows were the right ones.
 */
export function finishOnRows(
  item: EntropyItem,
  rows: readonly number[],
  start: EntropyPoint,
  mostSteps: number,
): EntropyPoint {
  const { n, p, m, K, k } = item;
  const kept = new Float64Array(rows.length * n);
  rows.forEach((row, i) => {
    kept.set(K.subarray(row * n, (row + 1) * n), i * n);
  });
  const part = { n, p: rows.length, m: 0, y: item.y, K: kept, k: Float64Array.from(rows, (row) => k[row]) };
  const gram = new ScaledGram(kept, n);
  const x = start.x.slice();
  const z = Float64Array.from(rows, (row) => start.z[row]);
  const point = { x, z, s: new Float64Array(0) };
  let best = Infinity;
  for (let steps = 0; steps < mostSteps; steps++) {
    const { rd, rz } = entropyResiduals({ ...part, scale: item.scale }, gram, point);
    const size = Math.max(maxAbs(rd), maxAbs(rz));
    if (size === 0 || !(size < best / 2) || !gram.factor(x, new Float64Array(rows.length))) break;
    best = size;
    newtonStep(gram, point, rd, rz);
  }
  const full = { x, z: new Float64Array(p + m), s: new Float64Array(m) };
  rows.forEach((row, i) => {
    full.z[row] = z[i];
  });
  return full;
}

/** x and z after the Newton step of the equality-constrained conditions, shortened where x would leave the orthant. */
function newtonStep(gram: ScaledGram, { x, z }: EntropyPoint, rd: Float64Array, rz: Float64Array): void {
  const rhs = rz.slice();
  gram.multiply(
    -1,
    rd.map((value, j) => x[j] * value),
    1,
    rhs,
  );
  const dz = gram.solve(rhs);
  const dx = rd.slice();
  gram.multiplyTransposed(1, dz, 1, dx);
  for (let j = 0; j < x.length; j++) dx[j] *= -x[j];
  const alpha = stepWithin(x, dx, 0.99, 1);
  for (let j = 0; j < x.length; j++) x[j] += alpha * dx[j];
  for (let i = 0; i < z.length; i++) z[i] += alpha * dz[i];
}
