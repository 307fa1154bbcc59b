import type { SparseQuadraticProgram } from "../../problem/sparse-quadratic-program.ts";
import { INACTIVE } from "../../solvers/sparse/active-set.ts";
import { AdmmFactor, sigma } from "../../solvers/sparse/admm-iteration.ts";
import { admmFactorOf } from "../../solvers/sparse/admm-state.ts";
import { type ScaledProgram, scaledProgram } from "../../solvers/sparse/scaled-program.ts";
import type { KktAdjoint } from "./kkt-cotangents.ts";
import type { SolvedPoint } from "./over-batch.ts";

export interface RecursionSettings {
  /** Where the recursion stops: the estimated distance to its limit, relative to its first change. */
  readonly truncate: number;
  readonly maxIterations: number;
  readonly relaxation: number;
  /** The penalty for solutions of other solvers than ADMM, which brings its own. */
  readonly rho: number;
}

export interface RecursionRun extends KktAdjoint {
  readonly iterations: number;
  /** The estimated distance to the limit, relative to the first change. */
  readonly residual: number;
}

/** Changes below this share of the first that no longer shrink are at rounding. */
const rounding = 1e-12;

/**
 * How far a sequence is from its limit, relative to its first change: what is left of a geometric series whose terms shrink as the
 * last quarter of the changes did. Where they do not shrink, each may yet come as often as it has, unless they are at rounding.
 */
function distanceLeft(changes: readonly number[]): number {
  const end = changes.length - 1;
  const begin = Math.min(end - 1, Math.floor((3 * end) / 4));
  const rate = (changes[end] / changes[begin]) ** (1 / (end - begin));
  const change = changes[end] / changes[0];
  if (rate < 1) return change * Math.max(1, rate / (1 - rate));
  return change <= rounding ? change : change * end;
}

/**
 * The derivative of ADMM's iteration at a solution, with its projection frozen: d = 1 where it is the identity, 0 where a bound
 * holds. Forward and adjoint recursion tend to the solution (u, y) of the same KKT system on the active rows,
 *
 *     Qu + E_a'y = c,   E_a u = g,        E = [I; C],
 *
 * at the cost of one solve with the solver's own factor a step.
 */
export class FrozenRecursion {
  private readonly program: ScaledProgram;
  private readonly factor: AdmmFactor;
  private readonly active: Uint8Array;
  private readonly settings: RecursionSettings;
  private readonly rhs: Float64Array;
  private readonly solution: Float64Array;

  constructor(problem: SparseQuadraticProgram, point: SolvedPoint, active: Uint8Array, settings: RecursionSettings) {
    const { state } = point;
    this.program = state?.program.original === problem ? state.program : scaledProgram(problem);
    this.factor = admmFactorOf(problem, state) ?? new AdmmFactor(this.program, settings.rho);
    this.active = active;
    this.settings = settings;
    this.rhs = new Float64Array(active.length);
    this.solution = new Float64Array(active.length);
  }

  /**
   * ADMM on the linearized problem, minimize 1/2 u'Qu - c'u subject to E_a u = g:
   *
   *     H u = sigma x + c + E'R (2z - w),   z = d w + (1 - d) g,   x+ = x + alpha (u - x),   w+ = w + alpha (E u - z).
   */
  forward(c: Float64Array, r: Float64Array, f: Float64Array): RecursionRun {
    const { active, settings, rhs, solution, factor } = this;
    const { n } = this.program;
    const { penalty } = factor;
    const { relaxation: alpha } = settings;
    const [cost, g] = this.scaled(c, r, f);
    const x = new Float64Array(n);
    const w = new Float64Array(active.length);
    const run = this.repeat(() => {
      for (let j = 0; j < n; j++) {
        const z = active[j] === INACTIVE ? w[j] : g[j];
        rhs[j] = sigma * x[j] + cost[j] + penalty[j] * (2 * z - w[j]);
      }
      for (let k = n; k < w.length; k++) rhs[k] = active[k] === INACTIVE ? w[k] : 2 * g[k] - w[k];
      factor.solve(rhs, solution);
      let change = 0;
      for (let j = 0; j < n; j++) {
        const step = solution[j] - x[j];
        x[j] += alpha * step;
        change += sigma * step * step;
      }
      for (let k = 0; k < w.length; k++) {
        if (penalty[k] === 0) continue;
        const reached = k < n ? solution[k] : rhs[k] + solution[k] / penalty[k];
        const step = reached - (active[k] === INACTIVE ? w[k] : g[k]);
        w[k] += alpha * step;
        change += penalty[k] * step * step;
      }
      return Math.sqrt(change);
    });
    const y = w.map((value, k) => (active[k] === INACTIVE ? 0 : penalty[k] * (value - g[k])));
    return { ...run, ...this.unscaled(solution, y) };
  }

  /**
   * Its transpose, for the cotangents c of x and g of the multipliers:
   *
   *     H u = alpha (x + E'w),   x+ = (1 - alpha) x + sigma u + c,   w+ = (1 - alpha d) w + R ((2d - 1) E u + (1 - d) g)
   *
   * with y = R g - alpha w on the active rows.
   */
  adjoint(c: Float64Array, r: Float64Array, f: Float64Array): RecursionRun {
    const { active, settings, rhs, solution, factor } = this;
    const { n } = this.program;
    const { penalty } = factor;
    const { relaxation: alpha } = settings;
    const [cost, g] = this.scaled(c, r, f);
    const x = cost.slice();
    const w = g.map((value, k) => penalty[k] * value);
    const run = this.repeat(() => {
      for (let j = 0; j < n; j++) rhs[j] = alpha * (x[j] + w[j]);
      for (let k = n; k < w.length; k++) rhs[k] = (alpha * w[k]) / penalty[k];
      factor.solve(rhs, solution);
      let change = 0;
      for (let j = 0; j < n; j++) {
        const step = sigma * solution[j] + cost[j] - alpha * x[j];
        x[j] += step;
        change += step * step;
      }
      for (let k = 0; k < w.length; k++) {
        if (penalty[k] === 0) continue;
        const Eu = k < n ? solution[k] : rhs[k] + solution[k] / penalty[k];
        const step = active[k] === INACTIVE ? penalty[k] * Eu - alpha * w[k] : penalty[k] * (g[k] - Eu);
        w[k] += step;
        change += (step * step) / penalty[k];
      }
      return Math.sqrt(change);
    });
    const y = w.map((value, k) => (active[k] === INACTIVE ? 0 : penalty[k] * g[k] - alpha * value));
    return { ...run, ...this.unscaled(solution, y) };
  }

  private repeat(step: () => number): { iterations: number; residual: number } {
    const { truncate, maxIterations } = this.settings;
    const changes = [step()];
    let residual = changes[0] > 0 ? 1 : 0;
    while (residual > truncate && changes.length < maxIterations) {
      changes.push(step());
      residual = distanceLeft(changes);
    }
    return { iterations: changes.length, residual };
  }

  /** The right-hand sides in scaled units; g is zero on the inactive rows. */
  private scaled(c: Float64Array, r: Float64Array, f: Float64Array): [Float64Array, Float64Array] {
    const { n, D, E, cost } = this.program;
    const g = Float64Array.from(this.active, (kind, k) => {
      if (kind === INACTIVE) return 0;
      return k < n ? f[k] / D[k] : E[k - n] * r[k - n];
    });
    return [c.map((value, j) => cost * D[j] * value), g];
  }

  private unscaled(u: Float64Array, y: Float64Array): KktAdjoint {
    const { n, D, E, cost } = this.program;
    return {
      u: D.map((scale, j) => scale * u[j]),
      y: E.map((scale, i) => (scale / cost) * y[n + i]),
      z: D.map((scale, j) => y[j] / (cost * scale)),
    };
  }
}
