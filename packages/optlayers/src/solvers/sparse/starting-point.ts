import type { SparsePoint } from "../../problem/sparse-quadratic-program.ts";
import { rigid } from "./kkt-system.ts";
import type { Newton } from "./newton.ts";

/** Regularization of the least-squares problem. */
const delta = 1e-10;
/** Slacks and multipliers below it would start on the boundary. */
const smallest = 1e-8;

/**
 * A point from the least-squares problem in which every slack costs 1/2 s^2 (Vandenberghe, "The CVXOPT linear and
 * quadratic cone program solvers", 2010), moved inside: multipliers `firstMultiplier` times as far as slacks.
 */
export function startFromLeastSquares(newton: Newton, firstMultiplier: number): void {
  const { boxes, program } = newton;
  const { n } = program;
  const diagonal = new Float64Array(boxes.count);
  const rhs = new Float64Array(boxes.count);
  for (let k = 0; k < boxes.count; k++) {
    const held = boxes.held[k] === 1;
    const sides = (boxes.isBelow(k) ? 1 : 0) + (boxes.isAbove(k) ? 1 : 0);
    const sum = (boxes.isBelow(k) ? boxes.low[k] : 0) + (boxes.isAbove(k) ? boxes.high[k] : 0);
    if (k < n) {
      diagonal[k] = held ? rigid : sides;
      rhs[k] = held ? rigid * boxes.low[k] : sum - program.q[k];
    } else {
      diagonal[k] = held ? 0 : sides === 0 ? rigid : 1 / sides;
      rhs[k] = held ? boxes.low[k] : sides === 0 ? 0 : sum / sides;
    }
  }
  if (!newton.system.update(diagonal, delta)) return;
  const solution = new Float64Array(boxes.count);
  newton.system.solve(rhs, solution);
  for (let j = 0; j < n; j++) newton.x[j] = boxes.held[j] === 1 ? boxes.low[j] : solution[j];
  for (let k = n; k < boxes.count; k++) if (boxes.held[k] === 1) newton.y[k] = solution[k];
  newton.evaluate();
  moveInside(newton, firstMultiplier);
  newton.evaluate();
}

/** The least product of a slack and its multiplier at a start from an earlier solution, in scaled variables. */
const warmProduct = 1e-4;

/**
 * A point inside of an earlier solution, in the problem's own variables: slacks and multipliers as they are where their product
 * is large enough; else the larger one stays, at least at the root of the product, and the other one grows.
 */
export function startInsideOf(newton: Newton, { x, nu, lambda, zeta }: SparsePoint): void {
  const { program, boxes } = newton;
  const { n, D, E, cost, original } = program;
  const { p } = original;
  for (let j = 0; j < n; j++) newton.x[j] = boxes.held[j] === 1 ? boxes.low[j] : x[j] / D[j];
  for (let j = 0; j < n; j++) newton.y[j] = zeta[j] * cost * D[j];
  for (let i = 0; i < program.rows; i++) newton.y[n + i] = ((i < p ? nu[i] : lambda[i - p]) * cost) / E[i];
  const multipliers = newton.y.slice();
  newton.evaluate();
  const root = Math.sqrt(warmProduct);
  forEachBound(newton, (k, slack, s, z) => {
    const multiplier = s === boxes.su ? multipliers[k] : -multipliers[k];
    s[k] = Math.max(slack, multiplier > slack ? warmProduct / Math.max(multiplier, root) : root);
    z[k] = Math.max(multiplier, warmProduct / s[k]);
  });
  newton.evaluate();
}

function moveInside(newton: Newton, firstMultiplier: number): void {
  let outside = 0;
  let inside = 0;
  forEachBound(newton, (_, slack) => {
    outside = Math.max(outside, -slack);
    inside = Math.max(inside, slack);
  });
  forEachBound(newton, (k, slack, s, z) => {
    s[k] = slack + (outside > 0 ? 1 + outside : 0);
    z[k] = -slack + (inside > 0 ? firstMultiplier * (1 + inside) : 0);
    if (!(s[k] > smallest)) s[k] = 1;
    if (!(z[k] > smallest)) z[k] = 1;
  });
}

/** Every finite bound, with the distance that t keeps from it, and where its slack and multiplier are. */
function forEachBound(
  { boxes, t }: Newton,
  visit: (k: number, slack: number, s: Float64Array, z: Float64Array) => void,
): void {
  const { low, high, sl, su, zl, zu } = boxes;
  for (let k = 0; k < boxes.count; k++) {
    if (boxes.isBelow(k)) visit(k, t[k] - low[k], sl, zl);
    if (boxes.isAbove(k)) visit(k, high[k] - t[k], su, zu);
  }
}
