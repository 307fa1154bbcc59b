import { activeKernels, transposed, view } from "@solvegrad/linalg";
import { diagonalRatio, dot, maxAbs } from "../../arrays.ts";
import { type ConvexProgram, smoothObjective } from "../../problem/convex-program.ts";
import { itemOf, type QuadraticProgram } from "../../problem/quadratic-program.ts";
import type { SmoothObjective, SmoothPoint } from "../../problem/smooth-objective.ts";
import { type AdmmGeometry, admmGeometry, type PenaltyFactor } from "../admm/geometry.ts";
import { isConvexAt, quadraticModel, startModel } from "./model.ts";

/** Newton steps of one update; the next one goes on from there. */
const mostSteps = 50;
const shortestStep = 1e-12;
/** A step whose gain is lost in the rounding of phi must leave no more than this share of its gradient. */
const hiddenShare = 0.5;
/** A Hessian serves as long as the decrement falls to this share in a step with it. */
const contraction = 0.1;
/** A factor of H with a pivot of this share of the largest gets a proximal term of this share of the diagonal. */
const singularPivot = 1e-7;

/** What ADMM keeps of one item: its scaled rows K, k, and the Hessian of its last Newton step with the factor of H. */
interface Item {
  readonly geometry: AdmmGeometry;
  readonly k: Float64Array;
  /** grad^2 f at `place`, and H = grad^2 f + rho K'K factored. */
  hessian: Float64Array;
  place: Float64Array;
  factor: PenaltyFactor | null;
}

/**
 * The update of x in ADMM for a smooth objective (Alt-Diff, section 4.2 and appendix B.1), for every item of a batch at once,
 *
 *     x+ = argmin phi(x) = f(x) + a'Kx + rho/2 |Kx - k|^2,    H = grad^2 f + rho K'K,
 *
 * by Newton's method with backtracking from the last x, K = E [A; G] and k = E [b; h] scaled as in the ADMM for QPs by the
 * quadratic model at the program's start. A Hessian, n pullbacks, serves for many steps: near the solution it hardly changes.
 */
export class ConvexPrimalUpdate {
  readonly program: ConvexProgram;
  readonly items: readonly Item[];
  /** Batch x n. */
  readonly x: Float64Array;
  /** f at x. */
  at: SmoothPoint;
  /** Items whose Hessian was seen to have a negative eigenvalue. */
  readonly notConvex = new Set<number>();
  private readonly objective: SmoothObjective;
  private model: QuadraticProgram | null = null;

  constructor(program: ConvexProgram, x: Float64Array) {
    const { p, batch } = program;
    const { model } = startModel(program);
    this.program = program;
    this.objective = smoothObjective(program);
    this.x = x.slice();
    this.at = this.objective.at(this.x);
    this.items = Array.from({ length: batch }, (_, i) => {
      const geometry = admmGeometry(model, i);
      const k = Float64Array.from(geometry.scale, (scale, row) => {
        return scale * (row < p ? itemOf(program.b, i)[row] : itemOf(program.h, i)[row - p]);
      });
      if (!isConvexAt(model, i)) this.notConvex.add(i);
      return { geometry, k, hessian: new Float64Array(0), place: new Float64Array(0), factor: null };
    });
  }

  /** Goes on from another x. */
  moveTo(x: Float64Array): void {
    this.x.set(x);
    this.at = this.objective.at(this.x);
  }

  /** x of one item, a view. */
  pointOf(i: number): Float64Array {
    const { n } = this.program;
    return this.x.subarray(i * n, (i + 1) * n);
  }

  /** K x of one item. */
  rowsAt(i: number, x: Float64Array = this.pointOf(i)): Float64Array {
    const { K, n, r } = this.items[i].geometry;
    const Kx = new Float64Array(r);
    if (r > 0) activeKernels().gemv(1, K, view(x, [n]), 0, view(Kx, [r]));
    return Kx;
  }

  /** K'v of one item. */
  forceOf(i: number, v: Float64Array): Float64Array {
    const { K, n, r } = this.items[i].geometry;
    const force = new Float64Array(n);
    if (r > 0) activeKernels().gemv(1, transposed(K), view(v, [r]), 0, view(force, [n]));
    return force;
  }

  /** H^-1 rhs of one item, with its last factor, in place. */
  solve(i: number, rhs: Float64Array): Float64Array {
    const { factor } = this.items[i];
    if (factor) activeKernels().potrs(factor.matrix, view(rhs, [rhs.length, 1]));
    return rhs;
  }

  /** Moves x of these items to where |grad phi| is at most `tolerance(i)`, or no Newton step gains any more. */
  minimize(
    items: readonly number[],
    a: readonly Float64Array[],
    rho: Float64Array,
    tolerance: (i: number) => number,
  ): void {
    const search: Search = {
      a,
      rho,
      slopes: [],
      directions: [],
      decrement: new Float64Array(this.items.length).fill(Infinity),
      bound: new Float64Array(this.items.length).fill(Infinity),
    };
    let left = items;
    for (let step = 0; step < mostSteps && left.length > 0; step++) {
      for (const i of left) search.slopes[i] = this.slope(i, a[i], rho[i]);
      left = left.filter((i) => {
        const size = maxAbs(search.slopes[i]);
        return size > tolerance(i) && size <= search.bound[i] && !this.notConvex.has(i);
      });
      // one evaluation gives the Hessians of all items
      if (!this.findDirections(left, search)) {
        this.refactor(left, rho);
        left = left.filter((i) => !this.notConvex.has(i));
        for (const i of left) search.directions[i] = this.solve(i, search.slopes[i].slice());
      }
      this.descend(left, search);
    }
  }

  /** Whether the factors at hand give Newton directions that still contract. */
  private findDirections(items: readonly number[], { rho, slopes, directions, decrement }: Search): boolean {
    return items.every((i) => {
      const { factor, place } = this.items[i];
      if (factor?.rho !== rho[i]) return false;
      directions[i] = this.solve(i, slopes[i].slice());
      const isSlow = dot(slopes[i], directions[i]) > contraction * decrement[i];
      return !isSlow || same(place, this.pointOf(i));
    });
  }

  /** The Hessian of these items at their x, and the factor of H for their rho. */
  refactor(items: readonly number[], rho: Float64Array): void {
    if (items.length === 0) return;
    const { n } = this.program;
    this.model = quadraticModel(this.program, this.x, this.at);
    for (const i of items) {
      if (!isConvexAt(this.model, i)) {
        this.notConvex.add(i);
        continue;
      }
      const item = this.items[i];
      item.hessian = this.model.Q.values.slice(i * n * n, (i + 1) * n * n);
      item.place = this.pointOf(i).slice();
      item.factor = factorOf(item, rho[i]);
    }
  }

  /** The factor of H for another penalty, with the Hessian as it is. */
  changePenalty(i: number, rho: number): void {
    const item = this.items[i];
    if (item.factor) item.factor = factorOf(item, rho);
  }

  /** grad phi = grad f + K'(a + rho (K x - k)). */
  private slope(i: number, a: Float64Array, rho: number): Float64Array {
    const { n } = this.program;
    const v = this.rowsAt(i).map((value, row) => a[row] + rho * (value - this.items[i].k[row]));
    const slope = this.forceOf(i, v);
    for (let j = 0; j < n; j++) slope[j] += this.at.gradient[i * n + j];
    return slope;
  }

  private phi(i: number, a: Float64Array, rho: number, value: number): number {
    const { k } = this.items[i];
    return this.rowsAt(i).reduce((sum, Kx, row) => sum + a[row] * Kx + (rho / 2) * (Kx - k[row]) ** 2, value);
  }

  /** One step x - t direction of every item, with Armijo's rule; an item that gains nothing stays, and is done. */
  private descend(items: readonly number[], { a, rho, slopes, directions, decrement, bound }: Search): void {
    const from = this.x.slice();
    const { n } = this.program;
    const before = this.items.map((_, i) => this.phi(i, a[i], rho[i], this.at.value[i]));
    let trying = [...items];
    for (let t = 1; trying.length > 0; t /= 2) {
      const giveUp = t < shortestStep;
      for (const i of trying) {
        for (let j = 0; j < n; j++) this.x[i * n + j] = from[i * n + j] - (giveUp ? 0 : t * directions[i][j]);
      }
      this.at = this.objective.at(this.x);
      if (giveUp) break;
      trying = trying.filter((i) => {
        const promised = dot(slopes[i], directions[i]);
        const change = this.phi(i, a[i], rho[i], this.at.value[i]) - before[i];
        const hidden = Math.abs(change) <= 1e-14 * Math.abs(before[i]);
        if (!(change <= -0.25 * t * promised) && !hidden) return true;
        decrement[i] = t < 1 ? 0 : promised;
        bound[i] = hidden ? hiddenShare * maxAbs(slopes[i]) : Infinity;
        return false;
      });
    }
    for (const i of trying) bound[i] = 0;
  }
}

/** What Newton's method knows of every item while it minimizes. */
interface Search {
  readonly a: readonly Float64Array[];
  readonly rho: Float64Array;
  /** grad phi, and H^-1 grad phi. */
  readonly slopes: Float64Array[];
  readonly directions: Float64Array[];
  /** slope'direction at the last step; 0 after one that was cut short, whose Hessian no longer fits. */
  readonly decrement: Float64Array;
  /** What |grad phi| has to have come down to. */
  readonly bound: Float64Array;
}

function factorOf({ geometry, hessian }: Item, rho: number): PenaltyFactor | null {
  const { n, r, K } = geometry;
  const H = view(hessian.slice(), [n, n]);
  if (r > 0) activeKernels().syrk(rho, transposed(K), 1, H);
  const exact = view(H.data.slice(), [n, n]);
  if (activeKernels().potrf(exact) === 0 && diagonalRatio(exact.data, n) > singularPivot) {
    return { rho, shifted: null, matrix: exact, proximal: 0 };
  }
  const proximal = singularPivot * (maxAbs(H.data) || 1);
  for (let k = 0; k < n * n; k += n + 1) H.data[k] += proximal;
  return activeKernels().potrf(H) === 0 ? { rho, shifted: null, matrix: H, proximal } : null;
}

function same(a: Float64Array, b: Float64Array): boolean {
  return a.length === b.length && a.every((value, k) => value === b[k]);
}
