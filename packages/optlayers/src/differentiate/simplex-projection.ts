import { offsetOf } from "../problem/products.ts";
import type { Datum } from "../problem/quadratic-program.ts";
import type { SparsemaxName, SparsemaxProblem } from "../problem/sparsemax-problem.ts";
import { isUsable, type Solution } from "../solvers/solver.ts";

/** Where an entry of x lies: at 0, between the bounds, or at its upper bound. */
const atLower = 1;
const atUpper = 2;

/**
 * The derivative of a sparsemax problem's solution at a fixed structure: with the free entries F, those at 0 (L) and
 * those at their upper bound (U), k = |F|,
 *
 *     dtau = (sum_F dy + sum_U du - dtotal) / k
 *     dx = dy - dtau on F,  du on U,  0 on L;    dnu = dtau;
 *     dlambda_lower = dtau - dy on L;    dlambda_upper = dy - dtau - du on U.
 *
 * An entry with y - tau = 0 or u, at a bound with no multiplier, counts as free: the derivative is one-sided there. Where
 * no entry is free (a vertex), sum x = total and the bounds determine x doubly; dx is then the least-norm solution of
 * the KKT system, (dtotal - sum_U du) / (n + 1) added to du on U and to 0 elsewhere, and dtau = 0.
 */
export interface SimplexDerivative {
  readonly problem: SparsemaxProblem;
  /** The place of every entry: 0 where free. Items that may not be used have none at all: all their derivatives are 0. */
  readonly side: Uint8Array;
  /** k of every item, -1 for an item that may not be used. */
  readonly free: Int32Array;
}

export function simplexDerivative(problem: SparsemaxProblem, solution: Solution): SimplexDerivative {
  const { n, batch, u } = problem;
  const m = u ? 2 * n : n;
  const side = new Uint8Array(batch * n);
  const free = new Int32Array(batch);
  for (let i = 0; i < batch; i++) {
    if (!isUsable(solution.status[i])) {
      free[i] = -1;
      continue;
    }
    const lower = i * m;
    for (let j = 0; j < n; j++) {
      if (solution.lambda[lower + j] > 0) side[i * n + j] = atLower;
      else if (u && solution.lambda[lower + n + j] > 0) side[i * n + j] = atUpper;
      else free[i]++;
    }
  }
  return { problem, side, free };
}

export type SparsemaxDataRows = Partial<Record<SparsemaxName, Float64Array>>;
export type SparsemaxOutputRows = Partial<Record<"x" | "nu" | "lambda", Float64Array>>;

/** The tangents of x, nu and lambda for tangents of the data (in the layout of each datum; left out: 0). */
export function simplexPushForward(
  derivative: SimplexDerivative,
  tangents: SparsemaxDataRows,
): Required<SparsemaxOutputRows> {
  const { problem, side, free } = derivative;
  const { n, batch, u } = problem;
  const m = u ? 2 * n : n;
  const result = {
    x: new Float64Array(batch * n),
    nu: new Float64Array(batch),
    lambda: new Float64Array(batch * m),
  };
  const zeros = new Float64Array(n);
  for (let i = 0; i < batch; i++) {
    if (free[i] < 0) continue;
    const dy = itemRow(problem.y, tangents.y, i) ?? zeros;
    const du = (u && itemRow(u, tangents.u, i)) ?? zeros;
    const dtotal = tangents.total?.[offsetOf(problem.total, i)] ?? 0;
    let sum = -dtotal;
    for (let j = 0, k = i * n; j < n; j++, k++) sum += side[k] === 0 ? dy[j] : side[k] === atUpper ? du[j] : 0;
    const dtau = free[i] > 0 ? sum / free[i] : 0;
    const spread = free[i] > 0 ? 0 : -sum / (n + 1);
    result.nu[i] = dtau;
    for (let j = 0, k = i * n, low = i * m; j < n; j++, k++, low++) {
      if (side[k] === 0) result.x[k] = dy[j] - dtau;
      else if (side[k] === atLower) {
        result.x[k] = spread;
        result.lambda[low] = dtau - dy[j];
      } else {
        result.x[k] = du[j] + spread;
        result.lambda[low + n] = dy[j] - dtau - du[j];
      }
    }
  }
  return result;
}

/** The transpose of `simplexPushForward`: the cotangents of the data, a shared datum's summed over the batch. */
export function simplexPullBack(
  derivative: SimplexDerivative,
  cotangents: SparsemaxOutputRows,
): Required<SparsemaxDataRows> {
  const { problem, side, free } = derivative;
  const { n, batch, u } = problem;
  const m = u ? 2 * n : n;
  const result = {
    y: new Float64Array(problem.y.values.length),
    u: new Float64Array(u?.values.length ?? 0),
    total: new Float64Array(problem.total.values.length),
  };
  const zeros = new Float64Array(m);
  for (let i = 0; i < batch; i++) {
    if (free[i] < 0) continue;
    const cx = cotangents.x?.subarray(i * n, (i + 1) * n) ?? zeros;
    const clambda = cotangents.lambda?.subarray(i * m, (i + 1) * m) ?? zeros;
    // of tau, through which every entry acts on every other; at a vertex of the total
    let sum = 0;
    for (let j = 0, k = i * n; j < n; j++, k++) {
      if (free[i] === 0) sum -= cx[j];
      else if (side[k] === 0) sum -= cx[j];
      else sum += side[k] === atLower ? clambda[j] : -clambda[n + j];
    }
    const common = free[i] > 0 ? (sum + (cotangents.nu?.[i] ?? 0)) / free[i] : sum / (n + 1);
    const y = offsetOf(problem.y, i);
    const upper = u ? offsetOf(u, i) : 0;
    result.total[offsetOf(problem.total, i)] -= common;
    for (let j = 0, k = i * n; j < n; j++, k++) {
      if (side[k] === 0) result.y[y + j] += cx[j] + common;
      else if (side[k] === atLower) result.y[y + j] -= clambda[j];
      else {
        result.y[y + j] += clambda[n + j];
        result.u[upper + j] += cx[j] - clambda[n + j] + common;
      }
    }
  }
  return result;
}

function itemRow(datum: Datum, rows: Float64Array | undefined, i: number): Float64Array | null {
  const start = offsetOf(datum, i);
  return rows?.subarray(start, start + datum.shape[0]) ?? null;
}
