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
 * no entry is free (a vertex), sum x = total and the bounds determine x doubly; the derivative is then what the pseudoinverse of the KKT
 * matrix gives. Its x is du on U and 0 on L with e = (dtotal - sum_U du) / (n + 1) added to both,
 *
 *     dtau = 0,   dlambda_lower = e - dy on L,   dlambda_upper = dy - du - e on U
 *
 * are multipliers for it, and those of least norm are without their part along (1, 1_L, -1_U), the combination of rows that vanishes.
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
  { problem, side, free }: SimplexDerivative,
  tangents: SparsemaxDataRows,
): Required<SparsemaxOutputRows> {
  const { n, batch, u } = problem;
  const m = u ? 2 * n : n;
  const [x, nu, lambda] = [n, 1, m].map((width) => new Float64Array(batch * width));
  const zeros = new Float64Array(n);
  for (let i = 0; i < batch; i++) {
    if (free[i] < 0) continue;
    const data = {
      dy: itemRow(problem.y, tangents.y, i) ?? zeros,
      du: (u && itemRow(u, tangents.u, i)) ?? zeros,
      dtotal: tangents.total?.[offsetOf(problem.total, i)] ?? 0,
    };
    const places = side.subarray(i * n, (i + 1) * n);
    const push = free[i] > 0 ? pushFree : pushVertex;
    push(places, free[i], data, {
      x: x.subarray(i * n, (i + 1) * n),
      nu: nu.subarray(i, i + 1),
      lambda: lambda.subarray(i * m, (i + 1) * m),
    });
  }
  return { x, nu, lambda };
}

/** The tangents of one item's data. */
interface ItemTangents {
  readonly dy: Float64Array;
  readonly du: Float64Array;
  readonly dtotal: number;
}

/** One item's x, nu (one number) and lambda, or their cotangents. */
type ItemOutputs = Required<SparsemaxOutputRows>;

function pushFree(side: Uint8Array, free: number, { dy, du, dtotal }: ItemTangents, { x, nu, lambda }: ItemOutputs) {
  const n = side.length;
  let sum = -dtotal;
  for (let j = 0; j < n; j++) sum += side[j] === 0 ? dy[j] : side[j] === atUpper ? du[j] : 0;
  const dtau = sum / free;
  nu[0] = dtau;
  for (let j = 0; j < n; j++) {
    if (side[j] === 0) x[j] = dy[j] - dtau;
    else if (side[j] === atLower) lambda[j] = dtau - dy[j];
    else {
      x[j] = du[j];
      lambda[n + j] = dy[j] - dtau - du[j];
    }
  }
}

function pushVertex(side: Uint8Array, _free: number, { dy, du, dtotal }: ItemTangents, { x, nu, lambda }: ItemOutputs) {
  const n = side.length;
  let rest = dtotal;
  for (let j = 0; j < n; j++) if (side[j] === atUpper) rest -= du[j];
  const spread = rest / (n + 1);
  for (let j = 0; j < n; j++) {
    x[j] = side[j] === atUpper ? du[j] + spread : spread;
    if (side[j] === atUpper) lambda[n + j] = dy[j] - x[j];
    else lambda[j] = x[j] - dy[j];
  }
  removeVanishing(side, nu, lambda);
}

/** Takes the part along (1, 1_L, -1_U) out of (nu, lambda). */
function removeVanishing(side: Uint8Array, nu: Float64Array, lambda: Float64Array): void {
  const n = side.length;
  let sum = nu[0];
  for (let j = 0; j < n; j++) sum += side[j] === atUpper ? -lambda[n + j] : lambda[j];
  const share = sum / (n + 1);
  nu[0] -= share;
  for (let j = 0; j < n; j++) {
    if (side[j] === atUpper) lambda[n + j] += share;
    else lambda[j] -= share;
  }
}

/** The transpose of `simplexPushForward`: the cotangents of the data, a shared datum's summed over the batch. */
export function simplexPullBack(
  { problem, side, free }: SimplexDerivative,
  cotangents: SparsemaxOutputRows,
): Required<SparsemaxDataRows> {
  const { n, batch, u } = problem;
  const m = u ? 2 * n : n;
  const result = {
    y: new Float64Array(problem.y.values.length),
    u: new Float64Array(u?.values.length ?? 0),
    total: new Float64Array(problem.total.values.length),
  };
  const zeros = new Float64Array(Math.max(m, n));
  for (let i = 0; i < batch; i++) {
    if (free[i] < 0) continue;
    const outputs = {
      x: cotangents.x?.subarray(i * n, (i + 1) * n) ?? zeros.subarray(0, n),
      nu: cotangents.nu?.subarray(i, i + 1) ?? zeros.subarray(0, 1),
      lambda: cotangents.lambda?.subarray(i * m, (i + 1) * m) ?? zeros.subarray(0, m),
    };
    const y = offsetOf(problem.y, i);
    const upper = u ? offsetOf(u, i) : 0;
    const total = offsetOf(problem.total, i);
    const pull = free[i] > 0 ? pullFree : pullVertex;
    pull(side.subarray(i * n, (i + 1) * n), free[i], outputs, {
      y: result.y.subarray(y, y + n),
      u: result.u.subarray(upper, upper + n),
      total: result.total.subarray(total, total + 1),
    });
  }
  return result;
}

function pullFree(side: Uint8Array, free: number, c: ItemOutputs, to: Required<SparsemaxDataRows>): void {
  const n = side.length;
  // of tau, through which every entry acts on every other
  let sum = c.nu[0];
  for (let j = 0; j < n; j++) {
    if (side[j] === 0) sum -= c.x[j];
    else sum += side[j] === atLower ? c.lambda[j] : -c.lambda[n + j];
  }
  const common = sum / free;
  to.total[0] -= common;
  for (let j = 0; j < n; j++) {
    if (side[j] === 0) to.y[j] += c.x[j] + common;
    else if (side[j] === atLower) to.y[j] -= c.lambda[j];
    else {
      to.y[j] += c.lambda[n + j];
      to.u[j] += c.x[j] - c.lambda[n + j] + common;
    }
  }
}

function pullVertex(side: Uint8Array, _free: number, c: ItemOutputs, to: Required<SparsemaxDataRows>): void {
  const n = side.length;
  const [nu, lambda] = [c.nu.slice(), c.lambda.slice()];
  removeVanishing(side, nu, lambda);
  let sum = 0;
  for (let j = 0; j < n; j++) sum += c.x[j] + (side[j] === atUpper ? -lambda[n + j] : lambda[j]);
  const spread = sum / (n + 1);
  to.total[0] += spread;
  for (let j = 0; j < n; j++) {
    if (side[j] === atLower) to.y[j] -= lambda[j];
    else {
      to.y[j] += lambda[n + j];
      to.u[j] += c.x[j] - lambda[n + j] - spread;
    }
  }
}

function itemRow(datum: Datum, rows: Float64Array | undefined, i: number): Float64Array | null {
  const start = offsetOf(datum, i);
  return rows?.subarray(start, start + datum.shape[0]) ?? null;
}
