import { activeKernels, transposed, type View, view } from "@solvegrad/linalg";
import { maxAbs } from "../../arrays.ts";
import { advance } from "../../solvers/convex/admm-iteration.ts";
import { Checkpoints } from "../unrolled/checkpoints.ts";

/** The scaled constraints of one item, K = E [A; G] (r x n) and k = E [b; h], and its penalty. */
export interface ScaledRows {
  readonly K: View<Float64Array>;
  readonly k: Float64Array;
  /** The diagonal of E. */
  readonly scale: Float64Array;
  readonly rho: number;
}

/** The update x+ = argmin f(x) + a'Kx + rho/2 |Kx - k|^2 of every item, and what is to be known of f at x. */
export interface SmoothUpdate {
  readonly n: number;
  readonly p: number;
  /** The items that are iterated on; others are left alone. */
  readonly items: readonly number[];
  /** By item. */
  readonly rows: readonly ScaledRows[];
  /** The present x of all items, row by row. */
  readonly x: Float64Array;
  /** ADMM's state t = (nu, w) of x = `x` at the start, by item. */
  start(): Float64Array[];
  moveTo(x: Float64Array): void;
  /** x <- the minimizer for a, to rounding. */
  minimize(a: readonly Float64Array[]): void;
  /** Makes ready to solve with H = grad^2 f(x) + rho K'K. */
  linearize(): void;
  /** H^-1 rhs of one item. */
  solve(item: number, rhs: Float64Array): Float64Array;
}

export interface SmoothTapeSettings {
  readonly iterations: number | undefined;
  readonly tolerance: number;
  readonly maxIterations: number;
  readonly relaxation: number;
  readonly checkpoints: boolean;
}

/** The state from which an iteration begins, t by item, and the x that it came with. */
export interface TapeState {
  readonly t: readonly Float64Array[];
  readonly x: Float64Array;
}

/**
 * The iterations of ADMM (Alt-Diff (5) and B.1) from the cold start, t+ = (1 - alpha) t + alpha (nu + rho (A x+ - b), max(w, 0) +
 * rho (G x+ - h)), with x+ an exact minimizer: a tape of states, all of them or checkpoints.
 */
export class SmoothTape {
  readonly update: SmoothUpdate;
  readonly settings: SmoothTapeSettings;
  /** The state after the last iteration. */
  last: TapeState;
  iterations = 0;
  /** The last change of the state, relative to the first, of the item where it is largest. */
  residual = Infinity;
  private readonly stored = new Checkpoints<TapeState>();
  private readonly whole: TapeState[] = [];
  private first: Float64Array = new Float64Array(0);
  private longest = 0;

  constructor(update: SmoothUpdate, settings: SmoothTapeSettings) {
    this.update = update;
    this.settings = settings;
    this.last = { t: update.start(), x: update.x.slice() };
  }

  /** Runs as many iterations as were asked for, or at least so many and until the state has settled. */
  run(atLeast: number): void {
    const { iterations: asked, maxIterations, tolerance } = this.settings;
    const goesOn = () => {
      if (asked !== undefined) return this.iterations < asked;
      return this.iterations < maxIterations && (this.iterations < atLeast || this.residual > tolerance);
    };
    this.update.moveTo(this.last.x);
    while (goesOn()) {
      if (this.settings.checkpoints) this.stored.offer(this.iterations, this.last);
      else this.whole.push(this.last);
      const next = this.advance(this.last);
      const change = Float64Array.from(this.update.items, (i) => distance(next.t[i], this.last.t[i]));
      if (this.iterations === 0) this.first = change;
      this.residual = change.reduce((most, own, i) => Math.max(most, this.first[i] > 0 ? own / this.first[i] : 0), 0);
      this.last = next;
      this.iterations++;
    }
  }

  /** Visits the iterations from the last to the first: the state before, and the x that came out. */
  eachBackwards(visit: (before: TapeState, x: Float64Array) => void): void {
    const back = (states: readonly TapeState[], end: Float64Array) => {
      for (let j = states.length - 1; j >= 0; j--) visit(states[j], j + 1 < states.length ? states[j + 1].x : end);
    };
    if (!this.settings.checkpoints) {
      back(this.whole, this.last.x);
      return;
    }
    let end = this.last.x;
    this.stored.eachSegmentBackwards(this.iterations, (start, length) => {
      const states = [start];
      this.update.moveTo(start.x);
      while (states.length < length) states.push(this.advance(states[states.length - 1]));
      this.longest = Math.max(this.longest, length);
      back(states, end);
      end = start.x;
    });
  }

  /** Visits the iterations from the first to the last. */
  eachForwards(visit: (before: TapeState, x: Float64Array) => void): void {
    let state: TapeState = this.whole[0] ?? this.stored.states[0] ?? this.last;
    this.update.moveTo(state.x);
    for (let j = 0; j < this.iterations; j++) {
      const next = this.whole[j + 1] ?? (j + 1 === this.iterations ? this.last : this.advance(state));
      visit(state, next.x);
      state = next;
    }
  }

  /** Bytes of the states that were held at the peak. */
  get bytes(): number {
    const { items, rows, x } = this.update;
    const one = 8 * items.reduce((sum, i) => sum + rows[i].k.length, x.length);
    const states = this.settings.checkpoints ? this.stored.states.length + this.longest : this.whole.length;
    return one * states;
  }

  private advance({ t }: TapeState): TapeState {
    const { update } = this;
    update.minimize(t.map((own) => absolute(own, update.p)));
    const next = t.map((own) => own.slice());
    for (const i of update.items) {
      const { k, rho } = update.rows[i];
      advance(next[i], rowsTimes(update, i, itemOfRows(update, i)), k, update.p, rho, this.settings.relaxation);
    }
    return { t: next, x: update.x.slice() };
  }
}

/** a = (nu, |w|). */
export function absolute(t: Float64Array, p: number): Float64Array {
  return t.map((value, row) => (row < p ? value : Math.abs(value)));
}

export function itemOfRows({ n, x }: SmoothUpdate, i: number): Float64Array {
  return x.subarray(i * n, (i + 1) * n);
}

/** K v of one item. */
export function rowsTimes({ rows, n }: SmoothUpdate, i: number, v: Float64Array): Float64Array {
  const { K, k } = rows[i];
  const result = new Float64Array(k.length);
  if (k.length > 0) activeKernels().gemv(1, K, view(v, [n]), 0, view(result, [k.length]));
  return result;
}

/** force + K'z of one item, in place. */
export function addForce({ rows, n }: SmoothUpdate, i: number, z: Float64Array, force: Float64Array): Float64Array {
  if (z.length > 0) activeKernels().gemv(1, transposed(rows[i].K), view(z, [z.length]), 1, view(force, [n]));
  return force;
}

function distance(a: Float64Array, b: Float64Array): number {
  return maxAbs(a.map((value, k) => value - b[k]));
}
