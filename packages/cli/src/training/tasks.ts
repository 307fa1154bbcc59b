import { mnistTraining } from "./image-training.ts";
import type { PreparedTask, TaskOptions } from "./prepared-task.ts";

/** What `solvegrad train` can train, by name. A task reads its data when it is prepared. */
export const trainingTasks: Readonly<Record<string, (options: TaskOptions) => Promise<PreparedTask>>> = {
  mnist: mnistTraining,
};
