import { addTransposedProduct, type SparseMatrix } from "@solvegrad/linalg";
import { dot, maxAbs } from "../arrays.ts";
import { checkCount, checkFraction, checkTimeLimit } from "../check-options.ts";
import { leastNormSolution } from "../kkt/least-norm.ts";
import { type BoxProjection, equationsOf } from "../problem/box-projection.ts";
import { itemOf } from "../problem/quadratic-program.ts";
import {
  addColumnGram,
  boxCertificate,
  crossedBounds,
  type DualPoint,
  outermostBreakpoint,
} from "./box-projection-certificates.ts";
import { assessBoxProjection } from "./box-projection-residuals.ts";
import { interruption } from "./interruption.ts";
import { judge } from "./residuals.ts";
import { rowThreshold } from "./row-threshold.ts";
import type { Certificate, Solution, SolveOptions, Solver, Status } from "./solver.ts";

export interface SemismoothNewtonOptions {
  /** Bound on the relative residuals, recomputed from the returned point; 1e-9 by default. */
  readonly tolerance?: number;
  /** The share of the terms of an equation by which it may miss a feasible point as rounding. Default 1e-10. */
  readonly rounding?: number;
  /** Newton steps; 200 by default. One equation takes two, several 5 to 20. */
  readonly maxIterations?: number;
  /** Milliseconds after which the unfinished items get the status `time_limit`; none by default. */
  readonly timeLimit?: number;
}

/**
 * Box projections by a semismooth Newton method on the dual, whose p unknowns are few: with
 *
 *     x(nu) = clip(y - A'nu, lower, upper),   r(nu) = A x(nu) - b,
 *
 * r is the gradient of the concave, once differentiable dual function, and -A_F A_F' (F the free entries) an element of its
 * generalized Hessian, so a step solves (A_F A_F') d = r (by least norm where that is singular) and goes to nu + alpha d (Li, Sun and Toh, "On the efficient
 * computation of the projector over the Birkhoff polytope", 2020). The line search is exact, by `rowThreshold` on the row
 * A'd; with one equation the first step ends it, in expected O(n). A step costs O(nonzeros of A + p^3).
 *
 * Where a line has no end the constraints contradict each other, and its direction is the certificate. Statuses are
 * judged by residuals recomputed from the returned point. Throws an `OptionError` for an option outside its range.
 */
export function semismoothNewton(options: SemismoothNewtonOptions = {}): Solver<BoxProjection> {
  const settings = validated(options);
  return {
    name: "semismooth Newton",
    solve: (problem, solveOptions = {}) => solve(problem, settings, solveOptions),
  };
}

type Settings = Required<SemismoothNewtonOptions>;

function validated(options: SemismoothNewtonOptions): Settings {
  const { tolerance = 1e-9, rounding = 1e-10, maxIterations = 200, timeLimit = Infinity } = options;
  checkFraction("tolerance", tolerance);
  checkFraction("rounding", rounding);
  checkCount("maxIterations", maxIterations);
  checkTimeLimit(timeLimit);
  return { tolerance, rounding, maxIterations, timeLimit };
}

function solve(problem: BoxProjection, settings: Settings, options: SolveOptions): Solution {
  const begin = performance.now();
  const { n, p, batch } = problem;
  const interrupted = interruption(options, settings.timeLimit);
  const matrices = equationsOf(problem);
  const [x, nu, zeta] = [n, p, n].map((width) => new Float64Array(batch * width));
  const iterations = new Int32Array(batch);
  const endings: Ending[] = [];
  const candidates = new Int32Array(n + p);
  for (let i = 0; i < batch; i++) {
    const item: Item = {
      A: matrices[i],
      y: itemOf(problem.y, i),
      b: itemOf(problem.b, i),
      lower: itemOf(problem.lower, i),
      upper: itemOf(problem.upper, i),
    };
    const start = options.warmStart?.nu.slice(i * p, (i + 1) * p) ?? new Float64Array(p);
    const report = (iteration: number, primal: number) =>
      options.onIteration?.({ iteration, primal, dual: 0, unfinished: batch - i });
    const { newton, ending, steps } = solveItem(item, start, { ...settings, candidates, interrupted, report });
    x.set(newton.x, i * n);
    nu.set(newton.multipliers(), i * p);
    // what is left of y - A'nu beyond a bound
    for (let j = 0; j < n; j++) zeta[i * n + j] = newton.step[j] - newton.x[j];
    iterations[i] = steps;
    endings.push(ending);
  }
  const { residuals, objective, relative } = assessBoxProjection(problem, matrices, { x, nu, zeta });
  const limit = Math.max(settings.tolerance, settings.rounding);
  const status = endings.map(
    (ending, i): Status => (typeof ending === "object" ? ending.kind : judge(relative[i], limit, ending)),
  );
  return {
    solver: "semismooth Newton",
    ...{ x, nu, zeta, lambda: new Float64Array(0), s: new Float64Array(0) },
    ...{ objective, status, residuals, iterations },
    milliseconds: performance.now() - begin,
    certificates: endings.map((ending) => (typeof ending === "object" ? ending : null)),
  };
}

interface Item extends DualPoint {
  readonly y: Float64Array;
}

/** How the iteration of one item ended: with a proof that it has no solution, or with this status if its residuals are too large. */
type Ending = Certificate | "numerical_error" | "max_iterations" | "time_limit";

/** A sum below this share of its terms counts as 0. */
const cancellation = 1e-11;

interface Run extends Settings {
  /** Working memory of as many entries as an item has variables, and its equations. */
  readonly candidates: Int32Array;
  readonly interrupted: () => boolean;
  readonly report: (iteration: number, primal: number) => void;
}

/** How far the softened equations may give way, in the scale of A. */
const softenings = [1e-2, 1e-5];

/**
 * The iteration for one item. Where it does not come to an end, the equations are softened to Ax + eps s = b with 1/2 |s|^2
 * added to the objective, which has a solution whatever b is: for small eps, s shows the way to the least |Ax - b|, which is a
 * certificate where it is not 0, and otherwise its multipliers are a better start.
 */
function solveItem(item: Item, start: Float64Array, run: Run): { newton: DualNewton; ending: Ending; steps: number } {
  let newton = new DualNewton(item, start, run);
  let { ending, steps } = newton.run();
  for (const softening of softenings) {
    if (ending !== "max_iterations") break;
    const soft = new DualNewton(softened(item, softening * maxAbs(item.A.data)), new Float64Array(start.length), run);
    steps += soft.run().steps;
    const proof = boxCertificate(item, soft.multipliers(), run.rounding);
    if (proof) return { newton, ending: proof, steps };
    newton = new DualNewton(item, soft.multipliers(), run);
    const again = newton.run();
    ending = again.ending;
    steps += again.steps;
  }
  return { newton, ending, steps };
}

function softened({ A, y, b, lower, upper }: Item, eps: number): Item {
  const p = b.length;
  const [n, entries] = [y.length, A.indices.length];
  const extended = (values: Float64Array, value: number) =>
    Float64Array.from({ length: n + p }, (_, j) => values[j] ?? value);
  return {
    A: {
      shape: [p, n + p],
      indptr: Int32Array.from({ length: n + p + 1 }, (_, j) => (j <= n ? A.indptr[j] : entries + j - n)),
      indices: Int32Array.from({ length: entries + p }, (_, k) => (k < entries ? A.indices[k] : k - entries)),
      data: Float64Array.from({ length: entries + p }, (_, k) => (k < entries ? A.data[k] : eps)),
    },
    y: extended(y, 0),
    b,
    lower: extended(lower, -Infinity),
    upper: extended(upper, Infinity),
  };
}

/** The Newton iteration. The point is clip(v - A'delta), where v = y - A'base holds most of the multipliers. */
class DualNewton {
  readonly x: Float64Array;
  /** v - A'delta. */
  readonly step: Float64Array;
  private readonly item: Item;
  private readonly settings: Run;
  private readonly base: Float64Array;
  private readonly delta: Float64Array;
  private readonly v: Float64Array;
  private readonly r: Float64Array;
  /** The largest |r_i| over the sum of the absolute terms of its equation. */
  private relative = 0;
  /** What of that the sums of n terms lose as a rule. */
  private readonly rounding: number;

  constructor(item: Item, start: Float64Array, run: Run) {
    this.item = item;
    this.settings = run;
    this.base = start;
    this.delta = new Float64Array(start.length);
    this.v = item.y.slice();
    this.x = new Float64Array(item.y.length);
    this.step = new Float64Array(item.y.length);
    this.r = new Float64Array(start.length);
    this.rounding = Number.EPSILON * Math.sqrt(this.x.length);
    addTransposedProduct(-1, item.A, start, this.v);
  }

  multipliers(): Float64Array {
    return this.base.map((value, i) => value + this.delta[i]);
  }

  /**
   * Newton steps until the equations hold to rounding. Then v takes up the multipliers, and the steps from there, which are
   * small, give x the digits that y - A'nu loses where nu is large.
   */
  run(): { ending: Ending; steps: number } {
    const crossed = crossedBounds(this.item);
    if (crossed) return { ending: crossed, steps: 0 };
    this.evaluate();
    let steps = 0;
    let finishing = false;
    for (let before = Infinity; steps < this.settings.maxIterations; steps++) {
      const stands = this.relative <= this.rounding || (this.relative < 1e-11 && this.relative > before / 2);
      if (stands && (finishing || this.isUnmoved())) return { ending: "numerical_error", steps };
      if (stands) {
        this.rebase();
        finishing = true;
        before = Infinity;
        if (this.relative <= this.rounding) return { ending: "numerical_error", steps };
      } else before = this.relative;
      if (this.settings.interrupted()) return { ending: "time_limit", steps };
      const proof = this.advance(steps);
      if (proof) return { ending: proof, steps: steps + 1 };
      this.settings.report(steps + 1, maxAbs(this.r));
    }
    return { ending: "max_iterations", steps };
  }

  private isUnmoved(): boolean {
    return this.delta.every((value) => value === 0);
  }

  private rebase(): void {
    addTransposedProduct(-1, this.item.A, this.delta, this.v);
    for (let i = 0; i < this.delta.length; i++) this.base[i] += this.delta[i];
    this.delta.fill(0);
    this.evaluate();
  }

  /** One step; the certificate where there is no end to it. */
  private advance(steps: number): Certificate | null {
    const { item, r, step, settings } = this;
    const d = this.direction();
    const line = { a: rowOf(item.A, d), v: step, lower: item.lower, upper: item.upper, beta: dot(d, item.b) };
    let { alpha } = rowThreshold(line, settings.candidates);
    if (!Number.isFinite(alpha)) {
      const ray = d.map((value) => value * Math.sign(alpha));
      const proof = boxCertificate(item, ray, settings.rounding);
      if (proof) return proof;
      alpha = outermostBreakpoint(line, alpha > 0);
    }
    for (let i = 0; i < d.length; i++) this.delta[i] += alpha * d[i];
    this.evaluate();
    return steps > 0 && d.length > 1 ? boxCertificate(item, r, settings.rounding) : null;
  }

  /** x and r at the present multipliers. */
  private evaluate(): void {
    const { item, x, step, r } = this;
    const { lower, upper, b, A } = item;
    const terms = b.map(Math.abs);
    step.set(this.v);
    addTransposedProduct(-1, A, this.delta, step);
    for (let i = 0; i < b.length; i++) r[i] = -b[i];
    for (let j = 0; j < x.length; j++) {
      x[j] = Math.min(Math.max(step[j], lower[j]), upper[j]);
      for (let k = A.indptr[j]; k < A.indptr[j + 1]; k++) {
        const term = A.data[k] * x[j];
        r[A.indices[k]] += term;
        terms[A.indices[k]] += Math.abs(term);
      }
    }
    this.relative = 0;
    for (let i = 0; i < r.length; i++) {
      if (r[i] !== 0) this.relative = Math.max(this.relative, Math.abs(r[i]) / terms[i]);
    }
  }

  /**
   * The Newton direction d = S^+ r for S = A_F A_F', or where the larger part e of r is outside the range of S, which no
   * change of the free entries can mend, d = e: along it entries leave their bounds, or the equations have no solution.
   */
  private direction(): Float64Array {
    const { item, r, step } = this;
    const p = r.length;
    const S = freeGram(item.A, step, item.lower, item.upper);
    if (p === 1) return S[0] > 0 ? r.map((value) => value / S[0]) : r.slice();
    const { x: d } = leastNormSolution(S, p, r);
    const outside = r.slice();
    for (let i = 0; i < p; i++) for (let k = 0; k < p; k++) outside[i] -= S[i * p + k] * d[k];
    return 2 * dot(outside, outside) > dot(r, r) ? outside : d;
  }
}

/** A'd, with zeros where the terms of an entry cancel but for their rounding. */
function rowOf({ indptr, indices, data, shape }: SparseMatrix, d: Float64Array): Float64Array {
  const a = new Float64Array(shape[1]);
  for (let j = 0; j < a.length; j++) {
    let sum = 0;
    let scale = 0;
    for (let k = indptr[j]; k < indptr[j + 1]; k++) {
      const term = data[k] * d[indices[k]];
      sum += term;
      scale += Math.abs(term);
    }
    if (Math.abs(sum) > cancellation * scale) a[j] = sum;
  }
  return a;
}

/** A_F A_F' (p x p) over the entries strictly between their bounds. */
function freeGram(A: SparseMatrix, step: Float64Array, lower: Float64Array, upper: Float64Array): Float64Array {
  const [p] = A.shape;
  const S = new Float64Array(p * p);
  for (let j = 0; j < step.length; j++) {
    if (step[j] > lower[j] && step[j] < upper[j]) addColumnGram(A, j, S);
  }
  return S;
}
