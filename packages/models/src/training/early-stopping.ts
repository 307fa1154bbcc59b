import type { Headline } from "./task.ts";
import type { EvaluationEvent } from "./train.ts";

/** The headline's value of an evaluation. */
export function headlineOf({ measure }: Headline, event: Pick<EvaluationEvent, "loss" | "measures">): number {
  return measure === "loss" ? event.loss : event.measures[measure];
}

/** Whether the value is better than the other; a number that is not finite is never better. */
export function isBetter({ better }: Headline, value: number, other: number): boolean {
  return better === "higher" ? value > other : value < other;
}

/** Says when training has stopped to pay: `patience` evaluations in a row without a new best. */
export class EarlyStopping {
  readonly #headline: Headline;
  readonly #patience: number;
  #best: number | null = null;
  #worse = 0;

  /** `past`: the evaluations of the run that is resumed. */
  constructor(headline: Headline, patience: number, past: readonly EvaluationEvent[] = []) {
    this.#headline = headline;
    this.#patience = patience;
    for (const event of past) this.see(event);
  }

  /** Whether to stop after this evaluation. */
  see(event: EvaluationEvent): boolean {
    const value = headlineOf(this.#headline, event);
    const improved = this.#best === null || isBetter(this.#headline, value, this.#best);
    if (improved) this.#best = value;
    this.#worse = improved ? 0 : this.#worse + 1;
    return this.#worse >= this.#patience;
  }
}
