import { itemOf, type QuadraticProgram } from "../../src/index.ts";

/**
 * The solution of a tiny single QP with Q positive definite by trying all active sets: for each subset of the
 * inequalities the KKT equations are solved by Gaussian elimination, and the one with lambda >= 0 and Gx <= h is it.
 * Null when there is none. Shares no code with the solvers.
 */
export function solveByEnumeration(problem: QuadraticProgram): { x: number[]; nu: number[]; lambda: number[] } | null {
  const { n, p, m } = problem;
  const G = itemOf(problem.G, 0);
  for (let subset = 0; subset < 2 ** m; subset++) {
    const rows = Array.from({ length: m }, (_, i) => i).filter((i) => subset & (1 << i));
    const z = solveEquations(kktEquations(problem, rows));
    if (!z) continue;
    const x = z.slice(0, n);
    const multipliers = z.slice(n + p);
    const feasible = Array.from(itemOf(problem.h, 0)).every(
      (hi, i) => x.reduce((sum, xj, j) => sum + G[i * n + j] * xj, 0) <= hi + 1e-9,
    );
    if (!feasible || multipliers.some((value) => value < -1e-9)) continue;
    const lambda = new Array<number>(m).fill(0);
    rows.forEach((row, k) => {
      lambda[row] = multipliers[k];
    });
    return { x, nu: z.slice(n, n + p), lambda };
  }
  return null;
}

/** [K | right-hand side] of the KKT equations with the given rows of G as equalities. */
function kktEquations(problem: QuadraticProgram, rows: readonly number[]): number[][] {
  const { n, p } = problem;
  const Q = itemOf(problem.Q, 0);
  const constraints = [
    ...Array.from({ length: p }, (_, i) => ({
      row: itemOf(problem.A, 0).subarray(i * n),
      value: itemOf(problem.b, 0)[i],
    })),
    ...rows.map((i) => ({ row: itemOf(problem.G, 0).subarray(i * n), value: itemOf(problem.h, 0)[i] })),
  ];
  const zeros = constraints.map(() => 0);
  const stationarity = Array.from({ length: n }, (_, i) => [
    ...Q.subarray(i * n, (i + 1) * n),
    ...constraints.map(({ row }) => row[i]),
    -itemOf(problem.q, 0)[i],
  ]);
  return [...stationarity, ...constraints.map(({ row, value }) => [...row.subarray(0, n), ...zeros, value])];
}

/** Gaussian elimination with partial pivoting; null for a singular system. */
export function solveEquations(rows: number[][]): number[] | null {
  const size = rows.length;
  for (let k = 0; k < size; k++) {
    let pivot = k;
    for (let i = k + 1; i < size; i++) if (Math.abs(rows[i][k]) > Math.abs(rows[pivot][k])) pivot = i;
    if (Math.abs(rows[pivot][k]) < 1e-12) return null;
    [rows[k], rows[pivot]] = [rows[pivot], rows[k]];
    for (let i = k + 1; i < size; i++) {
      const factor = rows[i][k] / rows[k][k];
      for (let j = k; j <= size; j++) rows[i][j] -= factor * rows[k][j];
    }
  }
  const z = new Array<number>(size);
  for (let k = size - 1; k >= 0; k--) {
    let sum = rows[k][size];
    for (let j = k + 1; j < size; j++) sum -= rows[k][j] * z[j];
    z[k] = sum / rows[k][k];
  }
  return z;
}
