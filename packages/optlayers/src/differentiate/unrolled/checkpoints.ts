/**
 * Stored states of an iteration of unknown length k: every `spacing`-th of them, where the spacing doubles, and every second
 * state goes, as soon as there are more states than it. So neither the states nor the longest segment between two of them
 * are ever more than 2 sqrt(k) + 1.
 */
export class Checkpoints<S> {
  states: S[] = [];
  private spacing = 1;

  /** The state from which iteration k begins; to be called for every k, in order. */
  offer(k: number, state: S): void {
    if (k % this.spacing !== 0) return;
    this.states.push(state);
    if (this.states.length <= this.spacing) return;
    this.states = this.states.filter((_, i) => i % 2 === 0);
    this.spacing *= 2;
  }

  /** Visits the segments of k iterations from the last to the first: the stored state, and how many iterations follow it. */
  eachSegmentBackwards(k: number, visit: (start: S, length: number) => void): void {
    for (let i = this.states.length - 1; i >= 0; i--) {
      const first = i * this.spacing;
      visit(this.states[i], Math.min(this.spacing, k - first));
    }
  }
}
