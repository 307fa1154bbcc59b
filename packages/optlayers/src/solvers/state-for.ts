/** What a solver left for `problem`, as left for `same`, which has the same numbers; undefined where it was left for another. */
export function stateFor(state: unknown, problem: unknown, same: unknown): unknown {
  if ((state as { problem?: unknown } | undefined)?.problem !== problem) return undefined;
  return Object.assign(Object.create(Object.getPrototypeOf(state)), state, { problem: same });
}
