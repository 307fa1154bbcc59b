const none = -1;

/** Variables by degree, in doubly linked lists. */
export class DegreeBuckets {
  private readonly head: Int32Array;
  private readonly next: Int32Array;
  private readonly previous: Int32Array;
  private smallest = 0;

  constructor(n: number) {
    this.head = new Int32Array(n + 1).fill(none);
    this.next = new Int32Array(n).fill(none);
    this.previous = new Int32Array(n).fill(none);
  }

  insert(i: number, degree: number): void {
    const first = this.head[degree];
    this.next[i] = first;
    this.previous[i] = none;
    if (first !== none) this.previous[first] = i;
    this.head[degree] = i;
    if (degree < this.smallest) this.smallest = degree;
  }

  remove(i: number, degree: number): void {
    const before = this.previous[i];
    const after = this.next[i];
    if (before === none) this.head[degree] = after;
    else this.next[before] = after;
    if (after !== none) this.previous[after] = before;
  }

  takeSmallest(): number {
    while (this.head[this.smallest] === none) this.smallest++;
    const i = this.head[this.smallest];
    this.remove(i, this.smallest);
    return i;
  }
}
