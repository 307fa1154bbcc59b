import { dot, maxAbs } from "../arrays.ts";
import { checkCount, checkFraction, checkTimeLimit } from "../check-options.ts";
import { leastNormSolution } from "../kkt/least-norm.ts";
import { interruption } from "./interruption.ts";
import type { SolveOptions, Status } from "./solver.ts";

export interface AndersonOptions {
  /** How many earlier iterates a step combines; 0 is the plain iteration z+ = g(z). Default 5. */
  readonly memory?: number;
  /** Bound on |g(z) - z| over the larger of |z| and |g(z)| (largest entries); 1e-9 by default, 1e-5 for float32. */
  readonly tolerance?: number;
  /** 200 by default. */
  readonly maxIterations?: number;
  /** Milliseconds after which unfinished items get the status `time_limit`; none by default. */
  readonly timeLimit?: number;
}

/** Where a fixed-point iteration ended, item by item. */
export interface FixedPoint {
  /** The iterate with the least residual: batch x n. */
  readonly z: Float64Array;
  readonly status: readonly Status[];
  /** |g(z) - z| at that z, relative as the tolerance is. */
  readonly residual: Float64Array;
  readonly iterations: Int32Array;
}

/** |g(z) - z| is not asked to be below the tolerance times this share of the largest number met: the fixed point may be 0. */
const nothing = 1e-15;
/** Iterations without half the residual after which what is left counts as rounding of the largest number met. */
const patience = 20;

/** g at every item's point, batch x n. */
export type FixedPointMap = (z: Float64Array) => Float64Array;

export function checkAnderson(options: AndersonOptions): void {
  const { memory = 5, tolerance = 1e-9, maxIterations = 200, timeLimit = Infinity } = options;
  if (memory !== 0) checkCount("memory", memory);
  checkFraction("tolerance", tolerance);
  checkCount("maxIterations", maxIterations);
  checkTimeLimit(timeLimit);
}

/**
 * Anderson acceleration (Walker and Ni, "Anderson acceleration for fixed-point iterations", 2011, type II) of z+ = g(z),
 * for every item of a batch on its own: with f = g(z) - z and the differences dF, dG of the last few f and g,
 *
 *     z+ = g(z) - dG gamma,    gamma = argmin |f - dF gamma|.
 *
 * Where the residual grows to ten times the least so far, the memory is dropped. A fixed point of 0 is arrived at when the residual is
 * next to nothing beside the numbers on the way, or is below the tolerance beside them and does not fall any more. An item that has converged stays. A map that
 * leads nowhere ends as `max_iterations`, or as `numerical_error` where its values are not finite: what is returned is the
 * best iterate with its true residual.
 */
export function anderson(
  g: FixedPointMap,
  start: Float64Array,
  batch: number,
  options: AndersonOptions = {},
  solveOptions: SolveOptions = {},
): FixedPoint {
  const { memory = 5, tolerance = 1e-9, maxIterations = 200, timeLimit } = options;
  const interrupted = interruption(solveOptions, timeLimit);
  const n = start.length / batch;
  const z = start.slice();
  const items = Array.from({ length: batch }, (_, i) => new AndersonItem(z.subarray(i * n, (i + 1) * n), memory));
  let ended: Status = "max_iterations";
  for (let iteration = 0; iteration <= maxIterations; iteration++) {
    const image = g(z.slice());
    for (let i = 0; i < batch; i++) items[i].observe(image.subarray(i * n, (i + 1) * n), iteration, tolerance);
    const open = items.filter((item) => item.status === null);
    const primal = items.reduce((largest, item) => Math.max(largest, item.least), 0);
    if (iteration > 0) solveOptions.onIteration?.({ iteration, primal, dual: 0, unfinished: open.length });
    if (open.length === 0 || iteration === maxIterations) break;
    if (interrupted()) {
      ended = "time_limit";
      break;
    }
    for (const item of open) item.move();
  }
  return {
    z: Float64Array.from(items.flatMap((item) => [...item.best])),
    status: items.map((item) => item.status ?? ended),
    residual: Float64Array.from(items, (item) => item.least),
    iterations: Int32Array.from(items, (item) => item.iterations),
  };
}

/** The state of one item; `z` is a window on the iterates of the batch. */
class AndersonItem {
  readonly best: Float64Array;
  /** The relative residual of `best`, which has the least |g(z) - z| so far. */
  least = Infinity;
  status: Status | null = null;
  iterations = 0;
  private readonly z: Float64Array;
  private readonly memory: number;
  private leastSize = Infinity;
  private largest = 0;
  private halved = Infinity;
  private sinceHalved = 0;
  private g: Float64Array = new Float64Array(0);
  private f: Float64Array = new Float64Array(0);
  private readonly dF: Float64Array[] = [];
  private readonly dG: Float64Array[] = [];

  constructor(z: Float64Array, memory: number) {
    this.z = z;
    this.memory = memory;
    this.best = z.slice();
  }

  /** Takes in g(z), and ends the item where z is a fixed point or has no finite image. */
  observe(image: Float64Array, iteration: number, tolerance: number): void {
    if (this.status !== null) return;
    const f = image.map((value, j) => value - this.z[j]);
    const size = maxAbs(f);
    const scale = this.scaleAt(size, Math.max(maxAbs(image), maxAbs(this.z)));
    this.iterations = iteration;
    const residual = size === 0 ? 0 : size / scale;
    if (!Number.isFinite(residual)) {
      this.status = "numerical_error";
      return;
    }
    this.remember(image, f, size > 10 * this.leastSize);
    if (size < this.leastSize) {
      this.leastSize = size;
      this.least = residual;
      this.best.set(this.z);
    }
    if (residual > tolerance) return;
    this.status = "solved";
    if (scale > 0) this.least = this.leastSize / scale;
  }

  /** What a residual of this size is measured by, at a point of that size. */
  private scaleAt(size: number, present: number): number {
    this.largest = Math.max(this.largest, present);
    if (size < this.halved / 2) {
      this.halved = size;
      this.sinceHalved = 0;
    } else this.sinceHalved++;
    return this.sinceHalved > patience ? this.largest : Math.max(present, nothing * this.largest);
  }

  private remember(image: Float64Array, f: Float64Array, astray: boolean): void {
    if (astray) {
      this.dF.length = 0;
      this.dG.length = 0;
    } else if (this.f.length > 0 && this.memory > 0) {
      this.dF.push(f.map((value, j) => value - this.f[j]));
      this.dG.push(image.map((value, j) => value - this.g[j]));
      if (this.dF.length > this.memory) {
        this.dF.shift();
        this.dG.shift();
      }
    }
    this.f = f;
    this.g = image.slice();
  }

  /** z <- g - dG gamma. */
  move(): void {
    this.z.set(this.g);
    const count = this.dF.length;
    if (count === 0) return;
    const gram = new Float64Array(count * count);
    const right = new Float64Array(count);
    for (let a = 0; a < count; a++) {
      for (let b = 0; b < count; b++) gram[a * count + b] = dot(this.dF[a], this.dF[b]);
      right[a] = dot(this.dF[a], this.f);
    }
    const gamma = leastNormSolution(gram, count, right).x;
    for (let a = 0; a < count; a++) for (let j = 0; j < this.z.length; j++) this.z[j] -= gamma[a] * this.dG[a][j];
  }
}
