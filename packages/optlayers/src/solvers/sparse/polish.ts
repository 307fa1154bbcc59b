import {
  addDoubledProduct,
  addDoubledSymmetricProduct,
  addDoubledTransposedProduct,
  DoubledVector,
} from "@solvegrad/linalg";
import { maxAbs } from "../../arrays.ts";
import type { SparsePoint } from "../../problem/sparse-quadratic-program.ts";
import { AT_HIGH, AT_LOW, HELD, INACTIVE } from "./active-set.ts";
import type { KktSystem } from "./kkt-system.ts";
import { assessSparse } from "./residuals.ts";
import type { ScaledProgram } from "./scaled-program.ts";

const rigid = 1e16;
const regularizations = [1e-9, 1e-12];
const maxRounds = 8;
const maxSteps = 8;

/** The largest of the three absolute residuals. */
export function worstResidual(program: ScaledProgram, point: SparsePoint): number {
  const { primal, dual, gap } = assessSparse(program.original, point);
  return Math.max(primal, dual, gap);
}

/**
 * Finishes on the active set: solves the KKT conditions of the equality-constrained problem that a guess of it defines, in
 * the problem's own variables and with residuals in twice the precision, corrects the guess where a multiplier has
 * the wrong sign or a bound is violated, and repeats. Returns the point with the smallest residuals, `start` where none
 * is better.
 *
 * `active` (the bounds of x, then of the rows) is changed to what was tried last.
 */
export function polishSparse(
  program: ScaledProgram,
  system: KktSystem,
  start: SparsePoint,
  active: Uint8Array,
  target: number,
): SparsePoint {
  let best = start;
  let bestResidual = worstResidual(program, start);
  for (const delta of regularizations) {
    const guess = active.slice();
    for (let round = 0; round < maxRounds && bestResidual > target; round++) {
      const face = new ActiveFace(program, system, guess, best);
      if (!face.settle(delta)) break;
      const residual = worstResidual(program, face.point());
      if (residual < bestResidual) {
        best = face.point();
        bestResidual = residual;
      }
      if (!face.correctGuess()) break;
    }
    if (bestResidual <= target) break;
  }
  return best;
}

/** The face of the feasible set on which a guess of the active constraints holds with equality. */
class ActiveFace {
  private readonly program: ScaledProgram;
  private readonly system: KktSystem;
  private readonly active: Uint8Array;
  private readonly x: Float64Array;
  /** Multipliers of the rows, nu then lambda. */
  private readonly y: Float64Array;
  private readonly gradient: Float64Array;
  private readonly rowRest: Float64Array;

  constructor(program: ScaledProgram, system: KktSystem, active: Uint8Array, start: SparsePoint) {
    const { n, rows } = program;
    this.program = program;
    this.system = system;
    this.active = active;
    this.x = start.x.slice();
    this.y = new Float64Array(rows);
    this.y.set(start.nu);
    this.y.set(start.lambda, start.nu.length);
    this.gradient = new Float64Array(n);
    this.rowRest = new Float64Array(rows);
    for (let j = 0; j < n; j++) if (active[j] !== INACTIVE) this.x[j] = this.boundOf(j);
    for (let i = 0; i < rows; i++) if (active[n + i] === INACTIVE) this.y[i] = 0;
  }

  private boundOf(k: number): number {
    const { n, original } = this.program;
    const { p } = original;
    const low = this.active[k] !== AT_HIGH;
    if (k < n) return low ? original.lower[k] : original.upper[k];
    if (k < n + p) return original.b[k - n];
    return low ? original.l[k - n - p] : original.u[k - n - p];
  }

  /** Newton's steps on the face, which end at its solution to rounding. False where there is no factor. */
  settle(delta: number): boolean {
    const { n, rows } = this.program;
    const diagonal = new Float64Array(n + rows);
    for (let k = 0; k < n + rows; k++) if ((this.active[k] !== INACTIVE) === k < n) diagonal[k] = rigid;
    if (!this.system.update(diagonal, delta)) return false;
    let size = this.evaluate();
    for (let step = 0; step < maxSteps && size > 0; step++) {
      const [x, y] = [this.x.slice(), this.y.slice()];
      this.newtonStep();
      const next = this.evaluate();
      if (next < size / 2) {
        size = next;
        continue;
      }
      if (!(next < size)) {
        this.x.set(x);
        this.y.set(y);
        this.evaluate();
      }
      break;
    }
    return true;
  }

  /** Qx + q + A'nu + G'lambda, and what the rows miss their bounds by. Returns the largest scaled residual of the face. */
  private evaluate(): number {
    const { n, rows, original, D, E, cost } = this.program;
    const { p, Q, A, G } = original;
    const gradient = new DoubledVector(n).set(original.q);
    addDoubledSymmetricProduct(1, Q, this.x, gradient);
    addDoubledTransposedProduct(1, A, this.y.subarray(0, p), gradient);
    addDoubledTransposedProduct(1, G, this.y.subarray(p), gradient);
    gradient.round(this.gradient);
    this.evaluateRows();
    let size = 0;
    for (let j = 0; j < n; j++) {
      if (this.active[j] === INACTIVE) size = Math.max(size, Math.abs(this.gradient[j]) * cost * D[j]);
    }
    for (let i = 0; i < rows; i++) {
      if (this.active[n + i] !== INACTIVE) size = Math.max(size, Math.abs(this.rowRest[i]) * E[i]);
    }
    return size;
  }

  /** bound - Cx of every row, against the bound that it is held at, or the nearer one. */
  private evaluateRows(): void {
    const { n, rows, original } = this.program;
    const { p, A, G } = original;
    const bounds = Float64Array.from({ length: rows }, (_, i) =>
      this.active[n + i] === INACTIVE ? 0 : this.boundOf(n + i),
    );
    const equalities = new DoubledVector(p).set(bounds.subarray(0, p));
    addDoubledProduct(-1, A, this.x, equalities);
    equalities.round(this.rowRest.subarray(0, p));
    const inequalities = new DoubledVector(rows - p).set(bounds.subarray(p));
    addDoubledProduct(-1, G, this.x, inequalities);
    inequalities.round(this.rowRest.subarray(p));
  }

  private newtonStep(): void {
    const { n, rows, D, E, cost } = this.program;
    const rhs = new Float64Array(n + rows);
    for (let j = 0; j < n; j++) if (this.active[j] === INACTIVE) rhs[j] = -this.gradient[j] * cost * D[j];
    for (let i = 0; i < rows; i++) if (this.active[n + i] !== INACTIVE) rhs[n + i] = this.rowRest[i] * E[i];
    const step = new Float64Array(n + rows);
    this.system.solve(rhs, step);
    for (let j = 0; j < n; j++) if (this.active[j] === INACTIVE) this.x[j] += D[j] * step[j];
    for (let i = 0; i < rows; i++) if (this.active[n + i] !== INACTIVE) this.y[i] += (E[i] * step[n + i]) / cost;
  }

  /** Lets go of what its multiplier pulls off its bound, and takes hold of what lies beyond a bound. False where nothing changes. */
  correctGuess(): boolean {
    const { n, rows, original } = this.program;
    const { p } = original;
    let changes = 0;
    const largestMultiplier = Math.max(maxAbs(this.y), maxAbs(this.gradient));
    const change = (k: number, multiplier: number, t: number, low: number, high: number) => {
      const before = this.active[k];
      if (before === HELD) return;
      const pulledOff = (before === AT_LOW ? multiplier : -multiplier) > 1e-15 * largestMultiplier;
      if (before === INACTIVE) this.active[k] = t > high ? AT_HIGH : t < low ? AT_LOW : INACTIVE;
      else if (pulledOff) this.active[k] = INACTIVE;
      if (this.active[k] !== before) changes++;
    };
    for (let j = 0; j < n; j++) change(j, -this.gradient[j], this.x[j], original.lower[j], original.upper[j]);
    for (let i = p; i < rows; i++) {
      change(n + i, this.y[i], -this.rowRest[i], original.l[i - p], original.u[i - p]);
    }
    return changes > 0;
  }

  /** The point with the multipliers of the bounds that make it stationary. */
  point(): SparsePoint {
    const { n, original } = this.program;
    const zeta = new Float64Array(n);
    for (let j = 0; j < n; j++) if (this.active[j] !== INACTIVE) zeta[j] = -this.gradient[j];
    return { x: this.x.slice(), nu: this.y.slice(0, original.p), lambda: this.y.slice(original.p), zeta };
  }
}
