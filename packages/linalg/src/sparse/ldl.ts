import { analyzeLdl, type LdlAnalysis } from "./ldl-analysis.ts";
import { type SparseMatrix, SparseMatrixError } from "./matrix.ts";
import { type LdlStorage, Multifrontal } from "./multifrontal.ts";

/** How the pivots of a quasi-definite factorization are kept away from zero. */
export interface LdlOptions {
  /** The sign that each pivot must have, +1 or -1, by row of K; all +1 by default. */
  readonly signs?: Int8Array;
  /** delta: what is added to each diagonal entry, with the sign of its pivot; 0 by default. */
  readonly regularization?: number;
  /** A pivot that has the wrong sign or is smaller than `smallestPivot` is replaced by `pivotBump`, with its sign. */
  readonly smallestPivot?: number;
  readonly pivotBump?: number;
}

/** Row by row, or by dense fronts; "auto" takes the fronts where the factorization is long. */
export type LdlMethod = "auto" | "rows" | "multifrontal";

/** Multiplications and additions over which dense fronts pay. */
const multifrontalWork = 1e8;
/** They pay earlier where columns are long, as those of a dense matrix: mean entries of a column, weighted by their number. */
const [shorterWork, longColumns] = [1e6, 64];

/**
 * The sparse factorization P (K + delta S) P' = L D L' of a symmetric quasi-definite matrix K (its upper triangle with the
 * signs S of its pivots), which exists for every permutation P (R. Vanderbei, 1995). The order and the pattern of L are
 * found once; each `factor` then takes new values of the same pattern. The numeric part computes L row by row, each row
 * by a sparse triangular solve along the elimination tree (T. Davis, Algorithm 849, 2005), or, where much fill makes it long, by
 * dense fronts.
 */
export class SparseLdl {
  readonly n: number;
  /** Row `order[k]` of K is the k-th to be eliminated. */
  readonly order: Int32Array;
  /** Entries of L below its diagonal. */
  readonly fill: number;
  /** How many pivots the last `factor` replaced. */
  bumpedPivots = 0;

  /** What the pattern alone decides, for another factor of the same pattern. */
  readonly analysis: LdlAnalysis;

  private readonly upper: SparseMatrix;
  private readonly rows: Int32Array;
  private readonly values: Float64Array;
  private readonly D: Float64Array;
  private readonly work: Float64Array;
  private readonly next: Int32Array;
  private readonly visited: Int32Array;
  private readonly pattern: Int32Array;
  private readonly multifrontal: Multifrontal | null;

  /**
   * Analyses the pattern of K's upper triangle, in the given order of elimination or one of minimum degree, or takes over an
   * analysis of it. Throws a `SparseMatrixError` where K is not square or not upper.
   */
  constructor(pattern: SparseMatrix | LdlAnalysis, order?: Int32Array, method: LdlMethod = "auto") {
    const analysis = "target" in pattern ? pattern : analyzeLdl(pattern, order);
    const { n, indptr, indices } = analysis;
    this.analysis = analysis;
    this.n = n;
    this.order = analysis.order;
    this.fill = analysis.columns[n];
    this.upper = { shape: [n, n], indptr, indices, data: new Float64Array(indices.length) };
    this.rows = new Int32Array(this.fill);
    this.values = new Float64Array(this.fill);
    this.D = new Float64Array(n);
    this.work = new Float64Array(n);
    this.next = new Int32Array(n);
    this.visited = new Int32Array(n);
    this.pattern = new Int32Array(n);
    const byFronts = method === "auto" ? prefersFronts(analysis) : method === "multifrontal";
    this.multifrontal = byFronts ? new Multifrontal(this.storage()) : null;
  }

  private storage(): LdlStorage {
    const { n, order, upper, rows, values, D } = this;
    const { parent, columns } = this.analysis;
    return { n, order, upper, parent, columns, rows, values, D };
  }

  /**
   * Factors K with these values of its upper triangle, in the order of the pattern that was analysed. Returns false where a
   * pivot is not finite, or is zero and no bump was asked for: the factor is then of no use.
   */
  factor(data: Float64Array, options: LdlOptions = {}): boolean {
    const { target } = this.analysis;
    if (data.length !== target.length) {
      throw new SparseMatrixError(`data has ${data.length} entries, expected ${target.length} as the pattern has`);
    }
    const values = this.upper.data;
    for (let k = 0; k < data.length; k++) values[target[k]] = data[k];
    if (this.multifrontal === null) return this.factorRows(options);
    const done = this.multifrontal.factor(options);
    this.bumpedPivots = this.multifrontal.bumpedPivots;
    return done;
  }

  private factorRows({ signs, regularization = 0, smallestPivot = 0, pivotBump = 0 }: LdlOptions): boolean {
    const { n, rows, values, D, order, next, pattern } = this;
    const { parent, columns } = this.analysis;
    const { indptr, indices, data } = this.upper;
    const y = this.work.fill(0);
    const visited = this.visited.fill(-1);
    for (let j = 0; j < n; j++) next[j] = columns[j];
    this.bumpedPivots = 0;
    for (let k = 0; k < n; k++) {
      const sign = signs === undefined ? 1 : signs[order[k]];
      let pivot = sign * regularization;
      let top = n;
      visited[k] = k;
      for (let at = indptr[k], end = indptr[k + 1]; at < end; at++) {
        const row = indices[at];
        if (row === k) {
          pivot += data[at];
          continue;
        }
        y[row] += data[at];
        // the way up the tree, moved as a whole in front of the ways found before: columns come in topological order
        let length = 0;
        for (let i = row; visited[i] !== k; i = parent[i]) {
          pattern[length++] = i;
          visited[i] = k;
        }
        while (length > 0) pattern[--top] = pattern[--length];
      }
      for (; top < n; top++) {
        const j = pattern[top];
        const yj = y[j];
        y[j] = 0;
        const end = next[j];
        for (let at = columns[j]; at < end; at++) y[rows[at]] -= values[at] * yj;
        const entry = yj / D[j];
        pivot -= entry * yj;
        rows[end] = k;
        values[end] = entry;
        next[j] = end + 1;
      }
      if (!(sign * pivot > smallestPivot) && pivotBump > 0) {
        pivot = sign * pivotBump;
        this.bumpedPivots++;
      }
      if (pivot === 0 || !Number.isFinite(pivot)) return false;
      D[k] = pivot;
    }
    return true;
  }

  /** x <- (K + delta S)^-1 b, with the last factor; `x` may be `b`. */
  solve(b: Float64Array, x: Float64Array): void {
    const { n, order, rows, values, D, work: y } = this;
    const { columns } = this.analysis;
    for (let k = 0; k < n; k++) y[k] = b[order[k]];
    for (let j = 0; j < n; j++) {
      const yj = y[j];
      for (let at = columns[j], end = columns[j + 1]; at < end; at++) y[rows[at]] -= values[at] * yj;
    }
    for (let j = n - 1; j >= 0; j--) {
      let sum = y[j] / D[j];
      for (let at = columns[j], end = columns[j + 1]; at < end; at++) sum -= values[at] * y[rows[at]];
      y[j] = sum;
    }
    for (let k = 0; k < n; k++) x[order[k]] = y[k];
  }

  /** `solve` for `count` right-hand sides that lie one after another. */
  solveMany(B: Float64Array, X: Float64Array, count: number): void {
    const { n } = this;
    for (let r = 0; r < count; r++) this.solve(B.subarray(r * n, (r + 1) * n), X.subarray(r * n, (r + 1) * n));
  }

  /** How many pivots of the last factor are positive, and how many negative. */
  inertia(): { positive: number; negative: number } {
    let positive = 0;
    for (const pivot of this.D) if (pivot > 0) positive++;
    return { positive, negative: this.n - positive };
  }
}

function prefersFronts({ n, work, columns }: LdlAnalysis): boolean {
  return work > multifrontalWork || (work > shorterWork && work > longColumns * columns[n]);
}
