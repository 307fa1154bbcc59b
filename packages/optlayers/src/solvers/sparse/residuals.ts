import {
  addDoubledProduct,
  addDoubledSymmetricProduct,
  addDoubledTransposedProduct,
  DoubledVector,
  doubledDot,
} from "@solvegrad/linalg";
import { maxAbs } from "../../arrays.ts";
import type { SparsePoint, SparseQuadraticProgram } from "../../problem/sparse-quadratic-program.ts";

/**
 * The KKT residuals of a point of a sparse QP (largest entries), and the sizes that relative ones are taken of. Multipliers are
 * left out of the sizes: where they run to infinity, they would excuse any residual.
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
 * Sums are taken in twice the working precision, so that what is measured is the point and not the measuring.
 */
export function assessSparse(problem: SparseQuadraticProgram, point: SparsePoint): SparseAssessment {
  const { n, p, m, Q, A, G } = problem;
  const { x, nu, lambda, zeta } = point;
  const gradient = new DoubledVector(n);
  addDoubledSymmetricProduct(1, Q, x, gradient);
  const Qx = gradient.round(new Float64Array(n));
  const xQx = doubledDot(x, Qx);
  addTo(gradient, problem.q);
  addDoubledTransposedProduct(1, A, nu, gradient);
  addDoubledTransposedProduct(1, G, lambda, gradient);
  addTo(gradient, zeta);
  const equality = new DoubledVector(p).set(problem.b.map((value) => -value));
  addDoubledProduct(1, A, x, equality);
  const row = new DoubledVector(m);
  addDoubledProduct(1, G, x, row);
  const Gx = row.round(new Float64Array(m));
  const rows = boxResiduals(Gx, lambda, problem.l, problem.u);
  const bounds = boxResiduals(x, zeta, problem.lower, problem.upper);
  const qx = doubledDot(problem.q, x);
  const largestX = Math.max(maxAbs(problem.b), maxAbs(Gx), maxAbs(x));
  return {
    primal: Math.max(maxAbs(equality.round(new Float64Array(p))), rows.violation, bounds.violation),
    dual: Math.max(maxAbs(gradient.round(new Float64Array(n))), rows.wrongSide, bounds.wrongSide),
    gap: Math.abs(gapOf(problem, point, Qx, rows.support, bounds.support)),
    primalScale: 1 + largestX,
    dualScale: 1 + Math.max(maxAbs(Qx), maxAbs(problem.q)),
    gapScale: 1 + Math.max(Math.abs(xQx), Math.abs(qx)),
    objective: xQx / 2 + qx + problem.constant,
  };
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

/** How far t leaves [low, high], how far multipliers push against infinity, and the finite bounds that they push against. */
function boxResiduals(t: Float64Array, y: Float64Array, low: Float64Array, high: Float64Array) {
  const support = new Float64Array(t.length);
  const result = { violation: 0, wrongSide: 0, support };
  for (let k = 0; k < t.length; k++) {
    result.violation = Math.max(result.violation, t[k] - high[k], low[k] - t[k]);
    const bound = y[k] > 0 ? high[k] : low[k];
    if (Number.isFinite(bound)) support[k] = bound;
    else result.wrongSide = Math.max(result.wrongSide, Math.abs(y[k]));
    if (!(Number.isFinite(t[k]) && Number.isFinite(y[k]))) result.violation = Number.NaN;
  }
  return result;
}

function addTo(sum: DoubledVector, values: Float64Array): void {
  for (let i = 0; i < values.length; i++) sum.addProductAt(i, values[i], 1);
}
