import { maxAbs } from "../../arrays.ts";
import { ScaledGram } from "../../kkt/scaled-gram.ts";
import type { IterationProgress } from "../solver.ts";
import { type EntropyItem, type EntropyPoint, entropyResiduals, stepWithin } from "./item.ts";

export interface EntropicSettings {
  /** Where the iteration stops: its largest relative residual. */
  readonly tolerance: number;
  readonly maxIterations: number;
  readonly interrupted: () => boolean;
  /** Called after every iteration. */
  readonly onIteration?: (progress: IterationProgress) => void;
}

export interface EntropicRun {
  readonly point: EntropyPoint;
  readonly iterations: number;
  readonly outcome: "converged" | "max_iterations" | "time_limit" | "numerical_error";
}

/** The share of the way to the boundary that a step may go. */
const reach = 0.99;
/** The factor by which an entry of x may grow in a step: beyond, the logarithm is not what its linearization says. */
const growth = 10;
/** Of rz, relative to the largest entry of x. */
const rounding = 1e-14;
/** Steps shorter than this lead nowhere. */
const shortest = 1e-9;

/** A point of the iteration: besides x, z and s the multipliers w of x >= 0, which vanish in the limit. */
interface Iterate extends EntropyPoint {
  readonly w: Float64Array;
}

/**
 * A primal-dual interior-point method with Mehrotra's predictor and corrector on
 *
 *     log x + 1 - y + K'z - w = 0,   A x = b,   G x + s = h,   lambda_i s_i = mu,   x_j w_j = mu -> 0,
 *
 * x, s, lambda, w > 0 throughout. The logarithm alone keeps the solution positive, not the iteration on its way to it: with
 * the barrier of x >= 0, to which x log x is compatible (Nesterov and Nemirovskii 1994), the steps do not
 * depend on how small an entry of x becomes. With D = diag(x / (1 + w)), all but z is eliminated from a Newton system:
 *
 *     (K D K' + diag(0, s / lambda)) dz = rz - K D (rd + rx / x) - (0, rc / lambda),
 *     dx = -D (rd + rx / x + K'dz),   ds = -(rc + s dlambda) / lambda,   dw = -(rx + w dx) / x,
 *
 * a system of p + m unknowns however many variables there are. The corrector has the second-order term of the logarithm
 * too. Steps stop short of the boundary, and where an entry of x would grow by more than a factor of ten.
 *
 * It ends where x and exp(y - 1 - K'z), the minimizer of the Lagrangian, have come together up to entries too small to
 * matter; the latter is the result, so that stationarity holds for those too.
 */
export function iterateEntropic(item: EntropyItem, settings: EntropicSettings): EntropicRun {
  const gram = new ScaledGram(item.K, item.n);
  const point = startingPoint(item, gram);
  let short = 0;
  const end = (iterations: number, outcome: EntropicRun["outcome"]) => ({ point, iterations, outcome });
  for (let iterations = 0; ; iterations++) {
    const residuals = entropyResiduals(item, gram, point);
    const sizes = sizesOf(item, point, residuals);
    const converged = hasConverged(item, point, sizes, settings.tolerance);
    if (iterations > 0) settings.onIteration?.({ iteration: iterations, ...sizes, unfinished: converged ? 0 : 1 });
    if (converged) {
      const x = point.x.map((value, j) => value * Math.exp(-residuals.rd[j]));
      return { point: { ...point, x }, iterations, outcome: "converged" };
    }
    for (let j = 0; j < item.n; j++) residuals.rd[j] -= point.w[j];
    if (iterations >= settings.maxIterations) return end(iterations, "max_iterations");
    if (settings.interrupted()) return end(iterations, "time_limit");
    const alpha = step(item, gram, point, residuals);
    short = alpha < shortest ? short + 1 : 0;
    if (!(alpha > 0) || short > 2) return end(iterations, "numerical_error");
  }
}

interface Residuals {
  readonly rd: Float64Array;
  readonly rz: Float64Array;
}

/** x of one size that fits Ax = b best, z = (0, 1), s = h - Gx where that is positive, w as stationarity asks and more. */
function startingPoint({ n, p, m, y, k }: EntropyItem, gram: ScaledGram): Iterate {
  const Kx = new Float64Array(p + m);
  gram.multiply(1, new Float64Array(n).fill(1), 0, Kx);
  const size = startingSize(Kx, k, p, n);
  const x = new Float64Array(n).fill(size);
  const z = new Float64Array(p + m).fill(1, p);
  const s = new Float64Array(m);
  const least = 0.1 * Math.max(maxAbs(k, p), size * maxAbs(Kx, p)) || 1;
  for (let i = 0; i < m; i++) s[i] = Math.max(k[p + i] - size * Kx[p + i], least);
  const slope = y.map((value) => Math.log(size) + 1 - value);
  const middle = p > 0 ? slope.reduce((sum, value) => sum + value, 0) / n : 0;
  const spread = slope.reduce((sum, value) => sum + Math.abs(value - middle), 0) / n;
  const w = slope.map((value) => Math.max(value - middle, 0) + 1 + spread / 2);
  return { x, z, s, w };
}

/** The t > 0 with t Kx nearest to k in the equalities, or else a size that the inequalities suggest. */
function startingSize(Kx: Float64Array, k: Float64Array, p: number, n: number): number {
  let product = 0;
  let square = 0;
  for (let i = 0; i < (p || k.length); i++) {
    product += Kx[i] * k[i];
    square += Kx[i] * Kx[i];
  }
  const t = product / square;
  if (t > 1e-100 && t < 1e100) return t;
  return maxAbs(k) / n || 1;
}

/**
 * rz and the products lambda_i s_i relative to k, and the distance of x from exp(y - 1 - K'z) relative to the largest entry
 * of x; rd is without w here.
 */
function sizesOf({ p, m, k }: EntropyItem, { x, z, s }: Iterate, { rd, rz }: Residuals) {
  const size = 1 + maxAbs(k);
  const sizes = { primal: maxAbs(rz) / size, dual: 0, gap: 0 };
  for (let i = 0; i < m; i++) sizes.gap = Math.max(sizes.gap, (z[p + i] * s[i]) / size);
  for (let j = 0; j < x.length; j++) sizes.dual = Math.max(sizes.dual, x[j] * Math.abs(Math.expm1(-rd[j])));
  sizes.dual /= maxAbs(x) || 1;
  return sizes;
}

function hasConverged(
  { k }: EntropyItem,
  { x }: Iterate,
  { primal, dual, gap }: ReturnType<typeof sizesOf>,
  tolerance: number,
): boolean {
  const unavoidable = (rounding * maxAbs(x)) / (1 + maxAbs(k));
  return primal <= Math.max(tolerance, unavoidable) && dual <= tolerance && gap <= tolerance;
}

/** One predictor-corrector step, in place; returns its length, NaN where the system could not be factored. */
function step({ p, m }: EntropyItem, gram: ScaledGram, point: Iterate, { rd, rz }: Residuals): number {
  const { x, z, s, w } = point;
  const lambda = z.subarray(p);
  const e = new Float64Array(p + m);
  for (let i = 0; i < m; i++) e[p + i] = s[i] / lambda[i];
  const D = x.map((value, j) => value / (1 + w[j]));
  if (!gram.factor(D, e)) return Number.NaN;
  const rc = s.map((value, i) => value * lambda[i]);
  const rx = x.map((value, j) => value * w[j]);
  const { dx, dz, ds, dw } = solveStep(gram, point, D, { rd, rz, rc, rx }, p);
  const dlambda = dz.subarray(p);
  let alpha = stepWithin(s, ds, 1, stepWithin(lambda, dlambda, 1, stepWithin(x, dx, 1, stepWithin(w, dw, 1, 1))));
  let sum = 0;
  let ahead = 0;
  for (let i = 0; i < m; i++) {
    sum += rc[i];
    ahead += (s[i] + alpha * ds[i]) * (lambda[i] + alpha * dlambda[i]);
  }
  for (let j = 0; j < x.length; j++) {
    sum += rx[j];
    ahead += (x[j] + alpha * dx[j]) * (w[j] + alpha * dw[j]);
  }
  const target = (Math.min(ahead / sum, 1) ** 3 * sum) / (m + x.length);
  for (let i = 0; i < m; i++) rc[i] += ds[i] * dlambda[i] - target;
  for (let j = 0; j < x.length; j++) rx[j] += dx[j] * dw[j] - target;
  const curved = rd.map((value, j) => value - Math.min(Math.abs(dx[j] / x[j]), 1) ** 2 / 2);
  const direction = solveStep(gram, point, D, { rd: curved, rz, rc, rx }, p);
  alpha = stepWithin(s, direction.ds, reach, stepWithin(lambda, direction.dz.subarray(p), reach, 1));
  alpha = stepWithin(x, direction.dx, reach, stepWithin(w, direction.dw, reach, alpha));
  for (let j = 0; j < x.length; j++) {
    if (direction.dx[j] * alpha > (growth - 1) * x[j]) alpha = ((growth - 1) * x[j]) / direction.dx[j];
  }
  for (let j = 0; j < x.length; j++) {
    x[j] += alpha * direction.dx[j];
    w[j] += alpha * direction.dw[j];
  }
  for (let i = 0; i < z.length; i++) z[i] += alpha * direction.dz[i];
  for (let i = 0; i < m; i++) s[i] += alpha * direction.ds[i];
  return alpha;
}

interface StepResiduals extends Residuals {
  readonly rc: Float64Array;
  readonly rx: Float64Array;
}

function solveStep(gram: ScaledGram, { x, z, s, w }: Iterate, D: Float64Array, r: StepResiduals, p: number) {
  const dx = r.rd.map((value, j) => value + r.rx[j] / x[j]);
  const rhs = r.rz.slice();
  for (let i = 0; i < s.length; i++) rhs[p + i] -= r.rc[i] / z[p + i];
  gram.multiply(
    -1,
    dx.map((value, j) => D[j] * value),
    1,
    rhs,
  );
  const dz = gram.solve(rhs);
  gram.multiplyTransposed(1, dz, 1, dx);
  for (let j = 0; j < dx.length; j++) dx[j] *= -D[j];
  const ds = r.rc.map((value, i) => -(value + s[i] * dz[p + i]) / z[p + i]);
  const dw = r.rx.map((value, j) => -(value + w[j] * dx[j]) / x[j]);
  return { dx, dz, ds, dw };
}
