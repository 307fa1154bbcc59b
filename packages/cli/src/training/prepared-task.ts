import type { Schedule, Task } from "@solvegrad/models";
import type { Comparison } from "../comparison/compare-problem.ts";

/** A task with its data, ready to be trained, and the words for it. */
export interface PreparedTask {
  readonly task: Task;
  readonly seed: number;
  readonly batchSize: number;
  readonly schedule: Schedule;
  readonly words: TaskWords;
  /** The gradients of the trained layer by all rules; null where there is no layer or the signal stops it. */
  readonly compare: ((signal: AbortSignal) => Promise<Comparison | null>) | null;
}

/** What people read about a task. */
export interface TaskWords {
  /** The page's title. */
  readonly title: string;
  /** Where the examples come from, one line. */
  readonly data: string;
  /** The network and how its layer is differentiated, one line. */
  readonly network: string;
  /** The same, as whole sentences for the page. */
  readonly lead: string;
  /** What an example is, in the plural: "images". */
  readonly examples: string;
  /** What the loss is: "negative log-likelihood". */
  readonly loss: string;
  /** What the headline's axis says: "classified rightly". */
  readonly headline: string;
  /** What the compared gradients are of. */
  readonly comparison: string;
}

/** Options of `solvegrad train` that every task understands in its own way. */
export interface TaskOptions {
  readonly differentiation?: string;
  readonly layer?: string;
  readonly seed: number;
  readonly batchSize?: number;
  readonly tolerance?: number;
  readonly onFailure: "raise" | "mask";
  readonly cooldown?: number;
  readonly data?: string;
  /** Of the energy task. */
  readonly ramp?: number;
  readonly cost?: "squared" | "weighted";
  readonly timeZone?: string;
  readonly epochs: number;
}
