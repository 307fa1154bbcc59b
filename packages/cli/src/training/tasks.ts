import { denoisingTraining } from "./denoising-training.ts";
import { energyTraining } from "./energy-training.ts";
import { fashionTraining } from "./fashion-training.ts";
import { mnistTraining } from "./image-training.ts";
import type { PreparedTask, TaskOptions } from "./prepared-task.ts";
import { sudokuTraining } from "./sudoku-training.ts";

/** What `solvegrad train` can train, by name. A task reads its data when it is prepared. */
export const trainingTasks: Readonly<Record<string, (options: TaskOptions) => Promise<PreparedTask>>> = {
  mnist: mnistTraining,
  "fashion-mnist": fashionTraining,
  sudoku: sudokuTraining,
  energy: energyTraining,
  denoise: denoisingTraining,
};
