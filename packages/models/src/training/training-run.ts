import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DataFileError } from "../data-file-error.ts";
import { writeAtomically } from "./atomic-write.ts";
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint, restore, weightsOf } from "./checkpoint.ts";
import { metricsTable } from "./metrics-table.ts";
import { RunFolder } from "./run-folder.ts";
import type { Task } from "./task.ts";
import { type EvaluationEvent, type TrainingEvent, type TrainingOptions, train } from "./train.ts";

/** A run that cannot be resumed; the message says why. */
export class ResumeError extends Error {
  override readonly name = "ResumeError";
}

const checkpointFile = "checkpoint.safetensors";
const metricsFile = "metrics.jsonl";
/** The parameters of the network. */
export const weightsFile = "weights.safetensors";
/** The task's name and settings. */
export const configFile = "config.json";

export interface RunLength {
  readonly epochs: number;
  /** Ends after this step, where it comes before the end of the epochs. */
  readonly maxSteps?: number;
}

/** How a run goes, beside its task. */
export interface RunOptions extends RunLength, Pick<TrainingOptions, "schedule" | "patience" | "evaluationBatchSize"> {
  readonly batchSize: number;
  readonly seed: number;
  readonly signal?: AbortSignal;
  /** A checkpoint is written after so many steps, and at the end of every epoch. Default 500. */
  readonly checkpointEvery?: number;
}

/**
 * The training of a task, kept in a folder:
 *
 *     metrics.jsonl, metrics.csv   every step and evaluation
 *     weights.safetensors          the parameters
 *     config.json                  the task's settings, which with the weights are the network
 *     checkpoint.safetensors       where the run stands
 *
 * A run that died at any moment, even by a kill that no program can catch, goes on from its last checkpoint, and ends
 * with the same weights, bit for bit, as one that was never stopped.
 */
export class TrainingRun<B = unknown> {
  readonly task: Task<B>;
  readonly folder: RunFolder;
  /** The events of this and of the resumed run. */
  readonly history: TrainingEvent[];
  #stepsTaken: number;
  /** Events that the files of the last save know of. */
  #saved = 0;

  private constructor(task: Task<B>, folder: RunFolder, history: TrainingEvent[], stepsTaken: number) {
    this.task = task;
    this.folder = folder;
    this.history = history;
    this.#stepsTaken = stepsTaken;
  }

  get stepsTaken(): number {
    return this.#stepsTaken;
  }

  /** Begins a run in a folder, which is made. Throws the system's error where it cannot be written. */
  static begin<B>(task: Task<B>, path: string): TrainingRun<B> {
    const run = new TrainingRun(task, new RunFolder(path), [], 0);
    run.save();
    return run;
  }

  /**
   * Goes on with the run that a folder keeps. Throws a ResumeError when there is none, or when it was of other settings: the
   * result would be that of neither; a DataFileError when a file of it is damaged.
   */
  static resume<B>(task: Task<B>, path: string): TrainingRun<B> {
    const file = join(path, checkpointFile);
    if (!existsSync(file)) throw new ResumeError(`cannot resume: ${file} does not exist`);
    const checkpoint = decodeCheckpoint(readFileSync(file), file);
    checkSettings(task, checkpoint, path);
    restore(checkpoint, task.network, task.optimizer, file);
    const history = readHistory(join(path, metricsFile)).filter(({ step }) => step <= checkpoint.stepsTaken);
    writeAtomically(join(path, metricsFile), history.map((event) => `${JSON.stringify(event)}\n`).join(""));
    return new TrainingRun(task, new RunFolder(path, { append: true }), history, checkpoint.stepsTaken);
  }

  /** Trains until the end or the signal, and yields every event after it is on the disk. */
  async *train({ checkpointEvery = 500, ...options }: RunOptions): AsyncGenerator<TrainingEvent, void> {
    const past = { stepsTaken: this.#stepsTaken, evaluations: this.evaluations };
    try {
      for await (const event of train(this.task, { ...options, past })) {
        this.history.push(event);
        this.folder.record(event);
        this.#stepsTaken = event.step;
        if (event.kind === "evaluation" || event.step % checkpointEvery === 0) this.save();
        yield event;
      }
    } finally {
      if (this.#saved !== this.history.length) this.save();
    }
  }

  get evaluations(): EvaluationEvent[] {
    return this.history.filter((event): event is EvaluationEvent => event.kind === "evaluation");
  }

  /** Saves where the run stands: weights for whoever wants them, and a checkpoint to go on from. */
  save(): void {
    const { network, optimizer, settings, name } = this.task;
    this.folder.saveTensors(weightsFile, weightsOf(network), { settings: JSON.stringify(settings) });
    this.folder.saveJson(configFile, { task: name, settings });
    this.folder.saveText("metrics.csv", metricsTable(this.history));
    const checkpoint = encodeCheckpoint(network, optimizer, this.#stepsTaken, { ...settings });
    writeAtomically(this.folder.file(checkpointFile), checkpoint);
    this.#saved = this.history.length;
  }

  close(): void {
    this.folder.close();
  }
}

function checkSettings({ settings }: Task, checkpoint: Checkpoint, path: string): void {
  for (const [name, value] of Object.entries(settings)) {
    const before = checkpoint.settings[name];
    if (before !== value) {
      throw new ResumeError(`cannot resume ${path}: ${name} was ${String(before)}, expected the same and not ${value}`);
    }
  }
}

/** The events of the lines that are whole: one without a line break was being written when the process died. */
function readHistory(file: string): TrainingEvent[] {
  try {
    const lines = readFileSync(file, "utf8").split("\n").slice(0, -1);
    return lines.map((line) => checkedEvent(JSON.parse(line)));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DataFileError(file, `cannot be read as metrics (${reason})`, { cause });
  }
}

function checkedEvent(event: TrainingEvent | null): TrainingEvent {
  if (typeof event?.step === "number" && typeof event.kind === "string") return event;
  throw new TypeError(`a line is ${JSON.stringify(event)}, expected an event with its kind and step`);
}
