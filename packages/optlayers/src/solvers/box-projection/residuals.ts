import { addTransposedProduct, type SparseMatrix } from "@solvegrad/linalg";
import { dot, maxAbs } from "../../arrays.ts";
import { type BoxProjection, equationsOf } from "../../problem/box-projection.ts";
import { itemOf } from "../../problem/quadratic-program.ts";
import type { Residuals } from "../solver.ts";

interface BoxPoint {
  readonly x: Float64Array;
  readonly nu: Float64Array;
  /** By default what makes the dual residual zero: y - x - A'nu. */
  readonly zeta?: Float64Array;
}

/** The data of one item. */
interface BoxItem {
  readonly A: SparseMatrix;
  readonly y: Float64Array;
  readonly b: Float64Array;
  readonly lower: Float64Array;
  readonly upper: Float64Array;
}

/**
 * Terms below this share of what y alone would make are no measure: they are what its rounding leaves. But where b or the
 * bounds have a size, a y far beyond it excuses nothing (`floor`).
 */
const share = 1e-6;

/** What y's rounding leaves, at most the size that the constraints themselves have; 0 of these is no size. */
function floor(ofY: number, ofConstraints: number): number {
  return ofConstraints > 0 ? Math.min(share * ofY, ofConstraints) : share * ofY;
}

function largestBound({ lower, upper }: BoxItem): number {
  const finite = (values: Float64Array) =>
    values.reduce((largest, value) => (Number.isFinite(value) ? Math.max(largest, Math.abs(value)) : largest), 0);
  return Math.max(finite(lower), finite(upper));
}

/**
 * The KKT residuals of every item from the data and the point alone (infinity norms), with the objective 1/2 |x - y|^2 and
 * the largest residual relative to its terms, whatever their unit (of Ax the sums of the absolute ones):
 *
 *     primal  max(|Ax - b|, max(lower - x, x - upper, 0)),    dual  |x - y + A'nu + zeta|,
 *     gap     |x'(x - y) + b'nu + upper'max(zeta, 0) + lower'min(zeta, 0)|.
 */
export function assessBoxProjection(problem: BoxProjection, point: BoxPoint) {
  const { n, p, batch } = problem;
  const [primal, dual, gap, objective, relative] = Array.from({ length: 5 }, () => new Float64Array(batch));
  equationsOf(problem).forEach((A, i) => {
    const [y, b, lower, upper] = [problem.y, problem.b, problem.lower, problem.upper].map((datum) => itemOf(datum, i));
    const item = { A, y, b, lower, upper };
    const [x, nu] = [point.x.subarray(i * n, (i + 1) * n), point.nu.subarray(i * p, (i + 1) * p)];
    const force = new Float64Array(n);
    addTransposedProduct(1, A, nu, force);
    const zeta = point.zeta?.subarray(i * n, (i + 1) * n) ?? x.map((value, j) => y[j] - value - force[j]);
    const own = [
      equations(item, x),
      bounds(item, x),
      stationarity(item, x, zeta, force),
      complement(item, x, nu, zeta),
    ];
    const [equation, bound, slope, product] = own.map(({ error }) => error);
    primal[i] = Math.max(equation, bound);
    [dual[i], gap[i]] = [slope, product];
    relative[i] = Math.max(...own.map(({ error, scale }) => (error === 0 ? 0 : error / scale)));
    for (let j = 0; j < n; j++) objective[i] += (x[j] - y[j]) ** 2 / 2;
  });
  const residuals: Residuals = { primal, dual, gap };
  return { residuals, objective, relative };
}

/** A residual with what it is measured by. */
interface Measured {
  readonly error: number;
  readonly scale: number;
}

function equations(item: BoxItem, x: Float64Array): Measured {
  const { A, y, b } = item;
  const left = b.map((value) => -value);
  const terms = b.map(Math.abs);
  for (let j = 0; j < x.length; j++) {
    for (let k = A.indptr[j]; k < A.indptr[j + 1]; k++) {
      const term = A.data[k] * x[j];
      left[A.indices[k]] += term;
      terms[A.indices[k]] += Math.abs(term);
    }
  }
  const size = maxAbs(A.data);
  const rounding = floor(size * maxAbs(y), Math.max(maxAbs(b), size * largestBound(item)));
  return { error: maxAbs(left), scale: Math.max(maxAbs(terms), rounding) };
}

function bounds(item: BoxItem, x: Float64Array): Measured {
  const { y, lower, upper } = item;
  let error = 0;
  for (let j = 0; j < x.length; j++) error = Math.max(error, lower[j] - x[j], x[j] - upper[j]);
  return { error, scale: Math.max(maxAbs(x), floor(maxAbs(y), largestBound(item))) };
}

function stationarity({ y }: BoxItem, x: Float64Array, zeta: Float64Array, force: Float64Array): Measured {
  let error = 0;
  for (let j = 0; j < x.length; j++) error = Math.max(error, Math.abs(x[j] - y[j] + force[j] + zeta[j]));
  return { error, scale: Math.max(maxAbs(y), maxAbs(force)) };
}

function complement({ y, b, lower, upper }: BoxItem, x: Float64Array, nu: Float64Array, zeta: Float64Array): Measured {
  let sum = dot(b, nu);
  let scale = b.reduce((total, value, r) => total + Math.abs(value * nu[r]), 0);
  for (let j = 0; j < x.length; j++) {
    const own = x[j] * (x[j] - y[j]);
    const bound = zeta[j] === 0 ? 0 : zeta[j] * (zeta[j] > 0 ? upper[j] : lower[j]);
    sum += own + bound;
    scale += Math.abs(own) + Math.abs(bound);
  }
  return { error: Math.abs(sum), scale: Math.max(scale, (share * maxAbs(y)) ** 2) };
}
