import { addTransposedProduct, type SparseMatrix } from "@solvegrad/linalg";
import { dot, maxAbs } from "../../arrays.ts";
import { rowGram } from "../../kkt/row-gram.ts";
import type { Certificate } from "../solver.ts";
import { boxCertificate, crossedBounds, type DualPoint, outermostBreakpoint } from "./certificates.ts";
import { rowThreshold } from "./row-threshold.ts";

export interface DualItem extends DualPoint {
  readonly y: Float64Array;
}

/** How the iteration of one item ended: with a proof that it has no solution, or with this status if its residuals are too large. */
export type Ending = Certificate | "numerical_error" | "max_iterations" | "time_limit";

/** A sum below this share of its terms counts as 0. */
const cancellation = 1e-11;

export interface Run {
  /** The share of its terms by which a certificate has to be negative. */
  readonly rounding: number;
  readonly maxIterations: number;
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
export function solveItem(
  item: DualItem,
  start: Float64Array,
  run: Run,
): { newton: DualNewton; ending: Ending; steps: number } {
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

function softened({ A, y, b, lower, upper }: DualItem, eps: number): DualItem {
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
  private readonly item: DualItem;
  private readonly settings: Run;
  private readonly base: Float64Array;
  private readonly delta: Float64Array;
  private readonly v: Float64Array;
  private readonly r: Float64Array;
  /** The largest |r_i| over the sum of the absolute terms of its equation. */
  private relative = 0;
  /** What of that the sums of n terms lose as a rule. */
  private readonly rounding: number;

  constructor(item: DualItem, start: Float64Array, run: Run) {
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
    const { lower, upper, A } = item;
    const { S, solve } = rowGram(A, (j) => step[j] > lower[j] && step[j] < upper[j]);
    const d = solve(r);
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
