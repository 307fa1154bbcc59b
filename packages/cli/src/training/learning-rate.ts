import { cooldown, cosine, type Schedule, type Task } from "@solvegrad/models";
import * as text from "../output/numbers.ts";

/** How the learning rate of a run falls: along half a cosine, or as `--cooldown` says. */
export interface LearningRate {
  readonly schedule: Schedule;
  /** What follows "Adam at 1e-3". */
  readonly words: string;
  /** The task with the schedule among the settings that decide its outcome. */
  recordedIn<T extends Task>(task: T): T;
}

export function learningRate({ cooldown: share }: { readonly cooldown?: number }): LearningRate {
  const name = share === undefined ? "cosine" : `cooldown ${share}`;
  return {
    schedule: share === undefined ? cosine() : cooldown(share),
    words: share === undefined ? " falling to zero along half a cosine" : cooldownWords(share),
    recordedIn: (task) => ({ ...task, settings: { ...task.settings, schedule: name } }),
  };
}

export function cooldownWords(share: number): string {
  return share === 0 ? "" : ` falling to zero over the last ${text.percent(share, 0)} of the run`;
}
