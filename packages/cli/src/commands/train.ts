import { setImmediate } from "node:timers/promises";
import { type EvaluationEvent, headlineOf, ResumeError, TrainingRun } from "@solvegrad/models";
import type { Comparison } from "../comparison/compare-problem.ts";
import { comparisonText } from "../comparison/table.ts";
import { exitCodes, InputError } from "../exit.ts";
import { isSystemError, reasonOf } from "../input/read-text.ts";
import { interruptible } from "../interruption.ts";
import * as text from "../output/numbers.ts";
import { complain } from "../output/streams.ts";
import { trainingPage } from "../report/training-page.ts";
import type { PreparedTask, TaskOptions } from "../training/prepared-task.ts";
import { runTraining } from "../training/run-training.ts";
import { trainingTasks } from "../training/tasks.ts";
import { information, kernelWords } from "./info.ts";

export interface TrainCommandOptions extends TaskOptions {
  readonly out?: string;
  readonly steps?: number;
  readonly patience?: number;
  readonly resume?: boolean;
}

/** `solvegrad train`: trains, evaluates, compares the gradients on a test batch, and writes the page. Returns the exit code. */
export async function trainCommand(name: string, options: TrainCommandOptions): Promise<number> {
  const prepare = trainingTasks[name];
  if (!Object.hasOwn(trainingTasks, name)) {
    throw new InputError(`train ${name}: no such task, expected ${Object.keys(trainingTasks).join(", ")}`);
  }
  const out = options.out ?? `results/${name}`;
  const started = new Date();
  const interruption = interruptible();
  try {
    const prepared = await prepare(options);
    await setImmediate(); // a Ctrl-C of the meantime is heard here, before the folder of an earlier run is touched
    if (interruption.signal.aborted) return exitCodes.interrupted;
    const run = options.resume ? TrainingRun.resume(prepared.task, out) : TrainingRun.begin(prepared.task, out);
    return await trainAndReport(run, prepared, options, started, interruption.signal);
  } catch (error) {
    if (error instanceof ResumeError) throw new InputError(error.message);
    if (isSystemError(error)) throw new InputError(`cannot write to the folder ${out}: ${reasonOf(error)}`);
    throw error;
  } finally {
    interruption.release();
  }
}

/** Trains, compares and writes the results. Returns the exit code. */
async function trainAndReport(
  run: TrainingRun,
  prepared: PreparedTask,
  { epochs, steps: maxSteps, patience }: TrainCommandOptions,
  started: Date,
  signal: AbortSignal,
): Promise<number> {
  const { seed, batchSize, schedule } = prepared;
  say(opening(run, prepared));
  try {
    await runTraining(run, { epochs, maxSteps, patience, seed, batchSize, schedule, signal });
    sayHeadline(run);
    const comparison = signal.aborted || !prepared.compare ? null : await prepared.compare(signal);
    if (comparison) say(`\n${comparisonText(comparison)}`);
    writeResults(run, prepared, started, comparison);
    if (!signal.aborted) return exitCodes.solved;
    complain(
      `stopped after step ${run.stepsTaken}: weights, metrics and page are in ${run.folder.path} (--resume goes on)`,
    );
    return exitCodes.interrupted;
  } finally {
    run.close();
  }
}

function opening({ stepsTaken }: TrainingRun, { words, batchSize, seed }: PreparedTask): string {
  const resumed = stepsTaken > 0 ? `, resumed after step ${stepsTaken}` : "";
  return [
    `data      ${words.data}`,
    `network   ${words.network}, batches of ${batchSize}, seed ${seed}${resumed}`,
    `kernels   ${kernelWords(information().kernels)}`,
  ].join("\n");
}

function sayHeadline({ task: { headline }, evaluations }: TrainingRun): void {
  const last: EvaluationEvent | undefined = evaluations.at(-1);
  if (!last) return;
  const value = headlineOf(headline, last);
  const words = headline.share
    ? `${text.percent(value)} (${text.thousands(Math.round(value * last.count))} of ${text.thousands(last.count)})`
    : text.short(value);
  say(`${headline.words} ${words}${headline.measure === "loss" ? "" : `, loss ${last.loss.toFixed(4)}`}`);
}

function writeResults(run: TrainingRun, prepared: PreparedTask, started: Date, comparison: Comparison | null): void {
  const { folder, task, history, evaluations } = run;
  const machine = information();
  folder.saveJson("run.json", { task: task.name, settings: task.settings, started, machine, evaluations, comparison });
  folder.saveText("index.html", trainingPage({ prepared, started, machine, history, comparison }));
  say(`\npage      ${folder.file("index.html")}`);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
