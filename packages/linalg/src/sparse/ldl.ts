import { eliminationTree, postorder } from "./elimination-tree.ts";
import { type SparseMatrix, SparseMatrixError } from "./matrix.ts";
import { minimumDegreeOrder } from "./minimum-degree.ts";
import { type LdlStorage, Multifrontal } from "./multifrontal.ts";
import { permuteSymmetric } from "./permute.ts";

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

  private readonly entries: number;
  private readonly target: Int32Array;
  private readonly upper: SparseMatrix;
  private readonly parent: Int32Array;
  private readonly columns: Int32Array;
  private readonly rows: Int32Array;
  private readonly values: Float64Array;
  private readonly D: Float64Array;
  private readonly work: Float64Array;
  private readonly multifrontal: Multifrontal | null;

  /** Analyses the pattern of K's upper triangle. Throws a `SparseMatrixError` where it is not square or not upper. */
  constructor(
    upper: SparseMatrix,
    order: Int32Array = minimumDegreeOrder(checkedUpper(upper)),
    method: LdlMethod = "auto",
  ) {
    checkedUpper(upper);
    this.n = upper.shape[1];
    this.entries = upper.indices.length;
    const { parent } = eliminationTree(permuteSymmetric(upper, order).upper);
    this.order = postorder(parent).map((k) => order[k]);
    const permuted = permuteSymmetric(upper, this.order);
    this.upper = permuted.upper;
    this.target = permuted.target;
    const tree = eliminationTree(this.upper);
    this.parent = tree.parent;
    this.columns = new Int32Array(this.n + 1);
    for (let j = 0; j < this.n; j++) this.columns[j + 1] = this.columns[j] + tree.columnCounts[j];
    this.fill = this.columns[this.n];
    this.rows = new Int32Array(this.fill);
    this.values = new Float64Array(this.fill);
    this.D = new Float64Array(this.n);
    this.work = new Float64Array(this.n);
    const work = tree.columnCounts.reduce((sum, count) => sum + count * count, 0);
    const byFronts = method === "auto" ? work > multifrontalWork : method === "multifrontal";
    this.multifrontal = byFronts ? new Multifrontal(this.storage()) : null;
  }

  private storage(): LdlStorage {
    const { n, order, upper, parent, columns, rows, values, D } = this;
    return { n, order, upper, parent, columns, rows, values, D };
  }

  /**
   * Factors K with these values of its upper triangle, in the order of the pattern that was analysed. Returns false where a
   * pivot is not finite, or is zero and no bump was asked for: the factor is then of no use.
   */
  factor(data: Float64Array, options: LdlOptions = {}): boolean {
    if (data.length !== this.entries) {
      throw new SparseMatrixError(`data has ${data.length} entries, expected ${this.entries} as the pattern has`);
    }
    const values = this.upper.data;
    for (let k = 0; k < data.length; k++) values[this.target[k]] = data[k];
    if (this.multifrontal === null) return this.factorRows(options);
    const done = this.multifrontal.factor(options);
    this.bumpedPivots = this.multifrontal.bumpedPivots;
    return done;
  }

  private factorRows({ signs, regularization = 0, smallestPivot = 0, pivotBump = 0 }: LdlOptions): boolean {
    const { n, upper, parent, columns, rows, values, D, order } = this;
    const { indptr, indices, data } = upper;
    const y = this.work.fill(0);
    const next = columns.slice(0, n);
    const visited = new Int32Array(n).fill(-1);
    const pattern = new Int32Array(n);
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
    const { n, order, columns, rows, values, D, work: y } = this;
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

function checkedUpper(K: SparseMatrix): SparseMatrix {
  const [rows, columns] = K.shape;
  if (rows !== columns) throw new SparseMatrixError(`K is ${rows} x ${columns}, expected a square matrix`);
  for (let j = 0; j < columns; j++) {
    const last = K.indptr[j + 1] - 1;
    if (last >= K.indptr[j] && K.indices[last] > j) {
      throw new SparseMatrixError(`K has an entry (${K.indices[last]}, ${j}), expected its upper triangle only`);
    }
  }
  return K;
}
