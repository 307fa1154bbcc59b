import { maxAbs } from "../../arrays.ts";
import { offsetOf } from "../../problem/products.ts";
import { itemOf, type LinearConstraints, measured, type QuadraticProgram } from "../../problem/quadratic-program.ts";

/** A bound this many times the size of the rest of its item stands for infinity, and is first taken at `reach` times that size. */
const remote = 1e6;
const reach = 1e4;

/**
 * The problem with bounds that stand for infinity (h_i = 1e9 and the like) brought closer, or the problem itself where
 * there are none. From the starting point that such bounds give, fifteen orders of magnitude away, the iteration would
 * arrive with few correct digits. A solution that the closer bounds do not touch is the solution with the remote ones;
 * where they do, the residuals against the given problem say so.
 */
export function withinReach(problem: QuadraticProgram): QuadraticProgram {
  return boundsWithinReach(problem, sizesOf(problem));
}

/** The same for any problem with linear constraints, whose items have these sizes without their upper bounds. */
export function boundsWithinReach<P extends LinearConstraints>(problem: P, sizeOf: (item: number) => number): P {
  const { batch, m, h } = problem;
  const limits = Float64Array.from({ length: batch }, (_, i) => sizeOf(i));
  const isRemote = (i: number) => itemOf(h, i).some((value) => value > remote * limits[i]);
  if (!limits.some((_, i) => isRemote(i))) return problem;
  const values = new Float64Array(batch * m);
  for (let i = 0; i < batch; i++) {
    const at = offsetOf(h, i);
    const limit = isRemote(i) ? reach * limits[i] : Infinity;
    for (let j = 0; j < m; j++) values[i * m + j] = Math.min(h.values[at + j], limit);
  }
  return { ...problem, h: { values, shape: h.shape, batched: true } };
}

/** The slacks (batch x m) of a problem with bounds brought within reach, in the problem with all of them where they are; in place. */
export function slacksBeyond(near: LinearConstraints, problem: LinearConstraints, s: Float64Array): void {
  const { batch, m } = problem;
  if (near === problem) return;
  for (let i = 0; i < batch; i++) {
    const [close, far] = [itemOf(near.h, i), itemOf(problem.h, i)];
    for (let j = 0; j < m; j++) s[i * m + j] += far[j] - close[j];
  }
}

/** The size of an item without its upper bounds: 1, |b|, what the inequalities demand, or the size of an x without constraints. */
export function sizesOf({ Q, q, b, h }: Pick<QuadraticProgram, "Q" | "q" | "b" | "h">): (i: number) => number {
  const [curvature, slope, right] = [Q, q, b].map((datum) => measured(datum, maxAbs));
  const demand = measured(h, (values) => values.reduce((most, value) => Math.max(most, -value), 0));
  return (i) => Math.max(1, right(i), demand(i), curvature(i) > 0 ? slope(i) / curvature(i) : 0);
}
