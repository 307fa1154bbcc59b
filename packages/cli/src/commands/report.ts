import { join } from "node:path";
import {
  DataFileError,
  type Experiment,
  type ExperimentOptions,
  experimentNamed,
  experiments,
  writeAtomically,
} from "@solvegrad/models";
import { OptimizationError } from "@solvegrad/optlayers";
import { exitCodes, InputError } from "../exit.ts";
import { type ExperimentRecord, runExperiment } from "../experiments/experiment-record.ts";
import { KeptResults } from "../experiments/kept-results.ts";
import { reportPage } from "../experiments/report-page.ts";
import { isSystemError, reasonOf } from "../input/read-text.ts";
import { interruptible } from "../interruption.ts";
import { progress } from "../output/progress.ts";
import { complain } from "../output/streams.ts";

/** Options that every experiment gets which takes them. */
const shared = ["epochs", "examples", "seeds"] as const;

export interface ReportCommandOptions extends Pick<ExperimentOptions, (typeof shared)[number]> {
  readonly out: string;
  /** Names of experiments; all of them by default. */
  readonly only?: readonly string[];
  /** Hourly load for the energy figure. */
  readonly load?: string;
  /** Where Fashion-MNIST is, in place of where Debian's package has it. */
  readonly fashion?: string;
}

/**
 * `solvegrad report`: runs what has not been run with these options, and writes the page with everything after every
 * experiment, so that a report that was stopped goes on where it was. Returns the exit code.
 */
export async function reportCommand(options: ReportCommandOptions): Promise<number> {
  const chosen = chosenExperiments(options.only);
  const interruption = interruptible();
  const { signal } = interruption;
  try {
    const kept = new KeptResults(join(options.out, "runs"));
    const records: ExperimentRecord[] = [];
    for (const experiment of chosen) {
      if (signal.aborted) break;
      const record = await recordOf(experiment, optionsOf(experiment, options), kept, signal);
      if (record) records.push(record);
      const missing = chosen.filter(({ name }) => !records.some((one) => one.name === name)).map(({ name }) => name);
      writeAtomically(join(options.out, "index.html"), reportPage(records, missing));
    }
    process.stdout.write(`page  ${join(options.out, "index.html")}\n`);
    return signal.aborted ? exitCodes.interrupted : exitCodes.solved;
  } catch (error) {
    if (isSystemError(error)) throw new InputError(`cannot write to the folder ${options.out}: ${reasonOf(error)}`);
    throw error;
  } finally {
    interruption.release();
  }
}

function chosenExperiments(only: readonly string[] | undefined): readonly Experiment[] {
  if (only === undefined) return experiments;
  const stranger = only.find((name) => !experimentNamed(name));
  if (stranger !== undefined) {
    const known = experiments.map(({ name }) => name).join(", ");
    throw new InputError(`--only names ${stranger}: no such experiment, expected ${known}`);
  }
  return experiments.filter(({ name }) => only.includes(name));
}

function optionsOf({ name, takes }: Experiment, options: ReportCommandOptions): ExperimentOptions {
  const given = shared.filter((option) => takes.includes(option) && options[option] !== undefined);
  const data = { "figure-2": options.load, "fashion-mnist": options.fashion }[name];
  return { ...Object.fromEntries(given.map((option) => [option, options[option]])), ...(data && { data }) };
}

/** What was kept, or what a run gives; null, and a line that says why, where its data are not there or cannot be solved. */
async function recordOf(
  experiment: Experiment,
  options: ExperimentOptions,
  kept: KeptResults,
  signal: AbortSignal,
): Promise<ExperimentRecord | null> {
  const { name } = experiment;
  const before = kept.find(name, options);
  if (before) {
    process.stdout.write(`${name}: run before, on ${before.started.slice(0, 10)}\n`);
    return before;
  }
  const display = progress(name, 100);
  const stop = () => display.stop();
  signal.addEventListener("abort", stop, { once: true });
  try {
    const show = (share: number, note: string) => display.update(Math.round(100 * share), note);
    const record = await runExperiment(experiment, options, show, signal);
    if (record.result.complete) kept.keep(record);
    return record;
  } catch (error) {
    if (!(error instanceof DataFileError || error instanceof OptimizationError)) throw error;
    complain(`${name} is left out: ${error.message}`);
    return null;
  } finally {
    stop();
    signal.removeEventListener("abort", stop);
  }
}
