import { addProduct, addSymmetricProduct, addTransposedProduct } from "@solvegrad/linalg";
import type { SparseQuadraticProgram } from "../../problem/sparse-quadratic-program.ts";
import { INACTIVE } from "../../solvers/sparse/active-set.ts";
import { FaceKkt, type KktSolve } from "../../solvers/sparse/face-kkt.ts";
import { KktSystem, type SparseState } from "../../solvers/sparse/kkt-system.ts";
import { type ScaledProgram, scaledProgram } from "../../solvers/sparse/scaled-program.ts";

/**
 * Regularizations, tried in this order: the smaller one changes the system less, but a row that is eliminated before its variables
 * drowns what is below the rounding of its inverse.
 */
const regularizations = [1e-10, 1e-8];
const maxSteps = 5;
/** Share of the right-hand side under which nothing more can be gained. */
const rounding = 1e-15;
/** Share of its terms that may be left of either part of a system that counts as solved. */
const accepted = 1e-8;
/** The share of one part's terms under which those of the other count as rounding. */
const negligible = 1e-8;
/** delta of the least-squares steps: large enough that the null space, blown up by its inverse, can be taken out again. */
const leastSquaresRegularization = 1e-5;

/** The solution of the KKT system of a face: u for x, y for the rows of A and G, z for the bounds of x. */
export interface FaceSolution {
  readonly u: Float64Array;
  readonly y: Float64Array;
  readonly z: Float64Array;
  /** Largest entry of what is left of the right-hand side, as a share of that of the whole and of the terms of its own part. */
  readonly residual: number;
}

/** What is left of the right-hand side: its largest entry, its share of the terms, and its length in the scaled variables. */
interface Rest {
  readonly gradientRest: Float64Array;
  readonly rowRest: Float64Array;
  readonly largest: number;
  /**
   * Of the equations of the variables or of those of the rows, whichever is more, in the scaled variables: they have units of
   * their own, so one may not excuse the other.
   */
  readonly share: number;
  readonly length: number;
}

/**
 * The linear system of the derivative, with the rows and bounds that are active,
 *
 *     Qu + A'y + G'w + z = c,   Au = r,  Gu = r on the active rows,  u = f on the active bounds,
 *
 * w zero on the inactive rows, z on the inactive bounds. Symmetric: it serves JVP and VJP. Where it has
 * no solution, steps with an approximate pseudoinverse give one near the shortest of least squares, in the scaled variables.
 */
export class FaceSystem {
  private readonly program: ScaledProgram;
  private readonly kkt: FaceKkt;
  private readonly active: Uint8Array;
  /** Whether a factor was found. */
  regular: boolean;

  /** `state` of a solve of the same problem saves the scaling and the analysis of the pattern. */
  constructor(problem: SparseQuadraticProgram, active: Uint8Array, state?: SparseState) {
    const mine = state?.program.original === problem ? state : null;
    this.program = mine?.program ?? scaledProgram(problem);
    this.kkt = new FaceKkt(this.program, mine?.system ?? new KktSystem(this.program));
    this.active = active;
    this.regular = this.kkt.hold(active, regularizations[0]);
  }

  solve(c: Float64Array, r: Float64Array, f: Float64Array): FaceSolution {
    const { n, rows } = this.program;
    const u = new Float64Array(n);
    const y = new Float64Array(rows);
    // what lies in the null space may be blown up by a system that is singular: every attempt starts afresh
    const attempt = (delta: number, solve?: KktSolve): { left: Rest; residual: number } => {
      u.set(f.map((value, j) => (this.isActive(j) ? value : 0)));
      y.fill(0);
      // whoever else shares the system may have left another factor
      this.regular = this.kkt.hold(this.active, delta);
      const begin = this.measure(c, r, u, y);
      const left = this.refine(begin, c, r, u, y, solve);
      return { left, residual: Math.max(left.largest / Math.max(begin.largest, Number.MIN_VALUE), left.share) };
    };
    let best = attempt(regularizations[0]);
    if (!(best.residual <= accepted)) best = attempt(regularizations[1]);
    if (!(best.residual <= accepted)) {
      best = attempt(leastSquaresRegularization, (rhs, step) => this.leastSquaresStep(rhs, step));
    }
    const { left, residual } = best;
    const z = new Float64Array(n);
    for (let j = 0; j < n; j++) if (this.isActive(j)) z[j] = left.gradientRest[j];
    return { u, y, z, residual };
  }

  /** Steps as long as they make what is left shorter. */
  private refine(
    begin: Rest,
    c: Float64Array,
    r: Float64Array,
    u: Float64Array,
    y: Float64Array,
    solve?: KktSolve,
  ): Rest {
    let best = begin;
    for (let step = 0; step < maxSteps && this.regular && best.length > rounding * begin.length; step++) {
      const [nextU, nextY] = [u.slice(), y.slice()];
      this.kkt.addStep(best.gradientRest, best.rowRest, nextU, nextY, solve);
      const next = this.measure(c, r, nextU, nextY);
      if (!(next.length < best.length)) break;
      u.set(nextU);
      y.set(nextY);
      best = next;
    }
    return best;
  }

  /** M^-1 K M^-1 rhs with M = K + delta S: near K's pseudoinverse, since it takes sigma to sigma / (sigma + delta)^2. */
  private leastSquaresStep(rhs: Float64Array, step: Float64Array): void {
    const { system } = this.kkt;
    system.solveRegularized(rhs, step);
    system.solveRegularized(system.multiply(step), step);
  }

  private isActive(k: number): boolean {
    return this.active[k] !== INACTIVE;
  }

  /** c - Qu - A'y - G'w, and r minus the rows' products on the active rows; z takes what is left at the active bounds. */
  private measure(c: Float64Array, r: Float64Array, u: Float64Array, y: Float64Array): Rest {
    const { n, rows, original } = this.program;
    const { p, Q, A, G } = original;
    const gradientRest = c.slice();
    addSymmetricProduct(-1, Q, u, gradientRest);
    const [variables, ofRows] = [new Extent(), new Extent()];
    const { D, E, cost } = this.program;
    const isFree = (j: number) => !this.isActive(j);
    for (let j = 0; j < n; j++) if (isFree(j)) variables.addTerms(cost * D[j] * c[j], cost * D[j] * gradientRest[j]);
    for (let i = 0; i < rows; i++) variables.addTerms((cost * y[i]) / E[i], 0);
    addTransposedProduct(-1, A, y.subarray(0, p), gradientRest);
    addTransposedProduct(-1, G, y.subarray(p), gradientRest);
    const rowRest = r.slice();
    addProduct(-1, A, u, rowRest.subarray(0, p));
    addProduct(-1, G, u, rowRest.subarray(p));
    for (let j = 0; j < n; j++) ofRows.addTerms(u[j] / D[j], 0);
    for (let i = 0; i < rows; i++) if (this.isActive(n + i)) ofRows.addTerms(E[i] * r[i], 0);
    let largest = 0;
    for (let j = 0; j < n; j++) {
      if (!isFree(j)) continue;
      variables.addRest(cost * D[j] * gradientRest[j]);
      largest = Math.max(largest, Math.abs(gradientRest[j]));
    }
    for (let i = 0; i < rows; i++) {
      if (!this.isActive(n + i)) continue;
      ofRows.addRest(E[i] * rowRest[i]);
      largest = Math.max(largest, Math.abs(rowRest[i]));
    }
    const share = Math.max(variables.shareOver(ofRows.terms), ofRows.shareOver(variables.terms));
    return { gradientRest, rowRest, largest, share, length: Math.hypot(variables.length, ofRows.length) };
  }
}

/** How large the terms of some equations are and what is left of them. */
class Extent {
  terms = 0;
  private rest = 0;
  private squares = 0;

  addTerms(a: number, b: number): void {
    this.terms = Math.max(this.terms, Math.abs(a), Math.abs(b));
  }

  addRest(value: number): void {
    this.rest = Math.max(this.rest, Math.abs(value));
    this.squares += value * value;
  }

  get length(): number {
    return Math.sqrt(this.squares);
  }

  /** What is left as a share of the terms, or of what of the other equations' counts as rounding. */
  shareOver(others: number): number {
    return this.rest / Math.max(this.terms, negligible * others, Number.MIN_VALUE);
  }
}
