import {
  addDoubledProduct,
  addDoubledSymmetricProduct,
  addDoubledTransposedProduct,
  addProduct,
  addSymmetricProduct,
  addTransposedProduct,
  DoubledVector,
} from "@solvegrad/linalg";
import { maxAbs } from "../../arrays.ts";
import { Boxes } from "./boxes.ts";
import { KktSystem } from "./kkt-system.ts";
import type { ScaledProgram } from "./scaled-program.ts";

/** Weight that holds a fixed variable in place, and, as W, keeps the multiplier of a row without bounds at zero. */
const rigid = 1e16;

/** The longest steps up to 1 of slacks and of multipliers. */
export interface StepLengths {
  readonly primal: number;
  readonly dual: number;
}

/**
 * The point of the interior-point method and its Newton steps, for
 *
 *     Qx + q + C'y + zeta = 0,   sl zl = su zu = sigma mu,   t - sl = low,  t + su = high,  t = (x, Cx),
 *
 * zeta = zu - zl on the bounds of x, y = zu - zl on the rows. Eliminating slacks and multipliers, with
 * Sigma = zl/sl + zu/su and g what they leave on the right-hand side, gives the system of `KktSystem`.
 */
export class Newton {
  readonly program: ScaledProgram;
  readonly boxes: Boxes;
  readonly system: KktSystem;
  readonly x: Float64Array;
  /** Multipliers of the bounds of x, then of the rows. */
  readonly y: Float64Array;
  /** x, then Cx. */
  readonly t: Float64Array;
  readonly dx: Float64Array;
  readonly dy: Float64Array;
  readonly dt: Float64Array;
  readonly dsl: Float64Array;
  readonly dsu: Float64Array;
  readonly dzl: Float64Array;
  readonly dzu: Float64Array;
  /** Residual of the last linear solve, as a share of its right-hand side. */
  linearResidual = 0;
  private lengths: StepLengths | null = null;
  private readonly below: Float64Array;
  private readonly above: Float64Array;
  private readonly gradient: Float64Array;
  private readonly g: Float64Array;
  private readonly rhs: Float64Array;
  private readonly solution: Float64Array;
  private readonly diagonal: Float64Array;
  private readonly gradientChange: Float64Array;
  private readonly rowChange: Float64Array;

  constructor(program: ScaledProgram) {
    const { n, rows } = program;
    const size = n + rows;
    this.program = program;
    this.boxes = new Boxes(program.low, program.high);
    this.system = new KktSystem(program);
    this.x = new Float64Array(n);
    this.dx = new Float64Array(n);
    this.gradient = new Float64Array(n);
    this.gradientChange = new Float64Array(n);
    this.rowChange = new Float64Array(rows);
    const vectors = Array.from({ length: 13 }, () => new Float64Array(size));
    [this.y, this.t, this.dy, this.dt, this.dsl, this.dsu] = vectors;
    [, , , , , , this.dzl, this.dzu, this.g, this.rhs, this.solution, this.below, this.above] = vectors;
    this.diagonal = new Float64Array(size);
  }

  /** t, y and Qx + q + C'y + zeta at the present x, zl and zu; a fixed variable's zeta makes its entry vanish. */
  evaluate(): void {
    const { n, rows, Q, C, q } = this.program;
    const { boxes, t, y, gradient } = this;
    t.set(this.x);
    const Cx = new DoubledVector(rows);
    addDoubledProduct(1, C, this.x, Cx);
    Cx.round(t.subarray(n));
    for (let k = 0; k < n + rows; k++) if (boxes.held[k] === 0) y[k] = boxes.zu[k] - boxes.zl[k];
    const sum = new DoubledVector(n).set(q);
    addDoubledSymmetricProduct(1, Q, this.x, sum);
    addDoubledTransposedProduct(1, C, y.subarray(n), sum);
    sum.round(gradient);
    for (let j = 0; j < n; j++) {
      if (boxes.held[j] === 1) y[j] = -gradient[j];
      gradient[j] += y[j];
    }
  }

  /** Factors the system at the present slacks and multipliers. */
  factor(delta: number): boolean {
    const { n } = this.program;
    const { boxes, diagonal } = this;
    for (let k = 0; k < boxes.count; k++) {
      const sigma = boxes.weight(k);
      if (k < n) diagonal[k] = boxes.held[k] === 1 ? rigid : sigma;
      else diagonal[k] = boxes.held[k] === 1 ? 0 : Math.min(1 / sigma, rigid);
    }
    return this.system.update(diagonal, delta);
  }

  /** The step on which, to first order, every sl zl becomes `below` and every su zu becomes `above`. */
  step(): void {
    this.lengths = null;
    this.eliminate();
    this.linearResidual = this.system.solve(this.rhs, this.solution) / maxAbs(this.rhs);
    this.recover();
  }

  /** Targets of a step: the same product everywhere. */
  aimAt(target: number): void {
    this.below.fill(target);
    this.above.fill(target);
  }

  /** Targets of Mehrotra's corrector: `target`, less the second-order term of the present step. */
  aimWithCorrection(target: number): void {
    for (let k = 0; k < this.boxes.count; k++) {
      this.below[k] = target - this.dsl[k] * this.dzl[k];
      this.above[k] = target - this.dsu[k] * this.dzu[k];
    }
  }

  /**
   * Gondzio's correction of the targets (1996): products that a step of these lengths would leave outside
   * [target / 10, 10 target] are brought to its rim, by no more than 10 target.
   */
  aimAtCentrality(target: number, primal: number, dual: number): void {
    const { boxes, below, above } = this;
    const correction = (product: number) => {
      const rim = Math.min(Math.max(product, target / 10), 10 * target);
      return Math.max(rim - product, -10 * target);
    };
    for (let k = 0; k < boxes.count; k++) {
      if (boxes.isBelow(k)) {
        below[k] += correction((boxes.sl[k] + primal * this.dsl[k]) * (boxes.zl[k] + dual * this.dzl[k]));
      }
      if (boxes.isAbove(k)) {
        above[k] += correction((boxes.su[k] + primal * this.dsu[k]) * (boxes.zu[k] + dual * this.dzu[k]));
      }
    }
  }

  /** Right-hand side: -gradient - g for x, W-weighted -g for the rows, low - Cx for the held ones. */
  private eliminate(): void {
    const { n } = this.program;
    const { boxes, rhs, g, t } = this;
    for (let k = 0; k < boxes.count; k++) {
      g[k] = boxes.held[k] === 1 ? 0 : this.leftover(k);
      if (k < n) rhs[k] = boxes.held[k] === 1 ? 0 : -this.gradient[k] - g[k];
      else rhs[k] = boxes.held[k] === 1 ? boxes.low[k] - t[k] : -this.diagonal[k] * g[k];
    }
  }

  /** g of one quantity: (cu - zu ru) / su - (cl + zl rl) / sl. */
  private leftover(k: number): number {
    const { boxes, t } = this;
    let g = 0;
    if (boxes.isAbove(k)) {
      const { su, zu } = boxes;
      const residual = boxes.high[k] - t[k] - su[k];
      g += this.above[k] / su[k] - zu[k] - (zu[k] * residual) / su[k];
    }
    if (boxes.isBelow(k)) {
      const { sl, zl } = boxes;
      const residual = boxes.low[k] - t[k] + sl[k];
      g -= this.below[k] / sl[k] - zl[k] + (zl[k] * residual) / sl[k];
    }
    return g;
  }

  /** dt = (dx, C dx), then slacks and multipliers. */
  private recover(): void {
    const { n, C } = this.program;
    const { boxes, solution, dt, dx, dy, t } = this;
    for (let j = 0; j < n; j++) dx[j] = boxes.held[j] === 1 ? 0 : solution[j];
    dt.fill(0);
    dt.set(dx);
    addProduct(1, C, dx, dt.subarray(n));
    for (let k = 0; k < boxes.count; k++) {
      dy[k] = k >= n && boxes.held[k] === 1 ? solution[k] : 0;
      if (boxes.isBelow(k)) {
        const { sl, zl } = boxes;
        this.dsl[k] = dt[k] - (boxes.low[k] - t[k] + sl[k]);
        this.dzl[k] = (this.below[k] - zl[k] * this.dsl[k]) / sl[k] - zl[k];
      }
      if (boxes.isAbove(k)) {
        const { su, zu } = boxes;
        this.dsu[k] = boxes.high[k] - t[k] - su[k] - dt[k];
        this.dzu[k] = (this.above[k] - zu[k] * this.dsu[k]) / su[k] - zu[k];
      }
    }
    this.restoreStationarity();
  }

  /**
   * Where a bound is nearly active its multiplier, found by dividing by a small slack, carries a large rounding error. There it is
   * taken from the stationarity condition instead, which changes the small product of slack and multiplier hardly at all.
   */
  private restoreStationarity(): void {
    const { n, Q, C } = this.program;
    const { boxes, solution, diagonal } = this;
    for (let k = n; k < boxes.count; k++) {
      if (diagonal[k] < 1 && boxes.held[k] === 0) this.shiftMultiplier(k, solution[k] - this.dzu[k] + this.dzl[k]);
    }
    const change = this.gradientChange;
    change.set(this.gradient);
    addSymmetricProduct(1, Q, this.dx, change);
    for (let k = n; k < boxes.count; k++) this.rowChange[k - n] = this.dy[k] + this.dzu[k] - this.dzl[k];
    addTransposedProduct(1, C, this.rowChange, change);
    for (let j = 0; j < n; j++) {
      if (diagonal[j] > 1 && boxes.held[j] === 0) this.shiftMultiplier(j, -change[j] - this.dzu[j] + this.dzl[j]);
    }
  }

  /** Adds `change` to d(zu - zl), on the side whose bound is nearer to active; its slack follows from the product. */
  private shiftMultiplier(k: number, change: number): void {
    const { boxes } = this;
    const { sl, su, zl, zu } = boxes;
    if (boxes.isAbove(k) && (!boxes.isBelow(k) || zu[k] * sl[k] > zl[k] * su[k])) {
      this.dzu[k] += change;
      this.dsu[k] = (this.above[k] - su[k] * this.dzu[k]) / zu[k] - su[k];
    } else {
      this.dzl[k] -= change;
      this.dsl[k] = (this.below[k] - sl[k] * this.dzl[k]) / zl[k] - sl[k];
    }
  }

  /** The longest steps up to 1 that keep slacks and multipliers from going below zero. */
  stepLengths(): StepLengths {
    const { sl, su, zl, zu } = this.boxes;
    this.lengths ??= {
      primal: Math.min(longest(sl, this.dsl), longest(su, this.dsu)),
      dual: Math.min(longest(zl, this.dzl), longest(zu, this.dzu)),
    };
    return this.lengths;
  }

  /** The mean complementarity after these steps. */
  complementarityAfter(primal: number, dual: number): number {
    const { boxes, dsl, dsu, dzl, dzu } = this;
    let sum = 0;
    for (let k = 0; k < boxes.count; k++) {
      if (boxes.isBelow(k)) sum += (boxes.sl[k] + primal * dsl[k]) * (boxes.zl[k] + dual * dzl[k]);
      if (boxes.isAbove(k)) sum += (boxes.su[k] + primal * dsu[k]) * (boxes.zu[k] + dual * dzu[k]);
    }
    return boxes.bounds > 0 ? sum / boxes.bounds : 0;
  }

  /** Copies of the step, to come back to. */
  saveStep(): Float64Array[] {
    return [this.dx, this.dy, this.dt, this.dsl, this.dsu, this.dzl, this.dzu].map((values) => values.slice());
  }

  restoreStep(saved: readonly Float64Array[]): void {
    this.lengths = null;
    [this.dx, this.dy, this.dt, this.dsl, this.dsu, this.dzl, this.dzu].forEach((values, i) => {
      values.set(saved[i]);
    });
  }

  advance(primal: number, dual: number): void {
    const { boxes } = this;
    addScaled(primal, this.dx, this.x);
    addScaled(dual, this.dy, this.y);
    for (let k = 0; k < boxes.count; k++) {
      if (boxes.isBelow(k)) {
        boxes.sl[k] += primal * this.dsl[k];
        boxes.zl[k] += dual * this.dzl[k];
      }
      if (boxes.isAbove(k)) {
        boxes.su[k] += primal * this.dsu[k];
        boxes.zu[k] += dual * this.dzu[k];
      }
    }
    this.evaluate();
  }

  /**
   * A point from the least-squares problem in which every slack costs 1/2 s^2 (Vandenberghe, "The CVXOPT linear and
   * quadratic cone program solvers", 2010), moved inside: multipliers `firstMultiplier` times as far as slacks.
   */
  start(firstMultiplier: number): boolean {
    const { n } = this.program;
    const { boxes, diagonal, rhs, solution } = this;
    for (let k = 0; k < boxes.count; k++) {
      const held = boxes.held[k] === 1;
      const sides = (boxes.isBelow(k) ? 1 : 0) + (boxes.isAbove(k) ? 1 : 0);
      const sum = (boxes.isBelow(k) ? boxes.low[k] : 0) + (boxes.isAbove(k) ? boxes.high[k] : 0);
      if (k < n) {
        diagonal[k] = held ? rigid : sides;
        rhs[k] = held ? rigid * boxes.low[k] : sum - this.program.q[k];
      } else {
        diagonal[k] = held ? 0 : sides === 0 ? rigid : 1 / sides;
        rhs[k] = held ? boxes.low[k] : sides === 0 ? 0 : sum / sides;
      }
    }
    if (!this.system.update(diagonal, 1e-10)) return false;
    this.system.solve(rhs, solution);
    for (let j = 0; j < n; j++) this.x[j] = boxes.held[j] === 1 ? boxes.low[j] : solution[j];
    for (let k = n; k < boxes.count; k++) if (boxes.held[k] === 1) this.y[k] = solution[k];
    this.evaluate();
    this.moveInside(firstMultiplier);
    this.evaluate();
    return true;
  }

  private moveInside(firstMultiplier: number): void {
    const { boxes, t } = this;
    let outside = 0;
    let inside = 0;
    const each = (visit: (k: number, slack: number, s: Float64Array, z: Float64Array) => void) => {
      for (let k = 0; k < boxes.count; k++) {
        if (boxes.isBelow(k)) visit(k, t[k] - boxes.low[k], boxes.sl, boxes.zl);
        if (boxes.isAbove(k)) visit(k, boxes.high[k] - t[k], boxes.su, boxes.zu);
      }
    };
    each((_, slack) => {
      outside = Math.max(outside, -slack);
      inside = Math.max(inside, slack);
    });
    each((k, slack, s, z) => {
      s[k] = slack + (outside > 0 ? 1 + outside : 0);
      z[k] = -slack + (inside > 0 ? firstMultiplier * (1 + inside) : 0);
      if (!(s[k] > 1e-8)) s[k] = 1;
      if (!(z[k] > 1e-8)) z[k] = 1;
    });
  }
}

function longest(values: Float64Array, steps: Float64Array): number {
  let alpha = 1;
  for (let k = 0; k < values.length; k++) {
    // no division, and no branch taken, where the step is short enough
    if (values[k] + alpha * steps[k] < 0) alpha = -values[k] / steps[k];
  }
  return alpha;
}

function addScaled(alpha: number, step: Float64Array, values: Float64Array): void {
  for (let i = 0; i < values.length; i++) values[i] += alpha * step[i];
}
