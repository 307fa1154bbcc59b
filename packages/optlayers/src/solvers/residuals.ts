import { allItems, applyDatum, applyTransposedDatum, offsetOf } from "../problem/products.ts";
import type { LinearConstraints, QuadraticProgram } from "../problem/quadratic-program.ts";
import { type ResidualUnits, residualUnits } from "./residual-units.ts";
import type { Residuals, Solution, Status } from "./solver.ts";

/** A primal-dual point of every item: x is batch x n, nu batch x p, lambda batch x m, row by row. */
export interface PrimalDualPoint {
  readonly x: Float64Array;
  readonly nu: Float64Array;
  readonly lambda: Float64Array;
}

/** The KKT residuals of a point with the sizes that they are judged by, all recomputed from the data. */
export interface Assessment {
  readonly residuals: Residuals;
  /** The objective's value of every item. */
  readonly objective: Float64Array;
  /** h - Gx of every item (batch x m), not clipped. */
  readonly slack: Float64Array;
  /**
   * Every item's largest relative residual: primal / (1 + max |Ax|, |b|, |Gx|), dual / (1 + max |Qx|, |q|, |A'nu|, |G'lambda|),
   * gap / (1 + |x'Qx| + |q'x| + |b'nu| + |h'lambda|), whichever is largest. The 1 is less where the data are small
   * (`residualUnits`). h is left out of the first: a bound that stands for infinity must not excuse the other rows. NaN
   * where the point is not finite.
   */
  readonly relative: Float64Array;
}

/**
 * Measures how well a point satisfies the KKT conditions, from the data and the point alone (infinity norms):
 *
 *     primal  max(|Ax - b|, max(Gx - h, 0))
 *     dual    max(|Qx + q + A'nu + G'lambda|, max(-lambda, 0))
 *     gap     |x'Qx + q'x + b'nu + h'lambda|
 */
export function assess(
  problem: QuadraticProgram,
  point: PrimalDualPoint,
  units: ResidualUnits = residualUnits(problem),
): Assessment {
  return assessWith(problem, point, quadraticTerms(problem, point), units);
}

/** What the KKT conditions need of a convex objective f at a point, for every item. */
export interface ObjectiveTerms {
  /** The gradient of f (batch x n). */
  readonly gradient: Float64Array;
  /** The largest absolute term that an entry of the gradient is the sum of. */
  readonly scale: Float64Array;
  /** x'gradient, and the sum of the absolute terms that it is the sum of. */
  readonly product: Float64Array;
  readonly productScale: Float64Array;
  readonly value: Float64Array;
}

/** The same for any convex objective, whose gradient takes the place of Qx + q. Without units, they are 1. */
export function assessWith(
  problem: LinearConstraints,
  point: PrimalDualPoint,
  objective: ObjectiveTerms,
  units?: ResidualUnits,
): Assessment {
  const { batch, m } = problem;
  const terms = constraintTerms(problem, point);
  const residuals = { primal: new Float64Array(batch), dual: new Float64Array(batch), gap: new Float64Array(batch) };
  const slack = new Float64Array(batch * m);
  const relative = new Float64Array(batch);
  for (let i = 0; i < batch; i++) {
    const dual = stationarity(problem, objective, terms, i);
    const equality = equalities(problem, point, terms, i);
    const inequality = inequalities(problem, point, terms, slack, i);
    residuals.primal[i] = Math.max(equality.error, inequality.error);
    residuals.dual[i] = Math.max(dual.error, inequality.negativity);
    residuals.gap[i] = Math.abs(objective.product[i] + equality.product + inequality.product);
    const gapScale = objective.productScale[i] + Math.abs(equality.product) + Math.abs(inequality.product);
    relative[i] = Math.max(
      residuals.primal[i] / ((units?.primal[i] ?? 1) + Math.max(equality.scale, inequality.scale)),
      residuals.dual[i] / ((units?.dual[i] ?? 1) + dual.scale),
      residuals.gap[i] / ((units?.gap[i] ?? 1) + gapScale),
    );
  }
  assessed.set(residuals, { problem, x: point.x, nu: point.nu, lambda: point.lambda });
  return { residuals, objective: objective.value, slack, relative };
}

/** Of which problem and arrays residuals were computed here. */
const assessed = new WeakMap<Residuals, PrimalDualPoint & { readonly problem: object }>();

/** Whether the residuals of this solution are those that were computed here for its very arrays. */
export function isAssessed(problem: object, { residuals, x, nu, lambda }: Solution): boolean {
  const of = residuals && assessed.get(residuals);
  return of !== undefined && of.problem === problem && of.x === x && of.nu === nu && of.lambda === lambda;
}

/** The products with the constraints that the KKT conditions are made of, for all items. */
interface ConstraintTerms {
  readonly Ax: Float64Array;
  readonly Gx: Float64Array;
  readonly Anu: Float64Array;
  readonly Glambda: Float64Array;
}

function constraintTerms(problem: LinearConstraints, point: PrimalDualPoint): ConstraintTerms {
  const { n, p, m, batch } = problem;
  const items = allItems(batch);
  const [Ax, Gx, Anu, Glambda] = [p, m, n, n].map((width) => new Float64Array(batch * width));
  applyDatum(1, problem.A, point.x, 0, Ax, items);
  applyDatum(1, problem.G, point.x, 0, Gx, items);
  if (p > 0) applyTransposedDatum(1, problem.A, point.nu, 0, Anu, items);
  if (m > 0) applyTransposedDatum(1, problem.G, point.lambda, 0, Glambda, items);
  return { Ax, Gx, Anu, Glambda };
}

/** Qx + q, x'Qx + q'x and 1/2 x'Qx + q'x. */
function quadraticTerms(problem: QuadraticProgram, { x }: PrimalDualPoint): ObjectiveTerms {
  const { n, batch, q } = problem;
  const gradient = new Float64Array(batch * n);
  applyDatum(1, problem.Q, x, 0, gradient, allItems(batch));
  const [scale, product, productScale, value] = Array.from({ length: 4 }, () => new Float64Array(batch));
  for (let i = 0; i < batch; i++) {
    let xQx = 0;
    let qx = 0;
    for (let j = 0, k = i * n, at = offsetOf(q, i); j < n; j++, k++) {
      const qj = q.values[at + j];
      scale[i] = Math.max(scale[i], Math.abs(gradient[k]), Math.abs(qj));
      xQx += x[k] * gradient[k];
      qx += x[k] * qj;
      gradient[k] += qj;
    }
    product[i] = xQx + qx;
    productScale[i] = Math.abs(xQx) + Math.abs(qx);
    value[i] = xQx / 2 + qx;
  }
  return { gradient, scale, product, productScale, value };
}

/** gradient + A'nu + G'lambda of item i: its largest entry and term. */
function stationarity({ n }: LinearConstraints, objective: ObjectiveTerms, terms: ConstraintTerms, i: number) {
  const { Anu, Glambda } = terms;
  const result = { error: 0, scale: objective.scale[i] };
  for (let k = i * n; k < (i + 1) * n; k++) {
    result.error = Math.max(result.error, Math.abs(objective.gradient[k] + Anu[k] + Glambda[k]));
    result.scale = Math.max(result.scale, Math.abs(Anu[k]), Math.abs(Glambda[k]));
  }
  return result;
}

/** Ax - b of item i: its largest entry and term, with b'nu. */
function equalities({ p, b }: LinearConstraints, { nu }: PrimalDualPoint, { Ax }: ConstraintTerms, i: number) {
  const result = { error: 0, scale: 0, product: 0 };
  for (let j = 0, k = i * p, at = offsetOf(b, i); j < p; j++, k++) {
    const bj = b.values[at + j];
    result.error = Math.max(result.error, Math.abs(Ax[k] - bj));
    result.scale = Math.max(result.scale, Math.abs(Ax[k]), Math.abs(bj));
    result.product += nu[k] * bj;
  }
  return result;
}

/** h - Gx of item i, written to `slack`: its largest violation and term, with h'lambda and how negative lambda is. */
function inequalities(
  { m, h }: LinearConstraints,
  { lambda }: PrimalDualPoint,
  { Gx }: ConstraintTerms,
  slack: Float64Array,
  i: number,
) {
  const result = { error: 0, scale: 0, product: 0, negativity: 0 };
  for (let j = 0, k = i * m, at = offsetOf(h, i); j < m; j++, k++) {
    const hj = h.values[at + j];
    slack[k] = hj - Gx[k];
    result.error = Math.max(result.error, -slack[k]);
    result.scale = Math.max(result.scale, Math.abs(Gx[k]));
    result.negativity = Math.max(result.negativity, -lambda[k]);
    result.product += lambda[k] * hj;
  }
  return result;
}

/** Above the tolerance by no more than this factor, and below 1e-4, a point still counts as `solved_inaccurate`. */
const inaccuracyFactor = 1e3;
const inaccuracyLimit = 1e-4;

/**
 * The honest status of an item: `solved` only where the recomputed relative residual meets the tolerance,
 * `solved_inaccurate` where it comes near, otherwise what the iteration said of itself.
 */
export function judge(
  relative: number,
  tolerance: number,
  otherwise: Exclude<Status, "solved" | "solved_inaccurate">,
): Status {
  if (relative <= tolerance) return "solved";
  if (relative <= Math.min(inaccuracyFactor * tolerance, inaccuracyLimit)) return "solved_inaccurate";
  return otherwise;
}
