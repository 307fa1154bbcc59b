import { addProduct, addSymmetricProduct, addTransposedProduct } from "@solvegrad/linalg";
import { AT_HIGH, AT_LOW, HELD, INACTIVE } from "../../solvers/sparse/active-set.ts";
import { type AdmmFactor, sigma } from "../../solvers/sparse/admm-iteration.ts";
import type { ScaledProgram } from "../../solvers/sparse/scaled-program.ts";
import type { ScaledData } from "./scaled-data.ts";

/** When a tape ends, and its over-relaxation. */
export interface TapeSettings {
  /** Iterations on the tape. Without it, twice as many as the state takes to settle. */
  readonly iterations: number | undefined;
  /** The state has settled where it changes by less than this share of its first change. */
  readonly tolerance: number;
  readonly maxIterations: number;
  readonly relaxation: number;
}

/** Of the state (x, w), or its tangent or cotangent. */
interface State {
  readonly x: Float64Array;
  readonly w: Float64Array;
}

interface Saved extends State {
  readonly at: number;
}

/**
 * ADMM's iterations from their cold start, with a fixed penalty, in the state (x, w):
 *
 *     z = clip(w),   H s = sigma x - q + E'R (2z - w),   x+ = x + alpha (s - x),   w+ = w + alpha (E s - z),   y = R (w - z).
 *
 * Runs backwards for the cotangents of the data, with states kept at every root of the number of iterations and the
 * stretches between computed anew; and forwards for tangents. Forward and backward are exact transposes of each other.
 */
export class AdmmTape {
  iterations = 0;
  /** The last change of the state relative to the first. */
  residual = 0;
  /**
   * How far the derivative is from settled: what is left of the cotangent at the start of the tape, relative to the largest it had; the
   * last change of the tangent, relative to the largest.
   */
  unsettled = 0;
  private readonly program: ScaledProgram;
  private readonly factor: AdmmFactor;
  private readonly alpha: number;
  private readonly rhs: Float64Array;
  private stride = 1;
  private saved: Saved[] = [];
  private end: State;

  /** A tape of at least so many iterations, where their number is free. */
  constructor(program: ScaledProgram, factor: AdmmFactor, settings: TapeSettings, atLeast = 1) {
    this.program = program;
    this.factor = factor;
    this.alpha = settings.relaxation;
    this.rhs = new Float64Array(program.n + program.rows);
    this.end = this.record(settings, atLeast);
  }

  /** Bytes of the states that are kept, with one stretch between two of them. */
  get bytes(): number {
    const { n, rows } = this.program;
    return 8 * ((2 * n + rows) * this.saved.length + this.stride * (3 * n + 2 * rows));
  }

  private start(): State {
    const { n, rows, low, high } = this.program;
    const w = Float64Array.from({ length: n + rows }, (_, k) => Math.min(Math.max(0, low[k]), high[k]));
    return { x: new Float64Array(n), w };
  }

  private record({ iterations, tolerance, maxIterations }: TapeSettings, atLeast: number): State {
    const state = this.start();
    const solution = new Float64Array(this.rhs.length);
    let first = 0;
    let last = iterations ?? maxIterations;
    while (this.iterations < last) {
      this.save(state);
      const change = this.step(state, solution);
      if (this.iterations === 0) first = change;
      this.iterations++;
      this.residual = first > 0 ? change / first : 0;
      if (iterations !== undefined || this.residual > tolerance || last < maxIterations) continue;
      last = Math.min(maxIterations - 1, Math.max(atLeast, 2 * this.iterations));
    }
    return state;
  }

  /** Keeps the state at multiples of the stride, which doubles so that about as many states are kept as lie between two. */
  private save({ x, w }: State): void {
    if (this.iterations % this.stride !== 0) return;
    this.saved.push({ x: x.slice(), w: w.slice(), at: this.iterations });
    if (this.saved.length <= 2 * this.stride) return;
    this.stride *= 2;
    this.saved = this.saved.filter(({ at }) => at % this.stride === 0);
  }

  /** One iteration; `solution` gets (s, multipliers of the rows). Returns the length of the change. */
  private step({ x, w }: State, solution: Float64Array): number {
    const { rhs, alpha, factor } = this;
    const { n, q, low, high } = this.program;
    const { penalty } = factor;
    for (let k = 0; k < w.length; k++) {
      const z = Math.min(Math.max(w[k], low[k]), high[k]);
      rhs[k] = k < n ? sigma * x[k] - q[k] + penalty[k] * (2 * z - w[k]) : 2 * z - w[k];
    }
    factor.solve(rhs, solution);
    let change = 0;
    for (let k = 0; k < w.length; k++) {
      if (penalty[k] === 0) continue;
      const z = Math.min(Math.max(w[k], low[k]), high[k]);
      const step = alpha * ((k < n ? solution[k] : rhs[k] + solution[k] / penalty[k]) - z);
      w[k] += step;
      change += penalty[k] * step * step;
    }
    for (let j = 0; j < n; j++) {
      const step = alpha * (solution[j] - x[j]);
      x[j] += step;
      change += sigma * step * step;
    }
    return Math.sqrt(change);
  }

  /** The cotangents of the data, from those of x and of y at the end. */
  backward(c: Float64Array, g: Float64Array): ScaledData {
    const { n, Q, C } = this.program;
    const size = this.rhs.length;
    const result: ScaledData = {
      Q: new Float64Array(Q.data.length),
      q: new Float64Array(n),
      C: new Float64Array(C.data.length),
      low: new Float64Array(size),
      high: new Float64Array(size),
    };
    const bar: State = { x: c.slice(), w: new Float64Array(size) };
    this.leaveMultipliers(g, bar, result);
    let largest = this.lengthOf(bar);
    let end = this.iterations;
    for (const { x, w, at } of [...this.saved].reverse()) {
      for (const { w: before, solution } of this.stretch({ x: x.slice(), w: w.slice() }, end - at).reverse()) {
        this.stepBack(before, solution, bar, result);
        largest = Math.max(largest, this.lengthOf(bar));
      }
      end = at;
    }
    this.unsettled = largest > 0 ? this.lengthOf(bar) / largest : 0;
    return result;
  }

  /** The iterations from a state on: w before each, and what it solved for. */
  private stretch(state: State, count: number): { w: Float64Array; solution: Float64Array }[] {
    return Array.from({ length: count }, () => {
      const w = state.w.slice();
      const solution = new Float64Array(w.length);
      this.step(state, solution);
      return { w, solution };
    });
  }

  /** y = R (w - clip(w)) at the end: the cotangent of y passes to w and the bounds. */
  private leaveMultipliers(g: Float64Array, bar: State, result: ScaledData): void {
    const { penalty } = this.factor;
    const { w } = this.end;
    for (let k = 0; k < w.length; k++) {
      const kind = this.heldAt(w, k);
      if (kind === INACTIVE || penalty[k] === 0) continue;
      bar.w[k] += penalty[k] * g[k];
      addToBound(kind, k, -penalty[k] * g[k], result);
    }
  }

  /** What holds clip(w) in its place. */
  private heldAt(w: Float64Array, k: number): number {
    const { low, high } = this.program;
    if (low[k] === high[k]) return HELD;
    if (w[k] < low[k]) return AT_LOW;
    return w[k] > high[k] ? AT_HIGH : INACTIVE;
  }

  /**
   * One iteration backwards: with H u = alpha (xbar + E'wbar) and eta the multipliers of the rows in that solve,
   *
   *     q -= u,   Q -= (u s' + s u')/2,   C -= nu u' + eta s',   zbar = 2R E u - alpha wbar (to the bounds where they hold),
   *     xbar+ = (1 - alpha) xbar + sigma u,   wbar+ = wbar - R E u + d zbar.
   */
  private stepBack(w: Float64Array, s: Float64Array, bar: State, result: ScaledData): void {
    const { rhs, alpha, factor } = this;
    const { n } = this.program;
    const { penalty } = factor;
    for (let j = 0; j < n; j++) rhs[j] = alpha * (bar.x[j] + bar.w[j]);
    for (let k = n; k < w.length; k++) rhs[k] = (alpha * bar.w[k]) / penalty[k];
    const u = new Float64Array(w.length);
    factor.solve(rhs, u);
    this.addOuter(u, s, result);
    for (let j = 0; j < n; j++) bar.x[j] += sigma * u[j] - alpha * bar.x[j];
    for (let k = 0; k < w.length; k++) {
      if (penalty[k] === 0) continue;
      const REu = penalty[k] * (k < n ? u[k] : rhs[k] + u[k] / penalty[k]);
      const zbar = 2 * REu - alpha * bar.w[k];
      const kind = this.heldAt(w, k);
      bar.w[k] -= REu;
      if (kind === INACTIVE) bar.w[k] += zbar;
      else addToBound(kind, k, zbar, result);
    }
  }

  /** q -= u, Q -= (u s' + s u')/2, C -= nu u' + eta s', on the patterns. */
  private addOuter(u: Float64Array, s: Float64Array, result: ScaledData): void {
    const { n, Q, C } = this.program;
    for (let j = 0; j < n; j++) {
      result.q[j] -= u[j];
      for (let k = Q.indptr[j]; k < Q.indptr[j + 1]; k++) {
        const i = Q.indices[k];
        result.Q[k] -= (u[i] * s[j] + s[i] * u[j]) / 2;
      }
      for (let k = C.indptr[j]; k < C.indptr[j + 1]; k++) {
        const i = n + C.indices[k];
        result.C[k] -= s[i] * u[j] + u[i] * s[j];
      }
    }
  }

  private lengthOf({ x, w }: State): number {
    const { penalty } = this.factor;
    let sum = 0;
    for (let j = 0; j < x.length; j++) sum += x[j] * x[j];
    for (let k = 0; k < w.length; k++) if (penalty[k] > 0) sum += (w[k] * w[k]) / penalty[k];
    return Math.sqrt(sum);
  }

  /** The tangents of x and y at the end, along a direction of the data; the start stays. */
  forward(d: ScaledData): { x: Float64Array; y: Float64Array } {
    const { n } = this.program;
    const { penalty } = this.factor;
    const state = this.start();
    const tangent: State = { x: new Float64Array(n), w: new Float64Array(state.w.length) };
    const s = new Float64Array(state.w.length);
    let [change, largest] = [0, 0];
    for (let count = 0; count < this.iterations; count++) {
      const w = state.w.slice();
      this.step(state, s);
      change = this.stepTangent(w, s, tangent, d);
      largest = Math.max(largest, change);
    }
    this.unsettled = largest > 0 ? change / largest : 0;
    const y = tangent.w.map((value, k) => {
      const kind = this.heldAt(state.w, k);
      return kind === INACTIVE ? 0 : penalty[k] * (value - boundTangent(kind, k, d));
    });
    return { x: tangent.x, y };
  }

  /**
   * The derivative of one iteration:
   *
   *     dz = d dw + (1 - d) d(bound),   H ds = sigma dx + E'R (2dz - dw - dE s) - dq - dQ s - dC'nu,
   *     dx+ = dx + alpha (ds - dx),     dw+ = dw + alpha (E ds + dE s - dz).
   *
   * Returns the length of the change.
   */
  private stepTangent(w: Float64Array, s: Float64Array, { x: dx, w: dw }: State, d: ScaledData): number {
    const { rhs, alpha, factor } = this;
    const { n, rows, Q, C } = this.program;
    const { penalty } = factor;
    const dz = dw.map((value, k) => {
      const kind = this.heldAt(w, k);
      return kind === INACTIVE ? value : boundTangent(kind, k, d);
    });
    const pull = d.q.map((value) => -value);
    addSymmetricProduct(-1, { ...Q, data: d.Q }, s, pull);
    addTransposedProduct(-1, { ...C, data: d.C }, s.subarray(n), pull);
    const dCs = new Float64Array(rows);
    addProduct(1, { ...C, data: d.C }, s, dCs);
    for (let j = 0; j < n; j++) rhs[j] = sigma * dx[j] + penalty[j] * (2 * dz[j] - dw[j]) + pull[j];
    for (let k = n; k < w.length; k++) rhs[k] = 2 * dz[k] - dw[k] - dCs[k - n];
    const ds = new Float64Array(w.length);
    factor.solve(rhs, ds);
    let change = 0;
    for (let j = 0; j < n; j++) {
      const step = alpha * (ds[j] - dx[j]);
      dx[j] += step;
      change += sigma * step * step;
    }
    for (let k = 0; k < w.length; k++) {
      if (penalty[k] === 0) continue;
      const reached = k < n ? ds[k] : rhs[k] + ds[k] / penalty[k] + dCs[k - n];
      const step = alpha * (reached - dz[k]);
      dw[k] += step;
      change += penalty[k] * step * step;
    }
    return Math.sqrt(change);
  }
}

/** The cotangent of the bound that holds, in halves to both where they agree. */
function addToBound(kind: number, k: number, value: number, { low, high }: ScaledData): void {
  if (kind === AT_LOW) low[k] += value;
  else if (kind === AT_HIGH) high[k] += value;
  else {
    low[k] += value / 2;
    high[k] += value / 2;
  }
}

/** How the bound that holds moves: its transpose. */
function boundTangent(kind: number, k: number, { low, high }: ScaledData): number {
  if (kind === AT_LOW) return low[k];
  return kind === AT_HIGH ? high[k] : (low[k] + high[k]) / 2;
}
