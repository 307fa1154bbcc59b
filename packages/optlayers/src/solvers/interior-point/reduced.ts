import { maxAbs } from "../../arrays.ts";
import { kktVector } from "../../kkt/kkt-method.ts";
import { MultiplierKkt } from "../../kkt/multiplier-kkt.ts";
import { solveRefined } from "../../kkt/refine.ts";
import type { SchurKkt } from "../../kkt/schur-kkt.ts";
import { allItems, applyDatum, applyTransposedDatum } from "../../problem/products.ts";
import type { Datum, QuadraticProgram } from "../../problem/quadratic-program.ts";
import { type IterationResult, iterate } from "./iteration.ts";
import { coldStart, fillRows } from "./start.ts";
import type { IterationSettings } from "./stopping.ts";

/** What does not converge in so many iterations is taken up in all variables. */
const mostIterations = 30;
const refinement = { steps: 3, tolerance: 1e-10 };

/**
 * The interior-point iteration on the multipliers of the inequalities alone, for Q positive definite. For a given
 * lambda, x and nu follow from one linear system, so with S of `SchurKkt` and x0, the minimizer under the equalities,
 *
 *     s = h - Gx = t + S lambda,   t = h - G x0,   lambda, s >= 0,   lambda's = 0:
 *
 * the optimality conditions of minimize 1/2 lambda'S lambda + t'lambda subject to lambda >= 0, a QP of m variables whose
 * multiplier is s. An iteration then costs one m x m factorization an item and nothing in x. The problem is brought to
 * size 1 by lambda = tau E y and s = tau E^-1 z, where e_i = (G Q^-1 G')_ii^-1/2 and tau = max e_i |t_i|.
 */
export function iterateOnMultipliers(
  problem: QuadraticProgram,
  schur: SchurKkt,
  settings: IterationSettings,
): IterationResult {
  const { batch, m } = problem;
  const { onIteration } = settings;
  const free = minimizerFor(problem, schur, new Float64Array(batch * m));
  const t = slackAt(problem, free.x);
  const e = new Float64Array(batch * m);
  for (let i = 0; i < batch; i++) e.set(schur.rowSizes(i), i * m);
  for (let k = 0; k < e.length; k++) e[k] = 1 / Math.sqrt(e[k]);
  const tau = t.map((value, k) => value * e[k]);
  for (let i = 0; i < batch; i++) tau.fill(maxAbs(tau.subarray(i * m, (i + 1) * m)) || 1, i * m, (i + 1) * m);
  const dual = dualProblem(problem, schur.complement, t, e, tau);
  const method = new MultiplierKkt(schur, e);
  const start = coldStart(dual, method);
  const { point, outcome, iterations } = iterate(dual, method, start, {
    ...settings,
    maxIterations: Math.min(settings.maxIterations, mostIterations),
    // r_x of the dual problem is Gx + s - h
    onIteration: onIteration && ((at) => onIteration({ ...at, primal: at.dual, dual: at.primal })),
  });
  const lambda = point.x.map((value, k) => Math.max(0, value * tau[k] * e[k]));
  const s = point.lambda.map((value, k) => (value * tau[k]) / e[k]);
  return { point: { ...minimizerFor(problem, schur, lambda), lambda, s }, outcome, iterations };
}

/** h - Gx of every item. */
function slackAt(problem: QuadraticProgram, x: Float64Array): Float64Array {
  const items = allItems(problem.batch);
  const t = new Float64Array(problem.batch * problem.m);
  fillRows(problem.h, 1, t, items);
  applyDatum(-1, problem.G, x, 1, t, items);
  return t;
}

/** x and nu that minimize 1/2 x'Qx + (q + G'lambda)'x subject to Ax = b. */
function minimizerFor(problem: QuadraticProgram, schur: SchurKkt, lambda: Float64Array) {
  const items = allItems(problem.batch);
  const D = new Float64Array(lambda.length).fill(Number.POSITIVE_INFINITY);
  const rhs = kktVector(problem, problem.batch);
  fillRows(problem.q, -1, rhs.x, items);
  fillRows(problem.b, 1, rhs.nu, items);
  applyTransposedDatum(-1, problem.G, lambda, 1, rhs.x, items);
  schur.factor(items, D);
  const { x, nu } = solveRefined(problem, schur, items, D, rhs, refinement).z;
  return { x, nu };
}

/** minimize 1/2 y'ESEy + (Et / tau)'y subject to -y <= 0. */
function dualProblem(
  { batch, m }: QuadraticProgram,
  S: Datum,
  t: Float64Array,
  e: Float64Array,
  tau: Float64Array,
): QuadraticProgram {
  const none = { values: new Float64Array(0), batched: false };
  const minusIdentity = new Float64Array(m * m);
  for (let i = 0; i < m; i++) minusIdentity[i * (m + 1)] = -1;
  const scaledS = new Float64Array(S.values.length);
  for (let row = 0, k = 0; k < scaledS.length; row++) {
    const first = row - (row % m);
    for (let j = 0; j < m; j++, k++) scaledS[k] = e[row] * S.values[k] * e[first + j];
  }
  return {
    kind: "qp",
    n: m,
    p: 0,
    m,
    batch,
    batched: true,
    Q: { ...S, values: scaledS },
    q: { values: t.map((value, k) => (value * e[k]) / tau[k]), shape: [m], batched: true },
    A: { ...none, shape: [0, m] },
    b: { ...none, shape: [0] },
    G: { values: minusIdentity, shape: [m, m], batched: false },
    h: { values: new Float64Array(m), shape: [m], batched: false },
  };
}
