import { activeKernels, view } from "@solvegrad/linalg";
import type { QuadraticProgram } from "../../problem/quadratic-program.ts";
import type { ResidualUnits } from "../residual-units.ts";
import type { AdmmGeometry, PenaltyFactor } from "./geometry.ts";
import type { PrimalUpdate } from "./update.ts";

/** The rows of one call: items that share Q, A and G. F holds their q (count x n), k their scaled [b; h] (count x r). */
export interface AdmmRows {
  readonly geometry: AdmmGeometry;
  readonly F: Float64Array;
  readonly k: Float64Array;
  /** What their residuals are measured by, one entry a row. */
  readonly units: ResidualUnits;
  /** The state t = (nu, w), w = lambda - rho s, scaled; advanced in place. */
  readonly t: Float64Array;
  /** The problem of one row, as it came. */
  readonly item: (row: number) => QuadraticProgram;
}

/** A penalty in use, with its factors. */
export interface Penalty {
  readonly factor: PenaltyFactor;
  readonly update: PrimalUpdate;
  /** rho = the first penalty times 10^(exponent / 4). */
  readonly exponent: number;
  /** The iteration at which this penalty came into use. */
  readonly since: number;
}

/** What one look at the residuals found, for every row. */
export interface Look {
  /** The relative primal and dual residuals and the relative gap, and the largest of the three. */
  readonly primal: Float64Array;
  readonly dual: Float64Array;
  readonly gap: Float64Array;
  readonly relative: Float64Array;
  /** (primal residual / its size) / (dual residual / its size): above 1, rho should grow. */
  readonly balance: Float64Array;
}

/** What rounding leaves of K x + s - k where a bound is far away, relative to it. */
const roundingShare = 1e-14;

/** The arrays of the iteration and its two loops over them. */
export class Sweep {
  readonly rows: AdmmRows;
  readonly count: number;
  readonly firstRho: number;
  readonly Z: Float64Array;
  readonly KX: Float64Array;
  readonly duals: Float64Array;
  private readonly gradient: Float64Array;
  private readonly force: Float64Array;

  constructor(rows: AdmmRows, firstRho: number) {
    this.rows = rows;
    this.firstRho = firstRho;
    this.count = rows.F.length / rows.geometry.n;
    this.Z = new Float64Array(rows.t.length);
    this.KX = new Float64Array(rows.t.length);
    this.duals = new Float64Array(rows.t.length);
    this.gradient = new Float64Array(rows.F.length);
    this.force = new Float64Array(rows.F.length);
  }

  /** One sweep of every row. */
  advance({ factor, update }: Penalty, relaxation: number): void {
    const { t, k, geometry } = this.rows;
    const { Z, KX, count } = this;
    const { r, p } = geometry;
    const rho = factor.rho;
    for (let i = 0, at = 0; i < count; i++) {
      for (let j = 0; j < r; j++, at++) Z[at] = (j < p ? t[at] : Math.abs(t[at])) - rho * k[at];
    }
    update.step(Z, KX);
    const step = relaxation * rho;
    const kept = 1 - relaxation;
    for (let i = 0, at = 0; i < count; i++) {
      for (let j = 0; j < r; j++, at++) {
        const base = j < p || t[at] > 0 ? t[at] : kept * t[at];
        t[at] = base + step * (KX[at] - k[at]);
      }
    }
  }

  /** The duals (nu, lambda) of the state, scaled. */
  currentDuals(): Float64Array {
    const { t, geometry } = this.rows;
    const { r, p } = geometry;
    for (let i = 0, at = 0; i < this.count; i++) {
      for (let j = 0; j < r; j++, at++) this.duals[at] = j < p ? t[at] : Math.max(t[at], 0);
    }
    return this.duals;
  }

  /** Residuals of every row in the units of the data, judged as `assess` judges them outside the iteration. */
  examine(penalty: Penalty): Look {
    const { n, r, K } = this.rows.geometry;
    const { count, gradient, force } = this;
    const duals = this.currentDuals();
    penalty.update.gradient(this.Z, this.KX, gradient);
    activeKernels().gemm(1, view(duals, [count, r]), K, 0, view(force, [count, n]));
    const [primal, dual, gap, relative, balance] = Array.from({ length: 5 }, () => new Float64Array(count));
    const look = { primal, dual, gap, relative, balance };
    for (let i = 0; i < count; i++) this.examineRow(i, penalty.factor.rho, look);
    return look;
  }

  private examineRow(i: number, rho: number, look: Look): void {
    const { F, k, t, geometry, units } = this.rows;
    const { n, r, p, scale } = geometry;
    const { KX, Z, duals, gradient, force } = this;
    const primal = { residual: 0, size: 0 };
    let kDuals = 0;
    let xGradient = 0;
    for (let j = 0, at = i * r; j < r; j++, at++) {
      const slack = j < p ? 0 : Math.max(-t[at], 0) / rho;
      const rounding = j < p ? 0 : roundingShare * Math.abs(k[at]);
      primal.residual = Math.max(primal.residual, (Math.abs(KX[at] + slack - k[at]) - rounding) / scale[j]);
      // a bound of an inequality that stands for infinity must not excuse the other rows
      primal.size = Math.max(primal.size, Math.abs(KX[at]) / scale[j], j < p ? Math.abs(k[at]) / scale[j] : 0);
      kDuals += k[at] * duals[at];
      // x'(Qx + q) = -(Kx)'(z + rho Kx), but for a proximal term that vanishes at the solution
      xGradient -= KX[at] * (Z[at] + rho * KX[at]);
    }
    const dual = { residual: 0, size: 0 };
    for (let j = 0, at = i * n; j < n; j++, at++) {
      dual.residual = Math.max(dual.residual, Math.abs(gradient[at] + force[at]));
      dual.size = Math.max(dual.size, Math.abs(gradient[at] - F[at]), Math.abs(F[at]));
    }
    const gapSize = Math.abs(xGradient) + Math.abs(kDuals);
    look.primal[i] = primal.residual / (units.primal[i] + primal.size);
    look.dual[i] = dual.residual / (units.dual[i] + dual.size);
    look.gap[i] = Math.abs(xGradient + kDuals) / (units.gap[i] + gapSize);
    look.relative[i] = Math.max(look.primal[i], look.dual[i], look.gap[i]);
    look.balance[i] = share(primal.residual, primal.size) / share(dual.residual, dual.size);
  }
}

/** part / whole, kept away from 0 so that a vanished residual does not send rho to 0 or infinity. */
function share(part: number, whole: number): number {
  return part / Math.max(whole, 1e-300) + 1e-16;
}
