import { addProduct, addSymmetricProduct, addTransposedProduct } from "@solvegrad/linalg";
import { maxAbs } from "../../arrays.ts";
import type { SparseQuadraticProgram } from "../../problem/sparse-quadratic-program.ts";
import { INACTIVE } from "../../solvers/sparse/active-set.ts";
import { FaceKkt, type KktSolve } from "../../solvers/sparse/face-kkt.ts";
import { KktSystem, type SparseState } from "../../solvers/sparse/kkt-system.ts";
import { type ScaledProgram, scaledProgram } from "../../solvers/sparse/scaled-program.ts";

const regularization = 1e-10;
const maxSteps = 5;
/** Share of the right-hand side under which nothing more can be gained. */
const rounding = 1e-15;
/** Share of the right-hand side that may be left of a system that counts as solved. */
const accepted = 1e-8;
/** delta of the least-squares steps: large enough that the null space, blown up by its inverse, can be taken out again. */
const leastSquaresRegularization = 1e-5;

/** The solution of the KKT system of a face: u for x, y for the rows of A and G, z for the bounds of x. */
export interface FaceSolution {
  readonly u: Float64Array;
  readonly y: Float64Array;
  readonly z: Float64Array;
  /** Largest entry of what is left of the right-hand side, as a share of the largest entry of that. */
  readonly residual: number;
}

/** What is left of the right-hand side: its largest entry, and its length in the scaled variables. */
interface Rest {
  readonly gradientRest: Float64Array;
  readonly rowRest: Float64Array;
  readonly residual: number;
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
    this.regular = this.kkt.hold(active, regularization);
  }

  solve(c: Float64Array, r: Float64Array, f: Float64Array): FaceSolution {
    const { n, rows } = this.program;
    const u = f.map((value, j) => (this.isActive(j) ? value : 0));
    const y = new Float64Array(rows);
    // whoever else shares the system may have left another factor
    this.regular = this.kkt.hold(this.active, regularization);
    const begin = this.measure(c, r, u, y);
    let left = this.refine(begin, c, r, u, y);
    if (!(left.residual <= accepted * begin.residual)) {
      // what lies in the null space has been blown up by now: start afresh
      u.set(f.map((value, j) => (this.isActive(j) ? value : 0)));
      y.fill(0);
      this.regular = this.kkt.hold(this.active, leastSquaresRegularization);
      left = this.refine(begin, c, r, u, y, (rhs, step) => this.leastSquaresStep(rhs, step));
    }
    const z = new Float64Array(n);
    for (let j = 0; j < n; j++) if (this.isActive(j)) z[j] = left.gradientRest[j];
    const size = Math.max(maxAbs(c), maxAbs(r), begin.residual, Number.MIN_VALUE);
    return { u, y, z, residual: left.residual / size };
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
    addTransposedProduct(-1, A, y.subarray(0, p), gradientRest);
    addTransposedProduct(-1, G, y.subarray(p), gradientRest);
    const rowRest = r.slice();
    addProduct(-1, A, u, rowRest.subarray(0, p));
    addProduct(-1, G, u, rowRest.subarray(p));
    let [residual, squares] = [0, 0];
    const count = (value: number, scale: number) => {
      residual = Math.max(residual, Math.abs(value));
      squares += (value * scale) ** 2;
    };
    const { D, E, cost } = this.program;
    for (let j = 0; j < n; j++) if (!this.isActive(j)) count(gradientRest[j], cost * D[j]);
    for (let i = 0; i < rows; i++) if (this.isActive(n + i)) count(rowRest[i], E[i]);
    return { gradientRest, rowRest, residual, length: Math.sqrt(squares) };
  }
}
