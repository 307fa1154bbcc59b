import { setImmediate } from "node:timers/promises";
import {
  batchOf,
  type Differentiation,
  type EvaluationEvent,
  type LayerKind,
  layerProblem,
  loadMnist,
  type Mnist,
  mnistRunSettings,
} from "@solvegrad/models";
import { type Comparison, compareProblem } from "../comparison/compare-problem.ts";
import { comparisonText } from "../comparison/table.ts";
import { exitCodes, InputError } from "../exit.ts";
import { isSystemError, reasonOf } from "../input/read-text.ts";
import { interruptible } from "../interruption.ts";
import * as text from "../output/numbers.ts";
import { complain } from "../output/streams.ts";
import { trainingPage } from "../report/training-page.ts";
import { runTraining } from "../training/run-training.ts";
import { beginSession, resumeSession, type Session } from "../training/session.ts";
import { information, kernelWords } from "./info.ts";

export interface TrainCommandOptions {
  readonly differentiation: Differentiation;
  readonly layer: LayerKind;
  readonly epochs: number;
  readonly seed: number;
  readonly out: string;
  readonly batchSize: number;
  readonly onFailure: "raise" | "mask";
  readonly cooldown: number;
  readonly tolerance?: number;
  readonly steps?: number;
  readonly data?: string;
  readonly resume?: boolean;
}

const laterTasks = ["fashion-mnist", "sudoku", "energy", "denoise"];

/** `solvegrad train`: trains, evaluates, compares the gradients on a test batch, and writes the page. Returns the exit code. */
export async function trainCommand(task: string, options: TrainCommandOptions): Promise<number> {
  checkTask(task);
  const settings = mnistRunSettings(options);
  const started = new Date();
  const interruption = interruptible();
  try {
    const data = loadMnist({ folder: options.data });
    await setImmediate(); // a Ctrl-C of the meantime is heard here, before the folder of an earlier run is touched
    if (interruption.signal.aborted) return exitCodes.interrupted;
    const session = options.resume ? resumeSession(settings, options.out) : beginSession(settings, options.out);
    return await runSession(session, data, options, started, interruption.signal);
  } catch (error) {
    if (isSystemError(error)) throw new InputError(`cannot write to the folder ${options.out}: ${reasonOf(error)}`);
    throw error;
  } finally {
    interruption.release();
  }
}

/** Trains, compares and writes the results of a session. Returns the exit code. */
async function runSession(
  session: Session,
  data: Mnist,
  options: TrainCommandOptions,
  started: Date,
  signal: AbortSignal,
): Promise<number> {
  say(opening(session, data));
  try {
    const length = { epochs: options.epochs, maxSteps: options.steps };
    const stepsTaken = await runTraining(session, data, length, signal);
    sayAccuracy(session);
    const comparison = signal.aborted ? null : await compareOnTestBatch(session, data, signal);
    if (comparison) say(`\n${comparisonText(comparison)}`);
    writeResults(session, data, started, comparison);
    if (!signal.aborted) return exitCodes.solved;
    complain(`stopped after step ${stepsTaken}: weights, metrics and page are in ${options.out} (--resume goes on)`);
    return exitCodes.interrupted;
  } finally {
    session.folder.close();
  }
}

function checkTask(task: string): void {
  if (task === "mnist") return;
  if (laterTasks.includes(task)) throw new InputError(`train ${task} is not supported by this version, only mnist`);
  throw new InputError(`train ${task}: no such task, expected mnist`);
}

function opening({ run, stepsTaken }: Session, { train, test, folder }: Mnist): string {
  const { layer, differentiation, tolerance, seed, batchSize } = run.settings;
  const { kernels } = information();
  const method =
    layer === "none"
      ? "no optimization layer"
      : `optimization layer ${layer === "fixed" ? "with fixed data" : "with A learned"}, ${differentiation}, tolerance ${text.tolerance(tolerance)}`;
  const resumed = stepsTaken > 0 ? `, resumed after step ${stepsTaken}` : "";
  return [
    `data      ${text.thousands(train.count)} training and ${text.thousands(test.count)} test images from ${folder}`,
    `network   ${method}, batches of ${batchSize}, seed ${seed}${resumed}`,
    `kernels   ${kernelWords(kernels)}`,
  ].join("\n");
}

function sayAccuracy({ history }: Session): void {
  const evaluation = history.findLast((event): event is EvaluationEvent => event.kind === "evaluation");
  if (!evaluation) return;
  const { accuracy, correct, count, loss } = evaluation;
  say(
    `test accuracy ${text.percent(accuracy)} (${text.thousands(correct)} of ${text.thousands(count)}), loss ${loss.toFixed(4)}`,
  );
}

/** The three gradients of the optimization layer for the loss of the first test images. */
async function compareOnTestBatch({ run }: Session, { test }: Mnist, signal: AbortSignal): Promise<Comparison | null> {
  if (run.network.quadratic === null) return null;
  const size = Math.min(run.settings.batchSize, test.count);
  const batch = batchOf(
    test,
    Int32Array.from({ length: size }, (_, i) => i),
  );
  const { problem, cotangent } = layerProblem(run.network, batch);
  return compareProblem(problem, cotangent, signal);
}

function writeResults(session: Session, data: Mnist, started: Date, comparison: Comparison | null): void {
  const { folder, run, history } = session;
  const machine = information();
  const images = { train: data.train.count, test: data.test.count };
  folder.saveJson("run.json", {
    settings: run.settings,
    started,
    machine,
    evaluations: history.filter(({ kind }) => kind === "evaluation"),
    comparison,
  });
  folder.saveText(
    "index.html",
    trainingPage({ settings: run.settings, started, machine, images, history, comparison }),
  );
  say(`\npage      ${folder.file("index.html")}`);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
