import { dot, maxAbs } from "../../arrays.ts";
import { ScaledGram } from "../../kkt/scaled-gram.ts";
import type { IterationProgress } from "../solver.ts";
import type { EntropyItem, EntropyPoint } from "./item.ts";

export interface EntropicAdmmSettings {
  readonly tolerance: number;
  /** Over-relaxation in (0, 2). */
  readonly relaxation: number;
  readonly maxIterations: number;
  readonly interrupted: () => boolean;
  /** Called after every iteration. */
  readonly onIteration?: (progress: IterationProgress) => void;
  /** Where to start; a cold start by default. */
  readonly start?: { readonly z: Float64Array; readonly s: Float64Array; readonly rho?: number };
  /** Whether the iteration has served its purpose, asked after 50 iterations and whenever it has taken twice as many. */
  readonly isEnough?: (point: EntropyPoint, iterations: number) => boolean;
}

export interface EntropicAdmmRun {
  readonly point: EntropyPoint;
  readonly rho: number;
  readonly iterations: number;
  readonly outcome: "converged" | "max_iterations" | "time_limit" | "numerical_error";
}

/** How often rho may follow the balance of the residuals, and by how much they have to differ. */
const adaptEvery = 10;
const imbalance = 5;
const firstLook = 50;
/** From so many iterations on, twice as many have to bring the residuals down by something. */
const mostIdle = 200;
const progress = 0.9;
/** Newton steps of one update of x; the next update goes on from there. */
const mostNewtonSteps = 50;
/** Steps of it whose gain is lost in the rounding of the objective. */
const mostHidden = 3;

/**
 * ADMM in the form of Alt-Diff (5) on (nu, w), w = lambda - rho s, with K = [A; G], k = [b; h] and a = (nu, |w|):
 *
 *     x+ = argmin f(x) + a'Kx + rho/2 |Kx - k|^2,   v = a + rho (K x+ - k),
 *     nu+ = v_A,   w+ = v_G - max(-w, 0).
 *
 * For f = -y'x + sum x log x the update of x is the smooth problem (B.1) in the p + m numbers v,
 *
 *     minimize |v - a|^2 / (2 rho) + sum_j exp(y - 1 - K'v)_j + k'v,   x+ = exp(y - 1 - K'v) > 0,
 *
 * by Newton's method with backtracking from the last v. Its Hessian I / rho + K diag(x) K' is, by Woodbury's formula, that of
 * the augmented Lagrangian, and the last one is what the derivative of the updates needs.
 */
export function runEntropicAdmm(item: EntropyItem, settings: EntropicAdmmSettings): EntropicAdmmRun {
  const { p, m } = item;
  const gram = new ScaledGram(item.K, item.n);
  const cold = entropicStart(item, gram);
  const { x } = cold;
  const hessian: InheritedHessian = { gram, rho: 0 };
  let rho = settings.start?.rho ?? cold.rho;
  const v = settings.start?.z.slice() ?? cold.v;
  const t = v.slice();
  if (settings.start) for (let i = 0; i < m; i++) t[p + i] -= rho * settings.start.s[i];
  const current = (): EntropyPoint => {
    const z = t.map((value, i) => (i < p ? value : Math.max(value, 0)));
    return { x, z, s: Float64Array.from({ length: m }, (_, i) => Math.max(-t[p + i], 0) / rho) };
  };
  const end = (iterations: number, outcome: EntropicAdmmRun["outcome"]): EntropicAdmmRun => {
    return { point: current(), rho, iterations, outcome };
  };
  let lookAt = firstLook;
  let worstAtLook = Infinity;
  for (let iterations = 1; ; iterations++) {
    const a = t.map((value, i) => (i < p ? value : Math.abs(value)));
    if (!updateX(item, hessian, a, rho, v, x, settings.tolerance)) return end(iterations, "numerical_error");
    const previous = t.slice();
    for (let i = 0; i < p + m; i++) {
      const next = i < p ? v[i] : v[i] - Math.max(-t[i], 0);
      t[i] += settings.relaxation * (next - t[i]);
    }
    const { primal, dual } = residuals(item, gram, x, v, t, rho);
    const isLook = iterations >= lookAt;
    if (isLook) lookAt *= 2;
    const converged =
      (primal <= settings.tolerance && dual <= settings.tolerance) ||
      (isLook && settings.isEnough?.(current(), iterations) === true);
    settings.onIteration?.({ iteration: iterations, primal, dual, unfinished: converged ? 0 : 1 });
    if (converged) return end(iterations, "converged");
    const worst = Math.max(primal, dual);
    if (isLook && iterations > mostIdle && !(worst < progress * worstAtLook)) return end(iterations, "numerical_error");
    if (isLook) worstAtLook = worst;
    if (iterations >= settings.maxIterations) return end(iterations, "max_iterations");
    if (settings.interrupted()) return end(iterations, "time_limit");
    if (!(maxAbs(previous) < Infinity)) return end(iterations, "numerical_error");
    if (iterations % adaptEvery === 0) rho = adapted(t, p, rho, primal / dual);
  }
}

/** v that brings exp(y - 1 - K'v) nearest to a size that fits the constraints, in logarithms; a rho for the rows there. */
export function entropicStart({ n, p, m, y, K, k }: EntropyItem, gram: ScaledGram) {
  const Kx = new Float64Array(p + m);
  gram.multiply(1, new Float64Array(n).fill(1), 0, Kx);
  let product = 0;
  let square = 0;
  for (let i = 0; i < (p || p + m); i++) {
    product += Kx[i] * k[i];
    square += Kx[i] * Kx[i];
  }
  const fitted = product / square;
  const size = fitted > 1e-100 && fitted < 1e100 ? fitted : 1;
  const rhs = new Float64Array(p + m);
  gram.multiply(
    1,
    y.map((value) => value - 1 - Math.log(size)),
    0,
    rhs,
  );
  const x = new Float64Array(n).fill(1);
  const solvable = p + m > 0 && gram.factor(x, new Float64Array(p + m).fill(1e-6 * n));
  const v = solvable ? gram.solve(rhs) : new Float64Array(p + m);
  for (let i = p; i < p + m; i++) v[i] = Math.max(v[i], 0);
  let squares = 0;
  for (let i = 0; i < K.length; i++) squares += K[i] * K[i];
  return { v, x: x.fill(size), rho: (p + m) / (size * squares || 1) || 1 };
}

/** The factor of the Hessian that one update of x leaves to the next, with the penalty that it was made for; 0: none. */
export interface InheritedHessian {
  readonly gram: ScaledGram;
  rho: number;
}

/**
 * Newton's method for v and x; false where it breaks down. The Hessian of the last update serves as long as the decrement
 * falls by a factor of ten a step with it.
 */
export function updateX(
  item: EntropyItem,
  hessian: InheritedHessian,
  a: Float64Array,
  rho: number,
  v: Float64Array,
  x: Float64Array,
  tolerance: number,
): boolean {
  const { gram } = hessian;
  const trial = { v: v.slice(), x: x.slice() };
  let value = objective(item, gram, a, rho, v, x);
  let last = Infinity;
  let hidden = 0;
  for (let step = 0; step < mostNewtonSteps; step++) {
    const slope = v.map((entry, i) => (entry - a[i]) / rho + item.k[i]);
    gram.multiply(-1, x, 1, slope);
    if (!(value < Infinity)) return false;
    let fresh = hessian.rho !== rho;
    if (fresh && !refactored(hessian, x, rho)) return false;
    let direction = gram.solve(slope, 0);
    if (!fresh && dot(slope, direction) > last / 10) {
      fresh = true;
      if (!refactored(hessian, x, rho)) return false;
      direction = gram.solve(slope, 0);
    }
    const decrement = dot(slope, direction);
    if (!(decrement > Math.max(1e-26, 1e-4 * tolerance ** 2) * (1 + Math.abs(value)))) return true;
    let length = 1;
    let next = Infinity;
    for (; length > 1e-12; length /= 2) {
      for (let i = 0; i < v.length; i++) trial.v[i] = v[i] - length * direction[i];
      next = objective(item, gram, a, rho, trial.v, trial.x);
      if (next <= value - 0.25 * length * decrement) break;
      if (Math.abs(next - value) <= 1e-15 * Math.abs(value)) {
        hidden++;
        break;
      }
    }
    if (!(next < Infinity) || hidden > mostHidden) return true;
    if (length < 1 && !fresh) {
      // the inherited Hessian no longer fits: once more with that of this x
      hessian.rho = 0;
      continue;
    }
    v.set(trial.v);
    x.set(trial.x);
    value = next;
    last = decrement;
  }
  return true;
}

function refactored(hessian: InheritedHessian, x: Float64Array, rho: number): boolean {
  hessian.rho = hessian.gram.factor(x, new Float64Array(hessian.gram.r).fill(1 / rho)) ? rho : 0;
  return hessian.rho !== 0;
}

/** The objective of the update of x at v; writes x = exp(y - 1 - K'v). */
function objective(
  { y, k }: EntropyItem,
  gram: ScaledGram,
  a: Float64Array,
  rho: number,
  v: Float64Array,
  x: Float64Array,
): number {
  for (let j = 0; j < x.length; j++) x[j] = y[j] - 1;
  gram.multiplyTransposed(-1, v, 1, x);
  let value = 0;
  for (let j = 0; j < x.length; j++) {
    x[j] = Math.exp(x[j]);
    value += x[j];
  }
  for (let i = 0; i < v.length; i++) value += (v[i] - a[i]) ** 2 / (2 * rho) + k[i] * v[i];
  return value;
}

/** Relative residuals of Kx + s = k, and of stationarity at (nu, lambda) where x is stationary at v. */
function residuals(
  { n, p, k }: EntropyItem,
  gram: ScaledGram,
  x: Float64Array,
  v: Float64Array,
  t: Float64Array,
  rho: number,
): { primal: number; dual: number } {
  const Kx = new Float64Array(v.length);
  gram.multiply(1, x, 0, Kx);
  let primal = 0;
  for (let i = 0; i < v.length; i++) {
    const s = i < p ? 0 : Math.max(-t[i], 0) / rho;
    primal = Math.max(primal, Math.abs(Kx[i] + s - k[i]));
  }
  const change = t.map((value, i) => (i < p ? value : Math.max(value, 0)) - v[i]);
  const force = new Float64Array(n);
  gram.multiplyTransposed(1, change, 0, force);
  const size = Math.max(maxAbs(Kx), maxAbs(k));
  return { primal: size > 0 ? primal / size : primal, dual: maxAbs(force) / (1 + maxAbs(v)) };
}

/** rho after a look at the balance of the residuals, with t = (nu, lambda - rho s) moved along. */
function adapted(t: Float64Array, p: number, rho: number, ratio: number): number {
  if (!(ratio > imbalance || ratio < 1 / imbalance)) return rho;
  const factor = Math.min(Math.max(Math.sqrt(ratio), 0.1), 10);
  if (!(factor > 0)) return rho;
  for (let i = p; i < t.length; i++) if (t[i] < 0) t[i] *= factor;
  return rho * factor;
}
