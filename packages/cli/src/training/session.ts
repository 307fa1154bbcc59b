import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  type Checkpoint,
  DataFileError,
  decodeCheckpoint,
  encodeCheckpoint,
  type MnistRun,
  type MnistRunSettings,
  mnistRun,
  RunFolder,
  restore,
  type TrainingEvent,
  weightsOf,
  writeAtomically,
} from "@solvegrad/models";
import { InputError } from "../exit.ts";
import { reasonOf } from "../input/read-text.ts";

/** A training run with the folder that it is kept in, and what has happened so far. */
export interface Session {
  readonly run: MnistRun;
  readonly folder: RunFolder;
  /** The events of this and of the resumed run. */
  readonly history: TrainingEvent[];
  /** Steps that the resumed run had taken. */
  readonly stepsTaken: number;
}

const checkpointFile = "checkpoint.safetensors";
const metricsFile = "metrics.jsonl";

/** Begins a run in a folder. Throws an InputError when the folder cannot be made or written. */
export function beginSession(settings: MnistRunSettings, out: string): Session {
  return { run: mnistRun(settings), folder: openFolder(out, false), history: [], stepsTaken: 0 };
}

/**
 * Goes on with the run that a folder keeps. Throws an InputError when there is none, or when it was of other settings:
 * the result would be that of neither.
 */
export function resumeSession(settings: MnistRunSettings, out: string): Session {
  const file = join(out, checkpointFile);
  if (!existsSync(file)) throw new InputError(`cannot resume: ${file} does not exist`);
  const checkpoint = decodeCheckpoint(readFileSync(file), file);
  checkSettings(settings, checkpoint, out);
  const run = mnistRun(settings);
  restore(checkpoint, run.network, run.optimizer, file);
  const history = readHistory(join(out, metricsFile)).filter(({ step }) => step <= checkpoint.stepsTaken);
  writeAtomically(join(out, metricsFile), history.map((event) => `${JSON.stringify(event)}\n`).join(""));
  return { run, folder: openFolder(out, true), history, stepsTaken: checkpoint.stepsTaken };
}

/** Saves where the run stands: weights for whoever wants them, and a checkpoint to go on from. */
export function saveSession({ run, folder }: Session, stepsTaken: number): void {
  const settings = { ...run.settings };
  folder.saveTensors("weights.safetensors", weightsOf(run.network), { settings: JSON.stringify(settings) });
  writeAtomically(folder.file(checkpointFile), encodeCheckpoint(run.network, run.optimizer, stepsTaken, settings));
}

function openFolder(out: string, append: boolean): RunFolder {
  try {
    return new RunFolder(out, { append });
  } catch (error) {
    throw new InputError(`cannot write to the folder ${out}: ${reasonOf(error)}`);
  }
}

function checkSettings(settings: MnistRunSettings, checkpoint: Checkpoint, out: string): void {
  for (const [name, value] of Object.entries(settings)) {
    const before = checkpoint.settings[name];
    if (before !== value) {
      throw new InputError(`cannot resume ${out}: ${name} was ${String(before)}, expected the same and not ${value}`);
    }
  }
}

/** The events of the lines that are whole: one without a line break was being written when the process died. */
function readHistory(file: string): TrainingEvent[] {
  try {
    const lines = readFileSync(file, "utf8").split("\n").slice(0, -1);
    return lines.map((line) => checkedEvent(JSON.parse(line)));
  } catch (cause) {
    throw new DataFileError(file, `cannot be read as metrics (${reasonOf(cause)})`, { cause });
  }
}

function checkedEvent(event: TrainingEvent | null): TrainingEvent {
  if (typeof event?.step === "number" && typeof event.kind === "string") return event;
  throw new TypeError(`a line is ${JSON.stringify(event)}, expected an event with its kind and step`);
}
