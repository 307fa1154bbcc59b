import { addProduct, addSymmetricProduct, addTransposedProduct } from "@solvegrad/linalg";
import { maxAbs } from "../../arrays.ts";
import type { SparsePoint } from "../../problem/sparse-quadratic-program.ts";
import { AT_HIGH, AT_LOW, HELD, INACTIVE } from "./active-set.ts";
import { KktSystem } from "./kkt-system.ts";
import { type ScaledProgram, unscaledPoint } from "./scaled-program.ts";

/** The proximal weight on x, which makes the matrix of the x-update definite whatever Q is. */
export const sigma = 1e-6;
/** How much heavier than the other rows those weigh that hold with equality. */
const equalityWeight = 1e3;

/** Scaled residuals and the sizes of what they are differences of. */
export interface AdmmResiduals {
  readonly primal: number;
  readonly dual: number;
  readonly primalScale: number;
  readonly dualScale: number;
}

/** rho of every bounded quantity: 0 for a variable without bounds, more where both bounds agree. */
export function penalties({ n, low, high }: ScaledProgram, rho: number): Float64Array {
  return low.map((value, k) => {
    if (value === high[k]) return equalityWeight * rho;
    const unbounded = value === -Infinity && high[k] === Infinity;
    return unbounded && k < n ? 0 : rho;
  });
}

/**
 * The matrix of ADMM's x-update with its factor,
 *
 *     [Q + sigma I + R_x   C'     ]
 *     [C                  -R_C^-1 ],
 *
 * R the penalties: the bounds of x stand on the diagonal, so they cost no rows.
 */
export class AdmmFactor {
  readonly program: ScaledProgram;
  readonly rho: number;
  readonly penalty: Float64Array;
  /** Whether the factor exists. */
  readonly regular: boolean;
  private readonly system: KktSystem;

  /** `earlier` saves the analysis of the pattern; it must not be used any more. */
  constructor(program: ScaledProgram, rho: number, earlier?: AdmmFactor) {
    this.program = program;
    this.rho = rho;
    this.penalty = penalties(program, rho);
    this.system = earlier?.system ?? new KktSystem(program);
    this.regular = this.system.update(
      this.penalty.map((value, k) => (k < program.n ? sigma + value : 1 / value)),
      0,
    );
  }

  /** (x, y) <- the solution for the right-hand side. */
  solve(rhs: Float64Array, solution: Float64Array): void {
    this.system.solveRegularized(rhs, solution);
  }
}

/**
 * ADMM in the form of OSQP (Stellato, Banjac, Goulart, Bemporad, Boyd 2020, Algorithm 1), with E = [I; C], t = Ex and the bounds
 * of x handled as what they are:
 *
 *     (Q + sigma I + E'RE) x~ = sigma x - q + E'(R z - y),    z~ = E x~
 *     x+ = alpha x~ + (1 - alpha) x
 *     w  = alpha z~ + (1 - alpha) z + R^-1 y,   z+ = clip(w, low, high),   y+ = R (w - z+)
 */
export class AdmmIteration {
  factor: AdmmFactor;
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly z: Float64Array;
  private readonly program: ScaledProgram;
  private readonly relaxation: number;
  private readonly rhs: Float64Array;
  private readonly solution: Float64Array;

  constructor(program: ScaledProgram, rho: number, relaxation: number, start?: SparsePoint) {
    const { n, rows } = program;
    this.program = program;
    this.relaxation = relaxation;
    this.factor = new AdmmFactor(program, rho);
    this.x = new Float64Array(n);
    this.y = new Float64Array(n + rows);
    this.z = new Float64Array(n + rows);
    this.rhs = new Float64Array(n + rows);
    this.solution = new Float64Array(n + rows);
    if (start) this.startFrom(start);
    this.project();
  }

  private startFrom({ x, nu, lambda, zeta }: SparsePoint): void {
    const { n, rows, D, E, cost } = this.program;
    const p = nu.length;
    for (let j = 0; j < n; j++) {
      this.x[j] = x[j] / D[j];
      this.y[j] = cost * D[j] * zeta[j];
    }
    for (let i = 0; i < rows; i++) this.y[n + i] = (cost * (i < p ? nu[i] : lambda[i - p])) / E[i];
  }

  /** z <- the point of the bounds that is nearest to Ex. */
  private project(): void {
    const { n, C, low, high } = this.program;
    this.z.fill(0);
    this.z.set(this.x);
    addProduct(1, C, this.x, this.z.subarray(n));
    for (let k = 0; k < this.z.length; k++) this.z[k] = Math.min(Math.max(this.z[k], low[k]), high[k]);
  }

  step(): void {
    const { x, y, z, rhs, solution, relaxation: alpha, factor } = this;
    const { n, q, low, high } = this.program;
    const { penalty } = factor;
    const size = y.length;
    for (let j = 0; j < n; j++) rhs[j] = sigma * x[j] - q[j] + penalty[j] * z[j] - y[j];
    for (let k = n; k < size; k++) rhs[k] = z[k] - y[k] / penalty[k];
    factor.solve(rhs, solution);
    for (let j = 0; j < n; j++) x[j] += alpha * (solution[j] - x[j]);
    for (let k = 0; k < size; k++) {
      const weight = penalty[k];
      if (weight === 0) continue;
      const reached = k < n ? solution[k] : z[k] + (solution[k] - y[k]) / weight;
      const w = alpha * reached + (1 - alpha) * z[k] + y[k] / weight;
      const clipped = Math.min(Math.max(w, low[k]), high[k]);
      z[k] = clipped;
      y[k] = weight * (w - clipped);
    }
  }

  /** |Ex - z| and |Qx + q + E'y| (largest entries), scaled. */
  residuals(): AdmmResiduals {
    const { n, rows, Q, C, q } = this.program;
    const Cx = new Float64Array(rows);
    addProduct(1, C, this.x, Cx);
    const gradient = new Float64Array(n);
    addSymmetricProduct(1, Q, this.x, gradient);
    const dualScale = Math.max(maxAbs(gradient), maxAbs(q), maxAbs(this.y));
    addTransposedProduct(1, C, this.y.subarray(n), gradient);
    for (let j = 0; j < n; j++) gradient[j] += q[j] + this.y[j];
    let primal = 0;
    for (let k = 0; k < n + rows; k++) {
      if (this.factor.penalty[k] === 0) continue;
      primal = Math.max(primal, Math.abs((k < n ? this.x[k] : Cx[k - n]) - this.z[k]));
    }
    return { primal, dual: maxAbs(gradient), primalScale: Math.max(maxAbs(Cx), maxAbs(this.z)), dualScale };
  }

  /** The same x, y and z under another penalty: a numeric factorization of the pattern that is analysed. */
  setPenalty(rho: number): void {
    this.factor = new AdmmFactor(this.program, rho, this.factor);
  }

  point(): SparsePoint {
    return unscaledPoint(this.program, this.x, this.y);
  }

  /** The bounds that hold a multiplier now. */
  activeGuess(): Uint8Array {
    const { n, original, low, high } = this.program;
    return Uint8Array.from(this.y, (y, k) => {
      if (low[k] === high[k] || (k >= n && k < n + original.p)) return HELD;
      if (y === 0) return INACTIVE;
      return y > 0 ? AT_HIGH : AT_LOW;
    });
  }
}
