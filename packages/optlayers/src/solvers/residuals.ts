import { allItems, applyDatum, applyTransposedDatum, offsetOf } from "../problem/products.ts";
import type { QuadraticProgram } from "../problem/quadratic-program.ts";
import type { Residuals, Status } from "./solver.ts";

/** A primal-dual point of every item: x is batch x n, nu batch x p, lambda batch x m, row by row. */
export interface PrimalDualPoint {
  readonly x: Float64Array;
  readonly nu: Float64Array;
  readonly lambda: Float64Array;
}

/** The KKT residuals of a point with the sizes that they are judged by, all recomputed from the data. */
export interface Assessment {
  readonly residuals: Residuals;
  /** 1/2 x'Qx + q'x of every item. */
  readonly objective: Float64Array;
  /** h - Gx of every item (batch x m), not clipped. */
  readonly slack: Float64Array;
  /**
   * Every item's largest relative residual: primal / (1 + max |Ax|, |b|, |Gx|, |h|), dual / (1 + max |Qx|, |q|, |A'nu|, |G'lambda|),
   * gap / (1 + |x'Qx| + |q'x| + |b'nu| + |h'lambda|), whichever is largest. NaN where the point is not finite.
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
export function assess(problem: QuadraticProgram, point: PrimalDualPoint): Assessment {
  const { n, p, m, batch } = problem;
  const items = allItems(batch);
  const Qx = new Float64Array(batch * n);
  const Ax = new Float64Array(batch * p);
  const Gx = new Float64Array(batch * m);
  const Anu = new Float64Array(batch * n);
  const Glambda = new Float64Array(batch * n);
  applyDatum(1, problem.Q, point.x, 0, Qx, items);
  applyDatum(1, problem.A, point.x, 0, Ax, items);
  applyDatum(1, problem.G, point.x, 0, Gx, items);
  if (p > 0) applyTransposedDatum(1, problem.A, point.nu, 0, Anu, items);
  if (m > 0) applyTransposedDatum(1, problem.G, point.lambda, 0, Glambda, items);

  const residuals = { primal: new Float64Array(batch), dual: new Float64Array(batch), gap: new Float64Array(batch) };
  const objective = new Float64Array(batch);
  const slack = new Float64Array(batch * m);
  const relative = new Float64Array(batch);
  const { q, b, h } = problem;
  for (let i = 0; i < batch; i++) {
    let dual = 0;
    let dualScale = 0;
    let xQx = 0;
    let qx = 0;
    for (let j = 0, k = i * n, at = offsetOf(q, i); j < n; j++, k++) {
      const qj = q.values[at + j];
      dual = Math.max(dual, Math.abs(Qx[k] + qj + Anu[k] + Glambda[k]));
      dualScale = Math.max(dualScale, Math.abs(Qx[k]), Math.abs(qj), Math.abs(Anu[k]), Math.abs(Glambda[k]));
      xQx += point.x[k] * Qx[k];
      qx += point.x[k] * qj;
    }
    let primal = 0;
    let primalScale = 0;
    let bnu = 0;
    for (let j = 0, k = i * p, at = offsetOf(b, i); j < p; j++, k++) {
      const bj = b.values[at + j];
      primal = Math.max(primal, Math.abs(Ax[k] - bj));
      primalScale = Math.max(primalScale, Math.abs(Ax[k]), Math.abs(bj));
      bnu += point.nu[k] * bj;
    }
    let hlambda = 0;
    for (let j = 0, k = i * m, at = offsetOf(h, i); j < m; j++, k++) {
      const hj = h.values[at + j];
      slack[k] = hj - Gx[k];
      primal = Math.max(primal, -slack[k]);
      primalScale = Math.max(primalScale, Math.abs(Gx[k]), Math.abs(hj));
      dual = Math.max(dual, -point.lambda[k]);
      hlambda += point.lambda[k] * hj;
    }
    const gap = Math.abs(xQx + qx + bnu + hlambda);
    residuals.primal[i] = primal;
    residuals.dual[i] = dual;
    residuals.gap[i] = gap;
    objective[i] = xQx / 2 + qx;
    relative[i] = Math.max(
      primal / (1 + primalScale),
      dual / (1 + dualScale),
      gap / (1 + Math.abs(xQx) + Math.abs(qx) + Math.abs(bnu) + Math.abs(hlambda)),
    );
  }
  return { residuals, objective, slack, relative };
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
