/** The factor of the learning rate at a step (counted from 1) of a run of so many steps. */
export type Schedule = (step: number, steps: number) => number;

/** The same rate throughout. */
export const constantRate: Schedule = () => 1;

/**
 * Full rate, then linearly towards zero over the last `share` of the run. With a constant rate the weights end wherever the
 * last steps' noise throws them.
 */
export function cooldown(share: number): Schedule {
  checkShare("cooldown", share);
  return (step, steps) => Math.min(1, (steps - step + 1) / (share * steps + 1));
}

/** Linearly up over the first `warmUp` share of the run, then down along half a cosine to `floor`. */
export function cosine({
  warmUp = 0,
  floor = 0,
}: {
  readonly warmUp?: number;
  readonly floor?: number;
} = {}): Schedule {
  checkShare("warmUp", warmUp);
  checkShare("floor", floor);
  return (step, steps) => {
    const rising = warmUp * steps;
    if (step < rising) return step / rising;
    const way = (step - rising) / Math.max(1, steps - rising);
    return floor + ((1 - floor) * (1 + Math.cos(Math.PI * way))) / 2;
  };
}

/** Multiplied by `factor` after each of these shares of the run. */
export function stepwise(factor: number, shares: readonly number[]): Schedule {
  for (const share of shares) checkShare("shares", share);
  return (step, steps) => factor ** shares.filter((share) => step > share * steps).length;
}

function checkShare(name: string, share: number): void {
  if (!(share >= 0 && share <= 1)) throw new RangeError(`${name} is ${share}, expected a number from 0 to 1`);
}
