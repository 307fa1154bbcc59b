import { addProduct, addSymmetricProduct, addTransposedProduct } from "@solvegrad/linalg";
import type { SparseQuadraticProgram } from "../../problem/sparse-quadratic-program.ts";
import { INACTIVE } from "../../solvers/sparse/active-set.ts";
import { KktSystem, type SparseState } from "../../solvers/sparse/kkt-system.ts";
import { type ScaledProgram, scaledProgram } from "../../solvers/sparse/scaled-program.ts";

/** Weight that holds a variable in place, or the multiplier of an inactive row at zero. */
const rigid = 1e16;
const regularization = 1e-10;
const maxSteps = 5;

/** The solution of the KKT system of a face: u for x, y for the rows of A and G, z for the bounds of x. */
export interface FaceSolution {
  readonly u: Float64Array;
  readonly y: Float64Array;
  readonly z: Float64Array;
  /** Largest entry of what is left of the right-hand side. */
  readonly residual: number;
}

/**
 * The linear system of the derivative, with the rows and bounds that are active,
 *
 *     Qu + A'y + G'w + z = c,   Au = r,  Gu = r on the active rows,  u = f on the active bounds,
 *
 * w zero on the inactive rows, z on the inactive bounds. Symmetric: it serves JVP and VJP. Where it is singular, the
 * small regularization chooses a solution near the shortest one.
 */
export class FaceSystem {
  private readonly program: ScaledProgram;
  private readonly system: KktSystem;
  private readonly active: Uint8Array;
  /** Whether a factor was found. */
  readonly regular: boolean;

  /** `state` of a solve of the same problem saves the scaling and the analysis of the pattern. */
  constructor(problem: SparseQuadraticProgram, active: Uint8Array, state?: SparseState) {
    const mine = state?.program.original === problem ? state : null;
    this.program = mine?.program ?? scaledProgram(problem);
    this.system = mine?.system ?? new KktSystem(this.program);
    this.active = active;
    const { n } = problem;
    const diagonal = Float64Array.from(active, (kind, k) => ((kind !== INACTIVE) === k < n ? rigid : 0));
    this.regular = this.system.update(diagonal, regularization);
  }

  solve(c: Float64Array, r: Float64Array, f: Float64Array): FaceSolution {
    const { n, rows } = this.program;
    const u = f.map((value, j) => (this.isActive(j) ? value : 0));
    const y = new Float64Array(rows);
    let best = this.measure(c, r, u, y);
    for (let step = 0; step < maxSteps && this.regular && best.residual > 0; step++) {
      const [nextU, nextY] = [u.slice(), y.slice()];
      this.addStep(best.gradientRest, best.rowRest, nextU, nextY);
      const next = this.measure(c, r, nextU, nextY);
      if (!(next.residual < best.residual)) break;
      u.set(nextU);
      y.set(nextY);
      best = next;
    }
    const z = new Float64Array(n);
    for (let j = 0; j < n; j++) if (this.isActive(j)) z[j] = best.gradientRest[j];
    return { u, y, z, residual: best.residual };
  }

  private isActive(k: number): boolean {
    return this.active[k] !== INACTIVE;
  }

  /** c - Qu - A'y - G'w, and r minus the rows' products on the active rows; z takes what is left at the active bounds. */
  private measure(c: Float64Array, r: Float64Array, u: Float64Array, y: Float64Array) {
    const { n, rows, original } = this.program;
    const { p, Q, A, G } = original;
    const gradientRest = c.slice();
    addSymmetricProduct(-1, Q, u, gradientRest);
    addTransposedProduct(-1, A, y.subarray(0, p), gradientRest);
    addTransposedProduct(-1, G, y.subarray(p), gradientRest);
    const rowRest = r.slice();
    addProduct(-1, A, u, rowRest.subarray(0, p));
    addProduct(-1, G, u, rowRest.subarray(p));
    let residual = 0;
    for (let j = 0; j < n; j++) if (!this.isActive(j)) residual = Math.max(residual, Math.abs(gradientRest[j]));
    for (let i = 0; i < rows; i++) if (this.isActive(n + i)) residual = Math.max(residual, Math.abs(rowRest[i]));
    return { gradientRest, rowRest, residual };
  }

  private addStep(gradientRest: Float64Array, rowRest: Float64Array, u: Float64Array, y: Float64Array): void {
    const { n, rows, D, E, cost } = this.program;
    const rhs = new Float64Array(n + rows);
    for (let j = 0; j < n; j++) if (!this.isActive(j)) rhs[j] = cost * D[j] * gradientRest[j];
    for (let i = 0; i < rows; i++) if (this.isActive(n + i)) rhs[n + i] = E[i] * rowRest[i];
    const step = new Float64Array(n + rows);
    this.system.solve(rhs, step);
    for (let j = 0; j < n; j++) if (!this.isActive(j)) u[j] += D[j] * step[j];
    for (let i = 0; i < rows; i++) if (this.isActive(n + i)) y[i] += (E[i] / cost) * step[n + i];
  }
}
