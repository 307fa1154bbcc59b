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
import { ABOVE, BELOW, Boxes } from "./boxes.ts";
import { type KktSystem, rigid } from "./kkt-system.ts";
import type { ScaledProgram } from "./scaled-program.ts";
import { Step, type StepLengths } from "./step.ts";

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
  /** The step that was computed last. */
  step: Step;
  /** Residual of the last linear solve, as a share of its right-hand side. */
  linearResidual = 0;
  private previous: Step;
  private readonly gradient: Float64Array;
  private readonly rhs: Float64Array;
  private readonly solution: Float64Array;
  private readonly diagonal: Float64Array;
  private readonly gradientChange: Float64Array;
  private readonly rowChange: Float64Array;
  private readonly rowSum: DoubledVector;
  private readonly gradientSum: DoubledVector;

  constructor(program: ScaledProgram, system: KktSystem) {
    const { n, rows } = program;
    const size = n + rows;
    this.program = program;
    this.boxes = new Boxes(program.low, program.high);
    this.system = system;
    this.x = new Float64Array(n);
    this.step = new Step(n, size);
    this.previous = new Step(n, size);
    this.gradient = new Float64Array(n);
    this.gradientChange = new Float64Array(n);
    this.rowChange = new Float64Array(rows);
    const vectors = Array.from({ length: 5 }, () => new Float64Array(size));
    [this.y, this.t, this.rhs, this.solution, this.diagonal] = vectors;
    this.rowSum = new DoubledVector(rows);
    this.gradientSum = new DoubledVector(n);
  }

  /** t, y and Qx + q + C'y + zeta at the present x, zl and zu; a fixed variable's zeta makes its entry vanish. */
  evaluate(): void {
    const { n, rows, Q, C, q } = this.program;
    const { boxes, t, y, gradient } = this;
    const { held, zl, zu } = boxes;
    t.set(this.x);
    const Cx = this.rowSum.clear();
    addDoubledProduct(1, C, this.x, Cx);
    Cx.round(t.subarray(n));
    for (let k = 0; k < n + rows; k++) if (held[k] === 0) y[k] = zu[k] - zl[k];
    const sum = this.gradientSum.set(q);
    addDoubledSymmetricProduct(1, Q, this.x, sum);
    addDoubledTransposedProduct(1, C, y.subarray(n), sum);
    sum.round(gradient);
    for (let j = 0; j < n; j++) {
      if (held[j] === 1) y[j] = -gradient[j];
      gradient[j] += y[j];
    }
  }

  /** Factors the system at the present slacks and multipliers. */
  factor(delta: number): boolean {
    const { n } = this.program;
    const { boxes, diagonal } = this;
    const { kind, held, sl, su, zl, zu } = boxes;
    for (let k = 0; k < boxes.count; k++) {
      let sigma = 0;
      if (kind[k] & BELOW) sigma += zl[k] / sl[k];
      if (kind[k] & ABOVE) sigma += zu[k] / su[k];
      if (k < n) diagonal[k] = held[k] === 1 ? rigid : sigma;
      else diagonal[k] = held[k] === 1 ? 0 : Math.min(1 / sigma, rigid);
    }
    return this.system.update(diagonal, delta);
  }

  /** Computes the step to the targets that `aim` sets, from those of the present step or afresh; `undo` takes it back. */
  compute(aim: (next: Step, present: Step) => void): void {
    const next = this.previous;
    this.previous = this.step;
    this.step = next;
    next.renew();
    aim(next, this.previous);
    this.eliminate(next);
    this.linearResidual = this.system.solve(this.rhs, this.solution) / maxAbs(this.rhs);
    this.recover(next);
  }

  /** Goes back to the step before the last. */
  undo(): void {
    [this.step, this.previous] = [this.previous, this.step];
  }

  /** Right-hand side: -gradient - g for x, W-weighted -g for the rows, low - Cx for the held ones. */
  private eliminate({ below, above }: Step): void {
    const { n } = this.program;
    const { rhs, t, gradient, diagonal } = this;
    const { count, kind, held, low, high, sl, su, zl, zu } = this.boxes;
    for (let k = 0; k < count; k++) {
      if (held[k] === 1) {
        rhs[k] = k < n ? 0 : low[k] - t[k];
        continue;
      }
      // (cu - zu ru) / su - (cl + zl rl) / sl
      let g = 0;
      if (kind[k] & ABOVE) {
        const residual = high[k] - t[k] - su[k];
        g += above[k] / su[k] - zu[k] - (zu[k] * residual) / su[k];
      }
      if (kind[k] & BELOW) {
        const residual = low[k] - t[k] + sl[k];
        g -= below[k] / sl[k] - zl[k] + (zl[k] * residual) / sl[k];
      }
      rhs[k] = k < n ? -gradient[k] - g : -diagonal[k] * g;
    }
  }

  /** dt = (dx, C dx), then slacks and multipliers. */
  private recover(step: Step): void {
    const { n, C } = this.program;
    const { solution, t } = this;
    const { count, kind, held, low, high, sl, su, zl, zu } = this.boxes;
    const { x: dx, y: dy, t: dt, sl: dsl, su: dsu, zl: dzl, zu: dzu, below, above } = step;
    for (let j = 0; j < n; j++) dx[j] = held[j] === 1 ? 0 : solution[j];
    dt.fill(0);
    dt.set(dx);
    addProduct(1, C, dx, dt.subarray(n));
    for (let k = 0; k < count; k++) {
      dy[k] = k >= n && held[k] === 1 ? solution[k] : 0;
      if (kind[k] & BELOW) {
        dsl[k] = dt[k] - (low[k] - t[k] + sl[k]);
        dzl[k] = (below[k] - zl[k] * dsl[k]) / sl[k] - zl[k];
      }
      if (kind[k] & ABOVE) {
        dsu[k] = high[k] - t[k] - su[k] - dt[k];
        dzu[k] = (above[k] - zu[k] * dsu[k]) / su[k] - zu[k];
      }
    }
    this.restoreStationarity(step);
  }

  /**
   * Where a bound is nearly active its multiplier, found by dividing by a small slack, carries a large rounding error. There it is
   * taken from the stationarity condition instead, which changes the small product of slack and multiplier hardly at all.
   */
  private restoreStationarity(step: Step): void {
    const { n, rows, Q, C } = this.program;
    const { boxes, solution, diagonal, rowChange } = this;
    const { held } = boxes;
    const { y: dy, zl: dzl, zu: dzu } = step;
    for (let k = n; k < boxes.count; k++) {
      if (diagonal[k] < 1 && held[k] === 0) shiftMultiplier(boxes, step, k, solution[k] - dzu[k] + dzl[k]);
    }
    const change = this.gradientChange;
    change.set(this.gradient);
    addSymmetricProduct(1, Q, step.x, change);
    for (let i = 0; i < rows; i++) rowChange[i] = dy[n + i] + dzu[n + i] - dzl[n + i];
    addTransposedProduct(1, C, rowChange, change);
    for (let j = 0; j < n; j++) {
      if (diagonal[j] > 1 && held[j] === 0) shiftMultiplier(boxes, step, j, -change[j] - dzu[j] + dzl[j]);
    }
  }

  /** The longest lengths up to 1 of the present step. */
  stepLengths(): StepLengths {
    return this.step.longestInside(this.boxes);
  }

  advance(primal: number, dual: number): void {
    const { step, boxes } = this;
    addScaled(primal, step.x, this.x);
    addScaled(dual, step.y, this.y);
    // steps are zero where a bound is infinite
    addScaled(primal, step.sl, boxes.sl);
    addScaled(primal, step.su, boxes.su);
    addScaled(dual, step.zl, boxes.zl);
    addScaled(dual, step.zu, boxes.zu);
    this.evaluate();
  }
}

/** Adds `change` to d(zu - zl), on the side whose bound is nearer to active; its slack follows from the product. */
function shiftMultiplier({ kind, sl, su, zl, zu }: Boxes, step: Step, k: number, change: number): void {
  const onlyAbove = (kind[k] & BELOW) === 0;
  if (kind[k] & ABOVE && (onlyAbove || zu[k] * sl[k] > zl[k] * su[k])) {
    step.zu[k] += change;
    step.su[k] = (step.above[k] - su[k] * step.zu[k]) / zu[k] - su[k];
  } else {
    step.zl[k] -= change;
    step.sl[k] = (step.below[k] - sl[k] * step.zl[k]) / zl[k] - sl[k];
  }
}

function addScaled(alpha: number, step: Float64Array, values: Float64Array): void {
  for (let i = 0; i < values.length; i++) values[i] += alpha * step[i];
}
