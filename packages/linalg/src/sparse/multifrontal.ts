import { activeKernels } from "../select.ts";
import type { View } from "../view.ts";
import type { LdlOptions } from "./ldl.ts";
import type { SparseMatrix } from "./matrix.ts";
import { type Transpose, transposeWithMap } from "./transpose.ts";

/** Where a factorization reads its pattern and writes L (below the diagonal, by columns) and D. */
export interface LdlStorage {
  readonly n: number;
  readonly order: Int32Array;
  /** Upper triangle of the permuted matrix. */
  readonly upper: SparseMatrix;
  readonly parent: Int32Array;
  readonly columns: Int32Array;
  readonly rows: Int32Array;
  readonly values: Float64Array;
  readonly D: Float64Array;
}

/** Columns that are eliminated together before the rest of a front is updated by one matrix product. */
const panelWidth = 48;
/** Columns of the rest that one product updates: what lies above the diagonal of such a block is computed in vain. */
const blockWidth = 256;
/** Multiplications under which a product is not worth a kernel's call. */
const smallProduct = 30_000;

/**
 * The multifrontal method (I. Duff and J. Reid, 1983; J. Liu, 1992): neighbouring columns of L with one pattern form a
 * supernode; its columns and rows are gathered in a dense front, eliminated with the dense kernels, and what is left, the
 * update of later columns, goes to the front of its parent. Worth its overhead where fronts are large.
 *
 * The columns must be in postorder.
 */
export class Multifrontal {
  private readonly storage: LdlStorage;
  /** The lower triangle by columns, as the transpose of the upper one. */
  private readonly lower: Transpose;
  /** First column of every supernode, and n. */
  private readonly first: Int32Array;
  private readonly children: readonly number[][];
  private readonly front: Float64Array;
  private readonly local: Int32Array;
  bumpedPivots = 0;

  constructor(storage: LdlStorage) {
    this.storage = storage;
    this.lower = transposeWithMap(storage.upper);
    this.first = supernodes(storage);
    this.children = childrenOf(storage, this.first);
    this.local = new Int32Array(storage.n);
    let largest = 0;
    for (let s = 0; s + 1 < this.first.length; s++) {
      this.writePattern(s);
      largest = Math.max(largest, this.sizeOf(s));
    }
    this.front = new Float64Array(largest * largest);
  }

  /** Columns of supernode s, and rows of its front. */
  private widthOf(s: number): number {
    return this.first[s + 1] - this.first[s];
  }

  private sizeOf(s: number): number {
    const { columns } = this.storage;
    return 1 + columns[this.first[s] + 1] - columns[this.first[s]];
  }

  /** The rows of L in the columns of supernode s: those of K's columns and of its children's updates. */
  private writePattern(s: number): void {
    const { columns, rows } = this.storage;
    const { matrix } = this.lower;
    const [from, to] = [this.first[s], this.first[s + 1]];
    const found = new Set<number>();
    for (let j = from; j < to; j++) {
      if (j > from) found.add(j);
      for (let k = matrix.indptr[j]; k < matrix.indptr[j + 1]; k++)
        if (matrix.indices[k] > from) found.add(matrix.indices[k]);
    }
    for (const child of this.children[s]) {
      const last = this.first[child + 1] - 1;
      for (let k = columns[last]; k < columns[last + 1]; k++) if (rows[k] > from) found.add(rows[k]);
    }
    const sorted = Int32Array.from(found).sort();
    for (let j = from; j < to; j++) rows.set(sorted.subarray(j - from), columns[j]);
  }

  /** Factors the values of `storage.upper`. Returns false where a pivot is zero or not finite. */
  factor(options: LdlOptions): boolean {
    this.bumpedPivots = 0;
    const { data } = this.storage.upper;
    for (let k = 0; k < data.length; k++) this.lower.matrix.data[k] = data[this.lower.source[k]];
    const updates: (Float64Array | null)[] = new Array(this.first.length).fill(null);
    for (let s = 0; s + 1 < this.first.length; s++) {
      this.assemble(s, updates, options);
      if (!this.eliminate(s, options)) return false;
      updates[s] = this.takeUpdate(s);
    }
    return true;
  }

  /** Gathers K's entries and the children's updates in the lower triangle of the front. */
  private assemble(s: number, updates: (Float64Array | null)[], { signs, regularization = 0 }: LdlOptions): void {
    const { front, local } = this;
    const { order, columns, rows } = this.storage;
    const { matrix } = this.lower;
    const [from, to, size] = [this.first[s], this.first[s + 1], this.sizeOf(s)];
    front.fill(0, 0, size * size);
    local[from] = 0;
    for (let k = columns[from]; k < columns[from + 1]; k++) local[rows[k]] = 1 + k - columns[from];
    for (let j = from; j < to; j++) {
      const c = j - from;
      front[c * size + c] = (signs === undefined ? 1 : signs[order[j]]) * regularization;
      for (let k = matrix.indptr[j]; k < matrix.indptr[j + 1]; k++) {
        front[local[matrix.indices[k]] * size + c] += matrix.data[k];
      }
    }
    for (const child of this.children[s]) {
      const update = updates[child];
      updates[child] = null;
      if (update !== null) this.addUpdate(child, update, size);
    }
  }

  private addUpdate(child: number, update: Float64Array, size: number): void {
    const { front, local } = this;
    const { columns, rows } = this.storage;
    const last = this.first[child + 1] - 1;
    const start = columns[last];
    const count = columns[last + 1] - start;
    for (let i = 0; i < count; i++) {
      const row = local[rows[start + i]] * size;
      const source = i * count;
      for (let j = 0; j <= i; j++) front[row + local[rows[start + j]]] += update[source + j];
    }
  }

  /** L and D of the supernode's columns, panel by panel; the rest of the front becomes its update. */
  private eliminate(s: number, options: LdlOptions): boolean {
    const [from, width, size] = [this.first[s], this.widthOf(s), this.sizeOf(s)];
    const scaled = new Float64Array(size * Math.min(panelWidth, width));
    for (let panel = 0; panel < width; panel += panelWidth) {
      const end = Math.min(panel + panelWidth, width);
      if (!this.eliminatePanel(from, panel, end, size, scaled, options)) return false;
      this.updateRest(panel, end, size, scaled);
      this.storePanel(from, panel, end, size, scaled);
    }
    return true;
  }

  /**
   * Columns panel..end: the front gets W = L D, `scaled` gets L, row by row from the panel's first row on, with
   * W_ik = F_ik - sum_q W_iq L_kq.
   */
  private eliminatePanel(
    from: number,
    panel: number,
    end: number,
    size: number,
    scaled: Float64Array,
    { signs, smallestPivot = 0, pivotBump = 0 }: LdlOptions,
  ): boolean {
    const { front } = this;
    const { D, order } = this.storage;
    const width = end - panel;
    for (let i = panel; i < size; i++) {
      const row = i * size + panel;
      const scaledRow = (i - panel) * width;
      const count = Math.min(i - panel, width);
      for (let k = 0; k < count; k++) {
        let value = front[row + k];
        const pivotRow = k * width;
        for (let q = 0; q < k; q++) value -= front[row + q] * scaled[pivotRow + q];
        front[row + k] = value;
        scaled[scaledRow + k] = value / D[from + panel + k];
      }
      if (i >= end) continue;
      let pivot = front[row + count];
      for (let q = 0; q < count; q++) pivot -= front[row + q] * scaled[scaledRow + q];
      const sign = signs === undefined ? 1 : signs[order[from + i]];
      if (!(sign * pivot > smallestPivot) && pivotBump > 0) {
        pivot = sign * pivotBump;
        this.bumpedPivots++;
      }
      if (pivot === 0 || !Number.isFinite(pivot)) return false;
      D[from + i] = pivot;
    }
    return true;
  }

  /** F <- F - W L' below and right of the panel, in the lower triangle. */
  private updateRest(panel: number, end: number, size: number, scaled: Float64Array): void {
    const { front } = this;
    const width = end - panel;
    const kernels = (size - end) ** 2 * width > smallProduct ? activeKernels() : null;
    for (let block = end; block < size; block += kernels === null ? size : blockWidth) {
      const rest = size - block;
      if (kernels === null) {
        this.updateSmall(panel, end, size, scaled);
        continue;
      }
      const columns = Math.min(blockWidth, rest);
      const W: View<Float64Array> = {
        data: front,
        shape: [rest, width],
        stride: [size, 1],
        offset: block * size + panel,
      };
      const L: View<Float64Array> = {
        data: scaled,
        shape: [width, columns],
        stride: [1, width],
        offset: (block - panel) * width,
      };
      const F: View<Float64Array> = {
        data: front,
        shape: [rest, columns],
        stride: [size, 1],
        offset: block * size + block,
      };
      kernels.gemm(-1, W, L, 1, F);
    }
  }

  private updateSmall(panel: number, end: number, size: number, scaled: Float64Array): void {
    const { front } = this;
    const width = end - panel;
    for (let i = end; i < size; i++) {
      const row = i * size;
      for (let j = end; j <= i; j++) {
        const scaledRow = (j - panel) * width;
        let sum = 0;
        for (let q = 0; q < width; q++) sum += front[row + panel + q] * scaled[scaledRow + q];
        front[row + j] -= sum;
      }
    }
  }

  private storePanel(from: number, panel: number, end: number, size: number, scaled: Float64Array): void {
    const { columns, values } = this.storage;
    const width = end - panel;
    for (let k = panel; k < end; k++) {
      const start = columns[from + k] - k - 1;
      for (let i = k + 1; i < size; i++) values[start + i] = scaled[(i - panel) * width + k - panel];
    }
  }

  /** The lower triangle of what is left of the front, for the parent; null at a root. */
  private takeUpdate(s: number): Float64Array | null {
    const [width, size] = [this.widthOf(s), this.sizeOf(s)];
    const count = size - width;
    if (count === 0) return null;
    const update = new Float64Array(count * count);
    for (let i = 0; i < count; i++) {
      const row = (width + i) * size + width;
      update.set(this.front.subarray(row, row + i + 1), i * count);
    }
    return update;
  }
}

/** Column j + 1 joins the supernode of j where it is j's parent and has the rest of j's pattern. */
function supernodes({ n, parent, columns }: LdlStorage): Int32Array {
  const first: number[] = [];
  for (let j = 0; j < n; j++) {
    const joins = j > 0 && parent[j - 1] === j && columns[j] - columns[j - 1] === columns[j + 1] - columns[j] + 1;
    if (!joins) first.push(j);
  }
  return Int32Array.from([...first, n]);
}

function childrenOf({ n, parent }: LdlStorage, first: Int32Array): number[][] {
  const owner = new Int32Array(n);
  const count = first.length - 1;
  for (let s = 0; s < count; s++) owner.fill(s, first[s], first[s + 1]);
  const children: number[][] = Array.from({ length: count }, () => []);
  for (let s = 0; s < count; s++) {
    const above = parent[first[s + 1] - 1];
    if (above >= 0) children[owner[above]].push(s);
  }
  return children;
}
