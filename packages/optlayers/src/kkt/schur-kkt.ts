import { activeKernels, transposed, type View, view } from "@solvegrad/linalg";
import { diagonalRatio } from "../arrays.ts";
import { matrixView } from "../problem/products.ts";
import type { Datum, QuadraticProgram } from "../problem/quadratic-program.ts";
import type { KktMethod, KktVector } from "./kkt-method.ts";

/** Diagonal entries of Q's Cholesky factor below this share of the largest one: not safely positive definite. */
const smallestPivotRatio = 1e-4;
/** What the Schur complements' diagonals grow by, row by row, so that redundant rows do no harm. */
const regularization = 1e-10;

/**
 * The KKT system reduced to the multipliers, as in OptNet (Amos and Kolter 2017, section 3.1). With Q = L L' and
 * V = L^-1 [A' G'],
 *
 *     T = Va'Va = A Q^-1 A' = Lt Lt',   N = Lt^-1 Va'Vg,   S = Vg'Vg - N'N,
 *
 * none of which depends on D, a step factors only the m x m matrix S + D of each item. Shared Q, A, G have one L, V, T,
 * N, S for the whole batch, and the right-hand sides of all items go through them together.
 */
export class SchurKkt implements KktMethod {
  readonly name = "schur";
  private readonly n: number;
  private readonly p: number;
  private readonly m: number;
  /** Whether L, and whether V, Lt, N, S have one item for all. */
  private readonly oneL: boolean;
  private readonly oneV: boolean;
  private readonly L: Float64Array;
  private readonly V: Float64Array;
  private readonly Lt: Float64Array;
  private readonly N: Float64Array;
  private readonly S: Float64Array;
  /** The diagonal of Vg'Vg, m numbers a factor item: what the regularization of S is relative to. */
  private readonly scale: Float64Array;
  /** The smallest pivot of Lt relative to T's diagonal, of each factor item. */
  private readonly independenceOfA: Float64Array;
  /** Slots whose factor needed a stronger regularization, which hides small pivots. */
  private strengthened: Uint8Array = new Uint8Array(0);
  private items: Int32Array = new Int32Array(0);
  private D: Float64Array = new Float64Array(0);
  private K: Float64Array = new Float64Array(0);

  /** Null when some item's Q is not safely positive definite. */
  static of(problem: QuadraticProgram): SchurKkt | null {
    const L = problem.Q.values.slice();
    const { n } = problem;
    const failures = activeKernels().potrfBatched(view(L, [L.length / (n * n), n, n]));
    for (let f = 0; f < failures.length; f++) {
      if (failures[f] !== 0 || diagonalRatio(L, n, f * n * n) < smallestPivotRatio) return null;
    }
    return new SchurKkt(problem, L);
  }

  private constructor(problem: QuadraticProgram, L: Float64Array) {
    const { n, p, m, Q, A, G } = problem;
    this.n = n;
    this.p = p;
    this.m = m;
    this.L = L;
    this.oneL = !Q.batched;
    this.oneV = !Q.batched && !A.batched && !G.batched;
    const factors = this.oneV ? 1 : problem.batch;
    this.V = this.reducedRows(problem, factors);
    this.Lt = new Float64Array(factors * p * p);
    this.N = new Float64Array(factors * p * m);
    this.S = new Float64Array(factors * m * m);
    this.scale = new Float64Array(factors * m);
    this.independenceOfA = new Float64Array(factors).fill(1);
    this.reduce(factors);
  }

  get bytes(): number {
    const { L, V, Lt, N, S, K } = this;
    return 8 * (L.length + V.length + Lt.length + N.length + S.length + K.length);
  }

  /** S = G M G', M the inverse of Q on the null space of A: one matrix for all items, or one an item. */
  get complement(): Datum {
    return { values: this.S, shape: [this.m, this.m], batched: !this.oneV };
  }

  /** The diagonal of G Q^-1 G' of an item, 1 where a row is zero: how large the rows of S are before the equalities. */
  rowSizes(item: number): Float64Array {
    const { m } = this;
    return this.oneV ? this.scale : this.scale.subarray(item * m, (item + 1) * m);
  }

  /** V = L^-1 [A' G'], an n x (p + m) matrix for each factor item. */
  private reducedRows({ A, G }: QuadraticProgram, factors: number): Float64Array {
    const { n, p, m } = this;
    const r = p + m;
    const V = new Float64Array(factors * n * r);
    for (let f = 0; f < factors; f++) {
      copyTransposed(matrixView(A, f), V, f * n * r, r);
      copyTransposed(matrixView(G, f), V, f * n * r + p, r);
    }
    if (r > 0) activeKernels().trsmBatched("lower", 1, this.factorsOfQ(factors), view(V, [factors, n, r]));
    return V;
  }

  private reduce(factors: number): void {
    const { n, p, m, V } = this;
    const r = p + m;
    if (r === 0) return;
    const kernels = activeKernels();
    const W = new Float64Array(factors * r * r);
    kernels.syrkBatched(1, transposed(view(V, [factors, n, r])), 0, view(W, [factors, r, r]));
    for (let f = 0; f < factors; f++) {
      const block = (row: number, column: number) => f * r * r + row * r + column;
      copyBlock(W, block(0, 0), r, this.Lt, f * p * p, p, p);
      copyBlock(W, block(0, p), r, this.N, f * p * m, p, m);
      copyBlock(W, block(p, p), r, this.S, f * m * m, m, m);
      for (let i = 0; i < p; i++) this.Lt[f * p * p + i * (p + 1)] += regularization * (W[block(i, i)] || 1);
      for (let i = 0; i < m; i++) this.scale[f * m + i] = W[block(p + i, p + i)] || 1;
    }
    if (p === 0) return;
    const T = this.Lt.slice();
    const Lt = view(this.Lt, [factors, p, p]);
    kernels.potrfBatched(Lt);
    for (let k = 0; k < factors * p; k++) {
      const diagonal = k * p + (k % p);
      const f = Math.floor(k / p);
      this.independenceOfA[f] = Math.min(this.independenceOfA[f], this.Lt[diagonal] ** 2 / T[diagonal]);
    }
    if (m === 0) return;
    const N = view(this.N, [factors, p, m]);
    kernels.trsmBatched("lower", 1, Lt, N);
    kernels.gemmBatched(-1, transposed(N), N, 1, view(this.S, [factors, m, m]));
  }

  private factorsOfQ(factors: number): View<Float64Array> {
    const { n } = this;
    return { data: this.L, shape: [factors, n, n], stride: [this.oneL ? 0 : n * n, n, 1], offset: 0 };
  }

  factor(items: Int32Array, D: Float64Array): Uint8Array {
    const { m } = this;
    this.items = items;
    this.D = D;
    const failed = new Uint8Array(items.length);
    this.strengthened = new Uint8Array(items.length);
    if (m === 0) return failed;
    if (this.K.length < items.length * m * m) this.K = new Float64Array(items.length * m * m);
    for (let k = 0; k < items.length; k++) this.assemble(k, regularization);
    const failures = activeKernels().potrfBatched(view(this.K, [items.length, m, m]));
    for (let k = 0; k < items.length; k++) if (failures[k] !== 0) failed[k] = this.retry(k);
    return failed;
  }

  /** K_k <- S + D + delta I, with the rows that D takes out replaced by those of the identity. */
  private assemble(k: number, delta: number): void {
    const { m, S, K, D } = this;
    const f = this.oneV ? 0 : this.items[k];
    const to = k * m * m;
    K.set(S.subarray(f * m * m, (f + 1) * m * m), to);
    for (let i = 0; i < m; i++) {
      const d = D[k * m + i];
      if (d !== Infinity) {
        K[to + i * (m + 1)] += d + delta * this.scale[f * m + i];
        continue;
      }
      for (let j = 0; j < m; j++) {
        K[to + i * m + j] = 0;
        K[to + j * m + i] = 0;
      }
      K[to + i * (m + 1)] = 1;
    }
  }

  /** A stronger regularization where rounding made S + D indefinite; 1 when nothing helps (the data are not finite). */
  private retry(k: number): 0 | 1 {
    const { m } = this;
    this.strengthened[k] = 1;
    for (const delta of [1e-8, 1e-6, 1e-4]) {
      this.assemble(k, delta);
      if (activeKernels().potrf(view(this.K, [m, m], k * m * m)) === 0) return 0;
    }
    return 1;
  }

  independence(slot: number): number {
    const { m, K, D, scale } = this;
    if (this.strengthened[slot]) return 0;
    const f = this.oneV ? 0 : this.items[slot];
    let smallest = this.independenceOfA[f];
    for (let i = 0; i < m; i++) {
      if (D[slot * m + i] !== 0) continue;
      smallest = Math.min(smallest, K[slot * m * m + i * (m + 1)] ** 2 / scale[f * m + i]);
    }
    return smallest;
  }

  solve(rhs: KktVector): void {
    const { n, p, m } = this;
    const slots = this.items.length;
    const r = p + m;
    const kernels = activeKernels();
    const t = rhs.x;
    this.eachL(slots, (L, first, count) => kernels.trsm("lower", 1, L, columns(t, n, first, count)));
    if (r > 0) {
      const multipliers = new Float64Array(slots * r);
      this.eachV(slots, (f, first, count) => {
        kernels.gemm(
          1,
          rowsOf(t, n, first, count),
          this.matrix(this.V, f, n, r),
          0,
          rowsOf(multipliers, r, first, count),
        );
      });
      this.multipliers(rhs, multipliers, slots);
      this.eachV(slots, (f, first, count) => {
        const V = transposed(this.matrix(this.V, f, n, r));
        kernels.gemm(-1, rowsOf(multipliers, r, first, count), V, 1, rowsOf(t, n, first, count));
      });
    }
    this.eachL(slots, (L, first, count) => kernels.trsm("upper", 1, transposed(L), columns(t, n, first, count)));
  }

  /**
   * From a = V't and the right-hand sides r2, r3 to (nu, lambda):
   *
   *     y = Lt^-1 (a_A - r2),  lambda = (S + D)^-1 (a_G - N'y - r3),  nu = Lt^-T (y - N lambda),
   *
   * written to `rhs.nu`, `rhs.lambda` and side by side over a.
   */
  private multipliers(rhs: KktVector, a: Float64Array, slots: number): void {
    const { p, m } = this;
    const r = p + m;
    const kernels = activeKernels();
    const y = rhs.nu;
    const lambda = rhs.lambda;
    for (let k = 0; k < slots; k++) {
      for (let i = 0; i < p; i++) y[k * p + i] = a[k * r + i] - y[k * p + i];
      for (let i = 0; i < m; i++) lambda[k * m + i] = a[k * r + p + i] - lambda[k * m + i];
    }
    if (p > 0) {
      this.eachV(slots, (f, first, count) => {
        kernels.trsm("lower", 1, this.matrix(this.Lt, f, p, p), columns(y, p, first, count));
        if (m > 0)
          kernels.gemm(
            -1,
            rowsOf(y, p, first, count),
            this.matrix(this.N, f, p, m),
            1,
            rowsOf(lambda, m, first, count),
          );
      });
    }
    if (m > 0) this.solveSchur(lambda);
    if (p > 0) {
      this.eachV(slots, (f, first, count) => {
        const N = transposed(this.matrix(this.N, f, p, m));
        if (m > 0) kernels.gemm(-1, rowsOf(lambda, m, first, count), N, 1, rowsOf(y, p, first, count));
        kernels.trsm("upper", 1, transposed(this.matrix(this.Lt, f, p, p)), columns(y, p, first, count));
      });
    }
    for (let k = 0; k < slots; k++) {
      for (let i = 0; i < p; i++) a[k * r + i] = y[k * p + i];
      for (let i = 0; i < m; i++) a[k * r + p + i] = lambda[k * m + i];
    }
  }

  /** lambda <- (S + D)^-1 lambda for the slots last factored; zero in the rows that D takes out. */
  solveSchur(lambda: Float64Array): void {
    const { m, D } = this;
    const slots = this.items.length;
    for (let i = 0; i < slots * m; i++) if (D[i] === Infinity) lambda[i] = 0;
    activeKernels().potrsBatched(view(this.K, [slots, m, m]), view(lambda, [slots, m, 1]));
  }

  /** Calls `use` for each run of slots that go through the same L: all of them at once when Q is shared. */
  private eachL(slots: number, use: (L: View<Float64Array>, first: number, count: number) => void): void {
    if (this.oneL) use(this.matrix(this.L, 0, this.n, this.n), 0, slots);
    else for (let k = 0; k < slots; k++) use(this.matrix(this.L, this.items[k], this.n, this.n), k, 1);
  }

  private eachV(slots: number, use: (f: number, first: number, count: number) => void): void {
    if (this.oneV) use(0, 0, slots);
    else for (let k = 0; k < slots; k++) use(this.items[k], k, 1);
  }

  private matrix(values: Float64Array, f: number, rows: number, width: number): View<Float64Array> {
    return view(values, [rows, width], f * rows * width);
  }
}

/** Slots first .. first + count of a (slots x width) array. */
function rowsOf(values: Float64Array, width: number, first: number, count: number): View<Float64Array> {
  return view(values, [count, width], first * width);
}

/** The same with one slot a column. */
function columns(values: Float64Array, width: number, first: number, count: number): View<Float64Array> {
  return transposed(rowsOf(values, width, first, count));
}

function copyBlock(
  from: Float64Array,
  start: number,
  rowLength: number,
  to: Float64Array,
  at: number,
  rows: number,
  width: number,
): void {
  for (let i = 0; i < rows; i++) {
    to.set(from.subarray(start + i * rowLength, start + i * rowLength + width), at + i * width);
  }
}

function copyTransposed(from: View<Float64Array>, to: Float64Array, at: number, rowLength: number): void {
  const [rows, width] = from.shape;
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < width; j++) to[at + j * rowLength + i] = from.data[from.offset + i * width + j];
  }
}
