import { adjacency } from "./adjacency.ts";
import { DegreeBuckets } from "./degree-buckets.ts";
import type { SparseMatrix } from "./matrix.ts";

const none = -1;

/**
 * The graph of what is left to eliminate. A variable i knows its elements E_i (eliminated pivots, each standing for the
 * clique L_e of its neighbours) and its remaining direct neighbours A_i. A variable can stand for several
 * indistinguishable ones; `weight` counts them and is 0 for the ones merged away or eliminated.
 */
export class QuotientGraph {
  /** Rows, counted with their weights, that are neither eliminated nor put last. */
  remaining: number;
  private readonly n: number;
  /** E_i, then A_i, from `start[i]` on; the list of a variable never grows beyond its first length. */
  private readonly lists: Int32Array;
  private readonly start: Int32Array;
  private readonly elementCount: Int32Array;
  private readonly variableCount: Int32Array;
  private readonly weight: Int32Array;
  private readonly degree: Int32Array;
  /** L_e of a live element, null of any other. */
  private readonly members: (Int32Array | null)[];
  private readonly memberWeight: Int32Array;
  private readonly buckets: DegreeBuckets;
  private readonly pivots: number[] = [];
  private readonly late: number[] = [];
  /** The variable, or pivot, that a merged or mass-eliminated variable follows in the order. */
  private readonly follows: Int32Array;
  private readonly mark: Int32Array;
  private stamp = 0;
  private readonly outside: Int32Array;
  private readonly outsideStamp: Int32Array;
  private readonly scratch: Int32Array;
  private readonly hashHead: Int32Array;
  private readonly hashNext: Int32Array;
  private readonly hash: Int32Array;

  constructor(upper: SparseMatrix) {
    const n = upper.shape[1];
    const integers = () => new Int32Array(n);
    this.n = n;
    const { start, lists } = adjacency(upper);
    this.start = start;
    this.lists = lists;
    this.elementCount = integers();
    this.variableCount = integers();
    this.weight = integers().fill(1);
    this.degree = integers();
    this.members = new Array(n).fill(null);
    this.memberWeight = integers();
    this.buckets = new DegreeBuckets(n);
    this.follows = integers().fill(none);
    this.mark = integers();
    this.outside = integers();
    this.outsideStamp = integers();
    this.scratch = integers();
    this.hashHead = integers().fill(none);
    this.hashNext = integers();
    this.hash = integers();
    this.remaining = n;
    this.fillBuckets();
  }

  private fillBuckets(): void {
    const dense = Math.max(16, 10 * Math.sqrt(this.n));
    for (let i = 0; i < this.n; i++) {
      const neighbours = this.start[i + 1] - this.start[i];
      this.variableCount[i] = neighbours;
      this.degree[i] = neighbours;
      if (neighbours > dense) this.putLast(i);
      else this.buckets.insert(i, neighbours);
    }
  }

  private putLast(i: number): void {
    this.weight[i] = 0;
    this.late.push(i);
    this.remaining--;
  }

  nextPivot(): number {
    return this.buckets.takeSmallest();
  }

  /** Turns variable p into an element and updates its neighbours. */
  eliminate(p: number): void {
    const weightOfPivot = this.weight[p];
    const inL = this.gather(p);
    let size = 0;
    for (const i of inL) {
      size += this.weight[i];
      this.buckets.remove(i, this.degree[i]);
    }
    this.remaining -= weightOfPivot;
    this.weight[p] = 0;
    this.pivots.push(p);
    this.countOutside(inL);
    const massEliminated = this.updateLists(p, inL);
    size -= massEliminated;
    this.remaining -= massEliminated;
    this.mergeIndistinguishable(inL);
    this.becomeElement(p, inL, size);
  }

  /** L_p: the live neighbours of p through A_p and through its elements, which p absorbs. Stamps them in `mark`. */
  private gather(p: number): Int32Array {
    const tag = ++this.stamp;
    this.mark[p] = tag;
    let count = 0;
    const first = this.start[p];
    const elements = this.elementCount[p];
    for (let k = first; k < first + elements; k++) {
      const e = this.lists[k];
      const clique = this.members[e];
      if (clique === null) continue;
      for (const i of clique) count = this.take(i, tag, count);
      this.members[e] = null;
    }
    const end = first + elements + this.variableCount[p];
    for (let k = first + elements; k < end; k++) count = this.take(this.lists[k], tag, count);
    return this.scratch.slice(0, count);
  }

  private take(i: number, tag: number, count: number): number {
    if (this.weight[i] === 0 || this.mark[i] === tag) return count;
    this.mark[i] = tag;
    this.scratch[count] = i;
    return count + 1;
  }

  /** `outside[e]` <- the weight of L_e without L_p, for every element e next to L_p. */
  private countOutside(inL: Int32Array): void {
    const tag = this.stamp;
    for (const i of inL) {
      for (let k = this.start[i], end = k + this.elementCount[i]; k < end; k++) {
        const e = this.lists[k];
        if (this.outsideStamp[e] !== tag) {
          this.outsideStamp[e] = tag;
          this.outside[e] = this.memberWeight[e];
        }
        this.outside[e] -= this.weight[i];
      }
    }
  }

  /**
   * Drops from every list what p has made redundant, bounds the degrees, hashes the lists for the search of equal ones, and
   * eliminates with p the variables that only p is next to. Returns their weight.
   */
  private updateLists(p: number, inL: Int32Array): number {
    let massEliminated = 0;
    for (const i of inL) {
      const outsideWeight = this.compress(i, p);
      if (outsideWeight === 0 && this.elementCount[i] === 1) {
        massEliminated += this.weight[i];
        this.weight[i] = 0;
        this.follows[i] = p;
      } else {
        this.degree[i] = Math.min(this.degree[i], outsideWeight);
      }
    }
    return massEliminated;
  }

  /** E_i <- (live elements that reach outside L_p) + p, A_i <- A_i without L_p. Returns the sum of what they reach outside L_p. */
  private compress(i: number, p: number): number {
    const { lists, scratch, stamp } = this;
    const first = this.start[i];
    const elementsEnd = first + this.elementCount[i];
    const end = elementsEnd + this.variableCount[i];
    let kept = 0;
    let reach = 0;
    let hash = p;
    for (let k = first; k < elementsEnd; k++) {
      const e = lists[k];
      if (this.members[e] === null) continue;
      if (this.outside[e] === 0) {
        // all of L_e lies in L_p: p stands for e too (aggressive absorption)
        this.members[e] = null;
        continue;
      }
      reach += this.outside[e];
      hash += e;
      scratch[kept++] = e;
    }
    scratch[kept++] = p;
    this.elementCount[i] = kept;
    for (let k = elementsEnd; k < end; k++) {
      const j = lists[k];
      if (this.weight[j] === 0 || this.mark[j] === stamp) continue;
      reach += this.weight[j];
      hash += j;
      scratch[kept++] = j;
    }
    this.variableCount[i] = kept - this.elementCount[i];
    for (let k = 0; k < kept; k++) lists[first + k] = scratch[k];
    this.hash[i] = hash % this.n;
    return reach;
  }

  /** Merges variables of L_p whose lists are equal: they stay equal, so one elimination serves them all. */
  private mergeIndistinguishable(inL: Int32Array): void {
    for (const i of inL) {
      if (this.weight[i] === 0) continue;
      this.hashNext[i] = this.hashHead[this.hash[i]];
      this.hashHead[this.hash[i]] = i;
    }
    for (const i of inL) {
      const head = this.hashHead[this.hash[i]];
      this.hashHead[this.hash[i]] = none;
      for (let a = head; a !== none; a = this.hashNext[a]) {
        if (this.weight[a] > 0 && this.hashNext[a] !== none) this.mergeEqualTo(a);
      }
    }
  }

  private mergeEqualTo(i: number): void {
    const tag = ++this.stamp;
    const length = this.elementCount[i] + this.variableCount[i];
    for (let k = this.start[i]; k < this.start[i] + length; k++) this.mark[this.lists[k]] = tag;
    for (let j = this.hashNext[i]; j !== none; j = this.hashNext[j]) {
      if (this.weight[j] === 0 || !this.sameLists(i, j, tag)) continue;
      this.weight[i] += this.weight[j];
      this.weight[j] = 0;
      this.follows[j] = i;
    }
  }

  private sameLists(i: number, j: number, tag: number): boolean {
    if (this.elementCount[i] !== this.elementCount[j] || this.variableCount[i] !== this.variableCount[j]) return false;
    const length = this.elementCount[j] + this.variableCount[j];
    for (let k = this.start[j]; k < this.start[j] + length; k++) {
      if (this.mark[this.lists[k]] !== tag) return false;
    }
    return true;
  }

  /** L_p without the merged ones, and the degree bound of each member: what it reaches outside, plus the others of L_p. */
  private becomeElement(p: number, inL: Int32Array, size: number): void {
    const live = inL.filter((i) => this.weight[i] > 0);
    for (const i of live) {
      const others = size - this.weight[i];
      this.degree[i] = Math.max(0, Math.min(this.degree[i] + others, this.remaining - this.weight[i]));
      this.buckets.insert(i, this.degree[i]);
    }
    this.members[p] = live.length > 0 ? live : null;
    this.memberWeight[p] = size;
  }

  /** The pivots, each followed by the variables merged into it, then the dense rows. */
  order(): Int32Array {
    const { n, follows } = this;
    const firstFollower = new Int32Array(n).fill(none);
    const nextFollower = new Int32Array(n).fill(none);
    for (let i = n - 1; i >= 0; i--) {
      if (follows[i] === none) continue;
      nextFollower[i] = firstFollower[follows[i]];
      firstFollower[follows[i]] = i;
    }
    const result = new Int32Array(n);
    let count = 0;
    for (const root of [...this.pivots, ...this.late]) {
      const stack = [root];
      for (let i = stack.pop(); i !== undefined; i = stack.pop()) {
        result[count++] = i;
        for (let j = firstFollower[i]; j !== none; j = nextFollower[j]) stack.push(j);
      }
    }
    return result;
  }
}
