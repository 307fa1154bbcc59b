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
import type { SparsePoint } from "../../problem/sparse-quadratic-program.ts";
import { AT_HIGH, AT_LOW, HELD, INACTIVE } from "./active-set.ts";
import { FaceKkt } from "./face-kkt.ts";
import type { KktSystem } from "./kkt-system.ts";
import type { ScaledProgram } from "./scaled-program.ts";

const maxSteps = 8;

/**
 * The face of the feasible set on which a guess of the active constraints holds with equality: the problem on it has the linear KKT
 * conditions of `FaceKkt`. Points and residuals are those of the problem's own variables.
 */
export class ActiveFace {
  /** The guess: the bounds of x, then the rows of A (always held) and of G. */
  readonly active: Uint8Array;
  private readonly proposal: Uint8Array;
  private readonly program: ScaledProgram;
  private readonly kkt: FaceKkt;
  private readonly x: Float64Array;
  /** Multipliers of the rows, nu then lambda. */
  private readonly y: Float64Array;
  /** Qx + q + A'nu + G'lambda. */
  private readonly gradient: Float64Array;
  /** What every row misses the bound by that it is held at; -Cx of the others. */
  private readonly rowRest: Float64Array;
  private readonly gradientSum: DoubledVector;
  private readonly rowSum: DoubledVector;

  constructor(program: ScaledProgram, system: KktSystem) {
    const { n, rows } = program;
    this.program = program;
    this.kkt = new FaceKkt(program, system);
    this.active = new Uint8Array(n + rows);
    this.proposal = new Uint8Array(n + rows);
    this.x = new Float64Array(n);
    this.y = new Float64Array(rows);
    this.gradient = new Float64Array(n);
    this.rowRest = new Float64Array(rows);
    this.gradientSum = new DoubledVector(n);
    this.rowSum = new DoubledVector(rows);
  }

  /** Multiplications and additions of a factorization, about. */
  get work(): number {
    return this.kkt.system.work;
  }

  /** Starts from this guess and point. */
  begin(active: Uint8Array, { x, nu, lambda }: SparsePoint): void {
    this.active.set(active);
    this.x.set(x);
    this.y.set(nu);
    this.y.set(lambda, nu.length);
  }

  /** The solution on the face in one step, as exact as a linear solve is. False where there is no factor. */
  solve(delta: number): boolean {
    this.moveToFace();
    if (!this.kkt.hold(this.active, delta)) return false;
    this.evaluate();
    this.addStep();
    this.evaluate();
    return true;
  }

  /** Newton's steps on the face with residuals in twice the precision, which end at its solution to rounding. */
  settle(delta: number): boolean {
    this.moveToFace();
    if (!this.kkt.hold(this.active, delta)) return false;
    this.refine();
    return true;
  }

  /** The steps of `settle`, with the factor that is there. */
  refine(): void {
    let size = this.evaluateExactly();
    for (let step = 0; step < maxSteps && size > 0; step++) {
      const [x, y] = [this.x.slice(), this.y.slice()];
      this.addStep();
      const next = this.evaluateExactly();
      if (next < size / 2) {
        size = next;
        continue;
      }
      if (!(next < size)) {
        this.x.set(x);
        this.y.set(y);
        this.evaluateExactly();
      }
      break;
    }
  }

  /** Held variables go to their bounds, the multipliers of inactive rows to zero. */
  private moveToFace(): void {
    const { n, rows } = this.program;
    for (let j = 0; j < n; j++) if (this.active[j] !== INACTIVE) this.x[j] = this.boundOf(j);
    for (let i = 0; i < rows; i++) if (this.active[n + i] === INACTIVE) this.y[i] = 0;
  }

  private boundOf(k: number): number {
    const { n, original } = this.program;
    const { p } = original;
    const low = this.active[k] !== AT_HIGH;
    if (k < n) return low ? original.lower[k] : original.upper[k];
    if (k < n + p) return original.b[k - n];
    return low ? original.l[k - n - p] : original.u[k - n - p];
  }

  private addStep(): void {
    const { gradient } = this;
    for (let j = 0; j < gradient.length; j++) gradient[j] = -gradient[j];
    this.kkt.addStep(gradient, this.rowRest, this.x, this.y);
  }

  private evaluate(): void {
    const { Q, A, G, q, p } = this.program.original;
    const { x, y, gradient, rowRest } = this;
    gradient.set(q);
    addSymmetricProduct(1, Q, x, gradient);
    addTransposedProduct(1, A, y.subarray(0, p), gradient);
    addTransposedProduct(1, G, y.subarray(p), gradient);
    this.setRowBounds(rowRest);
    addProduct(-1, A, x, rowRest.subarray(0, p));
    addProduct(-1, G, x, rowRest.subarray(p));
  }

  /** `evaluate` in twice the precision. Returns the largest scaled residual of the face. */
  private evaluateExactly(): number {
    const { n, rows, original, D, E, cost } = this.program;
    const { Q, A, G, q, p } = original;
    const { x, y, active } = this;
    const gradient = this.gradientSum.set(q);
    addDoubledSymmetricProduct(1, Q, x, gradient);
    addDoubledTransposedProduct(1, A, y.subarray(0, p), gradient);
    addDoubledTransposedProduct(1, G, y.subarray(p), gradient);
    gradient.round(this.gradient);
    this.setRowBounds(this.rowRest);
    const rest = this.rowSum.set(this.rowRest);
    addDoubledProduct(-1, A, x, rest);
    addDoubledProduct(-1, G, x, rest, p);
    rest.round(this.rowRest);
    let size = 0;
    for (let j = 0; j < n; j++) {
      if (active[j] === INACTIVE) size = Math.max(size, Math.abs(this.gradient[j]) * cost * D[j]);
    }
    for (let i = 0; i < rows; i++) {
      if (active[n + i] !== INACTIVE) size = Math.max(size, Math.abs(this.rowRest[i]) * E[i]);
    }
    return size;
  }

  private setRowBounds(rest: Float64Array): void {
    const { n, rows } = this.program;
    for (let i = 0; i < rows; i++) rest[i] = this.active[n + i] === INACTIVE ? 0 : this.boundOf(n + i);
  }

  /**
   * Proposes to let go of what its multiplier pulls off its bound, and to take hold of what lies beyond a bound. Returns how many
   * constraints that concerns.
   */
  findWrong(): number {
    const { n, rows, original } = this.program;
    const { p, lower, upper, l, u } = original;
    const { active, proposal, gradient, rowRest, x, y } = this;
    const limit = 1e-15 * Math.max(maxAbs(y), maxAbs(gradient));
    let wrong = 0;
    for (let j = 0; j < n; j++) {
      proposal[j] = corrected(active[j], -gradient[j], limit, x[j], lower[j], upper[j]);
      if (proposal[j] !== active[j]) wrong++;
    }
    for (let i = p; i < rows; i++) {
      const k = n + i;
      proposal[k] = corrected(active[k], y[i], limit, -rowRest[i], l[i - p], u[i - p]);
      if (proposal[k] !== active[k]) wrong++;
    }
    return wrong;
  }

  /** Takes over what `findWrong` proposed. */
  correctAll(): void {
    const { n, original } = this.program;
    const rows = n + original.p;
    this.active.set(this.proposal.subarray(0, n));
    this.active.set(this.proposal.subarray(rows), rows);
  }

  /** Takes over every other one of what `findWrong` proposed, from the first or from the second on. */
  correctEveryOther(first: 0 | 1): void {
    const { n, original } = this.program;
    const { active, proposal } = this;
    let count = first;
    for (let k = 0; k < active.length; k++) {
      const isEquality = k >= n && k < n + original.p;
      if (isEquality || proposal[k] === active[k]) continue;
      if (count++ % 2 === 0) active[k] = proposal[k];
    }
  }

  /** The point with the multipliers of the bounds that make it stationary. */
  point(): SparsePoint {
    const { n, original } = this.program;
    const zeta = new Float64Array(n);
    for (let j = 0; j < n; j++) if (this.active[j] !== INACTIVE) zeta[j] = -this.gradient[j];
    return { x: this.x.slice(), nu: this.y.slice(0, original.p), lambda: this.y.slice(original.p), zeta };
  }
}

/** What holds a quantity t next, by the sign of its multiplier where it was held, else by its bounds. */
function corrected(before: number, multiplier: number, limit: number, t: number, low: number, high: number): number {
  if (before === HELD) return HELD;
  if (before === INACTIVE) return t > high ? AT_HIGH : t < low ? AT_LOW : INACTIVE;
  const pull = before === AT_LOW ? multiplier : -multiplier;
  return pull > limit ? INACTIVE : before;
}
