import type { Status } from "./solvers/solver.ts";

/** What is wrong with a datum: the facts behind the message. */
export interface DatumFacts {
  /** The datum at fault, or the name that came in its place. */
  readonly argument: string;
  /** The shape that came, null where it has none. */
  readonly shape: readonly number[] | null;
  /** The batch item at fault, null when it is all of them or there is no batch. */
  readonly item: number | null;
  /** What was expected, in words. */
  readonly expected: string;
}

/** A datum of the wrong kind: not numbers, mixed dtypes, A without b, an unknown name. */
export class DatumTypeError extends TypeError implements DatumFacts {
  override readonly name = "DatumTypeError";
  readonly argument: string;
  readonly shape: readonly number[] | null;
  readonly item: number | null;
  readonly expected: string;

  constructor(message: string, facts: DatumFacts) {
    super(message);
    this.argument = facts.argument;
    this.shape = facts.shape;
    this.item = facts.item;
    this.expected = facts.expected;
  }
}

/** A datum with the wrong shape or values: not finite, not symmetric, not positive semidefinite, empty. */
export class DatumRangeError extends RangeError implements DatumFacts {
  override readonly name = "DatumRangeError";
  readonly argument: string;
  readonly shape: readonly number[] | null;
  readonly item: number | null;
  readonly expected: string;

  constructor(message: string, facts: DatumFacts) {
    super(message);
    this.argument = facts.argument;
    this.shape = facts.shape;
    this.item = facts.item;
    this.expected = facts.expected;
  }
}

/** An option of a solver, rule or layer outside its range. */
export class OptionError extends RangeError {
  override readonly name = "OptionError";
  readonly option: string;
  readonly received: unknown;
  readonly expected: string;

  constructor(option: string, received: unknown, expected: string) {
    super(`option ${option} is ${String(received)}, expected ${expected}`);
    this.option = option;
    this.received = received;
    this.expected = expected;
  }
}

/** A layer was defined in a way that cannot work: its solver, its rule or its optimality condition returned something else. */
export class LayerError extends Error {
  override readonly name = "LayerError";
}

const advice: Record<Exclude<Status, "solved" | "solved_inaccurate">, string> = {
  primal_infeasible:
    'no x satisfies its constraints; relax b or h, or pass onFailure: "mask" to go on without it (to quadraticLayer also "closest", to relax them by as little as possible)',
  dual_infeasible: "its objective is unbounded below; add constraints or make Q positive definite",
  max_iterations: "raise maxIterations or loosen the tolerance",
  time_limit: "raise the time limit, or do not abort the signal",
  numerical_error: "scale the data to similar magnitudes or loosen the tolerance",
};

/** An optimization layer could not solve an item of its batch. */
export class OptimizationError extends Error {
  override readonly name = "OptimizationError";
  /** The first item that failed. */
  readonly item: number;
  readonly status: Status;
  /** All items that failed. */
  readonly failedItems: readonly number[];
  readonly solver: string;

  /** `notes`: what the solver has to say of the cause. */
  constructor(
    solver: string,
    status: readonly Status[],
    failedItems: readonly number[],
    notes: readonly string[] = [],
  ) {
    const item = failedItems[0];
    const others = failedItems.length > 1 ? ` (and ${failedItems.length - 1} more of the batch)` : "";
    const what = status[item] as keyof typeof advice;
    super(`${solver}: item ${item} of ${status.length} is ${what}${others}: ${notes[0] ?? advice[what]}`);
    this.item = item;
    this.status = what;
    this.failedItems = failedItems;
    this.solver = solver;
  }
}

/** The gradient of a solution that was found is beyond double precision, or undefined. */
export class GradientError extends Error {
  override readonly name = "GradientError";
  readonly rule: string;
  /** The datum whose gradient it is. */
  readonly argument: string;
  /** The items that have no finite gradient by themselves; none where it is their sum. */
  readonly failedItems: readonly number[];

  constructor(rule: string, argument: string, failedItems: readonly number[]) {
    const where = failedItems.length > 0 ? ` (of item ${failedItems[0]})` : "";
    super(
      `the ${rule} gradient of ${argument} is not finite${where}: scale the data to similar magnitudes, or take another rule`,
    );
    this.rule = rule;
    this.argument = argument;
    this.failedItems = failedItems;
  }
}

/** A name of a datum for messages: "Q", or "Q of batch item 3". */
export function describeDatum(name: string, item: number | null): string {
  return item === null ? name : `${name} of batch item ${item}`;
}
