import {
  addDoubledProduct,
  addDoubledSymmetricProduct,
  addDoubledTransposedProduct,
  DoubledVector,
  doubledDot,
} from "@solvegrad/linalg";
import { maxAbs } from "../../arrays.ts";
import type { SparsePoint, SparseQuadraticProgram } from "../../problem/sparse-quadratic-program.ts";
import { smallestNonzero, unitsOf } from "../residual-units.ts";

/**
 * The KKT residuals of a point of a sparse QP (largest entries), and the sizes that relative ones are taken of: the units of the
 * data (at most 1, `residualUnits`) plus the terms at the point. Multipliers are left out of the sizes: where they run to infinity, they would excuse any residual.
 */
export interface SparseAssessment {
  readonly primal: number;
  readonly dual: number;
  readonly gap: number;
  readonly primalScale: number;
  readonly dualScale: number;
  readonly gapScale: number;
  readonly objective: number;
}

/**
 * Measures how well a point satisfies the KKT conditions, from the data and the point alone:
 *
 *     primal  max(|Ax - b|, max(Gx - u, 0), max(l - Gx, 0), and the same for the bounds of x)
 *     dual    max(|Qx + q + A'nu + G'lambda + zeta|, any multiplier that pushes against an infinite bound)
 *     gap     |x'Qx + q'x + b'nu + sigma(lambda) + sigma(zeta)|,  sigma(y) = upper'max(y, 0) + lower'min(y, 0)
 *
 * A Q that was accepted though it is negative by rounding may have a stationary point that is no minimum, far out where
 * x'Qx < 0 is as large as q'x: such a curvature counts as gap. Sums are taken in twice the working precision, so that what is measured is the point and not the measuring.
 */
export function assessSparse(problem: SparseQuadraticProgram, point: SparsePoint): SparseAssessment {
  return new SparseAssessor(problem).assess(point);
}

/** `residualUnits` of a sparse problem. */
export function dataUnits({ Q, q, A, b, G, l, u, lower, upper }: SparseQuadraticProgram): ReturnType<typeof unitsOf> {
  const smaller = (below: Float64Array, above: Float64Array) => {
    const sizes = [smallestNonzero(below), smallestNonzero(above)].filter((size) => size > 0);
    return sizes.length > 0 ? Math.min(...sizes) : 0;
  };
  const matrices = { Q: maxAbs(Q.data), A: maxAbs(A.data), G: maxAbs(G.data) };
  return unitsOf({ ...matrices, q: maxAbs(q), b: maxAbs(b), h: smaller(l, u), bounds: smaller(lower, upper) });
}

/** A negative x'Qx below this share of q'x is rounding. */
const noise = 1e-9;

/** `assessSparse` for many points of one problem. */
export class SparseAssessor {
  private readonly problem: SparseQuadraticProgram;
  private readonly gradient: DoubledVector;
  private readonly equality: DoubledVector;
  private readonly row: DoubledVector;
  private readonly Qx: Float64Array;
  private readonly Gx: Float64Array;
  private readonly rowSupport: Float64Array;
  private readonly boundSupport: Float64Array;
  private readonly rest: Float64Array;
  private readonly units: ReturnType<typeof unitsOf>;

  constructor(problem: SparseQuadraticProgram) {
    const { n, p, m } = problem;
    this.problem = problem;
    this.units = dataUnits(problem);
    this.gradient = new DoubledVector(n);
    this.equality = new DoubledVector(p);
    this.row = new DoubledVector(m);
    this.Qx = new Float64Array(n);
    this.Gx = new Float64Array(m);
    this.rowSupport = new Float64Array(m);
    this.boundSupport = new Float64Array(n);
    this.rest = new Float64Array(Math.max(n, p));
  }

  assess(point: SparsePoint): SparseAssessment {
    const { n, p, Q, A, G, q, b, l, u, lower, upper, constant } = this.problem;
    const { x, nu, lambda, zeta } = point;
    const gradient = this.gradient.clear();
    addDoubledSymmetricProduct(1, Q, x, gradient);
    const Qx = gradient.round(this.Qx);
    const xQx = doubledDot(x, Qx);
    addTo(gradient, 1, q);
    addDoubledTransposedProduct(1, A, nu, gradient);
    addDoubledTransposedProduct(1, G, lambda, gradient);
    addTo(gradient, 1, zeta);
    const equality = this.equality.clear();
    addTo(equality, -1, b);
    addDoubledProduct(1, A, x, equality);
    const row = this.row.clear();
    addDoubledProduct(1, G, x, row);
    const Gx = row.round(this.Gx);
    const rows = boxResiduals(Gx, lambda, l, u, this.rowSupport);
    const bounds = boxResiduals(x, zeta, lower, upper, this.boundSupport);
    const qx = doubledDot(q, x);
    const gap = Math.abs(gapOf(this.problem, point, Qx, this.rowSupport, this.boundSupport));
    const largestX = Math.max(maxAbs(b), maxAbs(Gx), maxAbs(x));
    return {
      primal: Math.max(maxAbs(equality.round(this.rest), 0, p), rows.violation, bounds.violation),
      dual: Math.max(maxAbs(gradient.round(this.rest), 0, n), rows.wrongSide, bounds.wrongSide),
      gap: Math.max(gap, -xQx > noise * (Math.abs(qx) + this.units.gap) ? -xQx : 0),
      primalScale: this.units.primal + largestX,
      dualScale: this.units.dual + Math.max(maxAbs(Qx), maxAbs(q)),
      gapScale: this.units.gap + Math.max(Math.abs(xQx), Math.abs(qx)),
      objective: xQx / 2 + qx + constant,
    };
  }
}

/** x'Qx + q'x + b'nu + sigma(lambda) + sigma(zeta) as one sum; `support` holds the bound that each multiplier pushes against. */
function gapOf(
  { q, b }: SparseQuadraticProgram,
  { x, nu, lambda, zeta }: SparsePoint,
  Qx: Float64Array,
  rowSupport: Float64Array,
  boundSupport: Float64Array,
): number {
  const sum = new DoubledVector(1);
  const add = (a: Float64Array, c: Float64Array) => {
    for (let i = 0; i < a.length; i++) sum.addProductAt(0, a[i], c[i]);
  };
  add(x, Qx);
  add(x, q);
  add(nu, b);
  add(lambda, rowSupport);
  add(zeta, boundSupport);
  return sum.high[0] + sum.low[0];
}

/**
 * How far t leaves [low, high], and how far multipliers push against infinity; the finite bounds that they push against go
 * into `support`.
 */
function boxResiduals(
  t: Float64Array,
  y: Float64Array,
  low: Float64Array,
  high: Float64Array,
  support: Float64Array,
): { violation: number; wrongSide: number } {
  let violation = 0;
  let wrongSide = 0;
  let finite = true;
  for (let k = 0; k < t.length; k++) {
    violation = Math.max(violation, t[k] - high[k], low[k] - t[k]);
    const bound = y[k] > 0 ? high[k] : low[k];
    const bounded = bound > -Infinity && bound < Infinity;
    support[k] = bounded ? bound : 0;
    if (!bounded) wrongSide = Math.max(wrongSide, Math.abs(y[k]));
    if (!Number.isFinite(t[k]) || !Number.isFinite(y[k])) finite = false;
  }
  return { violation: finite ? violation : Number.NaN, wrongSide };
}

function addTo(sum: DoubledVector, alpha: 1 | -1, values: Float64Array): void {
  for (let i = 0; i < values.length; i++) sum.addProductAt(i, values[i], alpha);
}
