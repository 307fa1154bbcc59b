import { offsetOf } from "../problem/products.ts";
import { itemOf } from "../problem/quadratic-program.ts";
import type { SparsemaxProblem } from "../problem/sparsemax-problem.ts";
import { correction, simplexThreshold, type Threshold } from "./box-projection/simplex-threshold.ts";
import { judge } from "./residuals.ts";
import type { Certificate, Solution, Solver, Status } from "./solver.ts";

export interface SimplexProjectionOptions {
  /** The share of total by which the bounds may sum to less and count as equal to it, as rounding. Default 1e-10. */
  readonly rounding?: number;
}

/** The largest relative residual of a solved item, where rounding of the data does not ask for more. */
const tolerance = 1e-9;

/**
 * The exact solution of a sparsemax problem by its structure: x = clip(y - tau, 0, u) where tau = nu makes x sum to total
 * (`simplexThreshold`, expected O(n)), and from the stationarity x - y + nu - lambda_lower + lambda_upper = 0
 *
 *     lambda_lower = max(tau - y, 0),   lambda_upper = max(y - tau - u, 0).
 *
 * Items with a negative u or total, or with sum u < total, are `primal_infeasible`, with a certificate.
 */
export function simplexProjection({ rounding = 1e-10 }: SimplexProjectionOptions = {}): Solver<SparsemaxProblem> {
  return { name: "simplex projection", solve: (problem) => solve(problem, rounding) };
}

type Numbers = "x" | "nu" | "lambda" | "s" | "objective";

function solve(problem: SparsemaxProblem, rounding: number): Solution {
  const begin = performance.now();
  const { n, batch, u } = problem;
  const m = u ? 2 * n : n;
  const point: Record<Numbers, Float64Array> = {
    x: new Float64Array(batch * n),
    nu: new Float64Array(batch),
    lambda: new Float64Array(batch * m),
    s: new Float64Array(batch * m),
    objective: new Float64Array(batch),
  };
  const residuals = { primal: new Float64Array(batch), dual: new Float64Array(batch), gap: new Float64Array(batch) };
  const iterations = new Int32Array(batch);
  const status: Status[] = [];
  const certificates: (Certificate | null)[] = [];
  const unbounded = u ? null : new Float64Array(n).fill(Infinity);
  const work = { d: new Float64Array(n), candidates: new Int32Array(n) };
  for (let i = 0; i < batch; i++) {
    const y = itemOf(problem.y, i);
    const bounds = unbounded ?? itemOf(u as NonNullable<typeof u>, i);
    const total = problem.total.values[offsetOf(problem.total, i)];
    const certificate = infeasibility(bounds, total, m, rounding);
    certificates.push(certificate);
    if (certificate === null) {
      const { tau, evaluations } = thresholdOf(y, bounds, total, work.candidates);
      for (let j = 0; j < n; j++) work.d[j] = y[j] - tau;
      const delta = evaluations > 0 ? correction(work.d, bounds, total) : 0;
      writeItem(point, i, work.d, bounds, m, delta);
      if (evaluations === 0 && total > 0) fillToBounds(point, i, bounds);
      point.nu[i] = tau + delta;
      iterations[i] = evaluations;
    }
    const relative = assessItem(point, residuals, i, y, bounds, total, m);
    status.push(certificate ? "primal_infeasible" : judge(relative, Math.max(tolerance, rounding), "numerical_error"));
  }
  const { x, nu, lambda, s, objective } = point;
  const milliseconds = performance.now() - begin;
  const found = { x, nu, lambda, s, objective, status, residuals, iterations, milliseconds, certificates };
  return { solver: "simplex projection", ...found };
}

/**
 * The proof that an item has no solution, null where it has one. With A = 1' and G = [-I; I]: nu = 1 and lambda_lower = 1
 * where total < 0, lambda_lower_j = lambda_upper_j = 1 where u_j < 0, nu = -1 and lambda_upper = 1 where sum u < total.
 */
export function infeasibility(u: Float64Array, total: number, m: number, rounding: number): Certificate | null {
  const n = u.length;
  const proof = { kind: "primal_infeasible", nu: new Float64Array(1), lambda: new Float64Array(0) } as const;
  if (total < 0) {
    proof.nu[0] = 1;
    return { ...proof, lambda: new Float64Array(m).fill(1, 0, n) };
  }
  let sum = 0;
  for (let j = 0; j < n; j++) {
    sum += u[j];
    if (u[j] >= 0) continue;
    const lambda = new Float64Array(m);
    lambda[j] = 1;
    lambda[n + j] = 1;
    return { ...proof, lambda };
  }
  if (sum >= total * (1 - rounding)) return null;
  proof.nu[0] = -1;
  return { ...proof, lambda: new Float64Array(m).fill(1, n) };
}

/** y - tau of one feasible item, whose clip(., 0, u) is its projection; `candidates` is working memory of n entries. */
export function shiftedToSimplex(
  y: Float64Array,
  u: Float64Array,
  total: number,
  candidates: Int32Array,
): Float64Array {
  const { tau, evaluations } = thresholdOf(y, u, total, candidates);
  const d = y.map((value) => value - tau);
  const delta = evaluations > 0 ? correction(d, u, total) : 0;
  for (let j = 0; j < d.length; j++) d[j] -= delta;
  return d;
}

/**
 * tau; where x = 0 or x = u is all there is, the end of the half-line of thresholds that give it,
 * without an evaluation.
 */
function thresholdOf(y: Float64Array, u: Float64Array, total: number, candidates: Int32Array): Threshold {
  let sum = 0;
  for (let j = 0; j < u.length; j++) sum += u[j];
  if (total > 0 && sum > total) return simplexThreshold(y, u, total, candidates);
  let tau = total > 0 ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  for (let j = 0; j < u.length; j++) tau = total > 0 ? Math.min(tau, y[j] - u[j]) : Math.max(tau, y[j]);
  return { tau, evaluations: 0 };
}

/** x, lambda and s from d = y - (tau less delta). */
function writeItem(
  { x, lambda, s }: Record<Numbers, Float64Array>,
  i: number,
  d: Float64Array,
  u: Float64Array,
  m: number,
  delta: number,
): void {
  const n = d.length;
  for (let j = 0, k = i * n, low = i * m, high = i * m + n; j < n; j++, k++, low++, high++) {
    const step = d[j] - delta;
    x[k] = step <= 0 ? 0 : Math.min(step, u[j]);
    if (step < 0) lambda[low] = -step;
    s[low] = x[k];
    if (m === n) continue;
    if (step > u[j]) lambda[high] = step - u[j];
    s[high] = u[j] - x[k];
  }
}

/** x = u to the last digit, where that is the only point. */
function fillToBounds({ x, s }: Record<Numbers, Float64Array>, i: number, u: Float64Array): void {
  const n = u.length;
  x.set(u, i * n);
  s.set(u, 2 * i * n);
  s.fill(0, (2 * i + 1) * n, (2 * i + 2) * n);
}

/** Writes the item's residuals and objective from the data and the point alone, and returns its largest relative residual. */
function assessItem(
  { x, nu, lambda, objective }: Record<Numbers, Float64Array>,
  { primal, dual, gap }: Solution["residuals"],
  i: number,
  y: Float64Array,
  u: Float64Array,
  total: number,
  m: number,
): number {
  const n = y.length;
  const tau = nu[i];
  const scale = { primal: Math.abs(total), dual: Math.abs(tau), gap: Math.abs(tau * total) };
  let sum = -total;
  let violation = 0;
  let stationarity = 0;
  let product = tau * total;
  let square = 0;
  for (let j = 0, k = i * n, low = i * m, high = i * m + n; j < n; j++, k++, low++, high++) {
    const bounding = m === n ? 0 : lambda[high];
    const difference = x[k] - y[j];
    const bound = bounding > 0 ? bounding * u[j] : 0;
    sum += x[k];
    violation = Math.max(violation, -x[k], x[k] - u[j]);
    stationarity = Math.max(stationarity, Math.abs(difference + tau - lambda[low] + bounding));
    product += x[k] * difference + bound;
    square += difference * difference;
    scale.dual = Math.max(scale.dual, Math.abs(y[j]));
    scale.gap += Math.abs(x[k] * difference) + bound;
  }
  primal[i] = Math.max(Math.abs(sum), violation);
  dual[i] = stationarity;
  gap[i] = Math.abs(product);
  objective[i] = square / 2;
  return Math.max(primal[i] / (1 + scale.primal), stationarity / (1 + scale.dual), gap[i] / (1 + scale.gap));
}
