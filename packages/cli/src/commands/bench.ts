import {
  type Experiment,
  type ExperimentOption,
  type ExperimentOptions,
  experimentNamed,
  experiments,
} from "@solvegrad/models";
import { exitCodes, InputError } from "../exit.ts";
import { runExperiment } from "../experiments/experiment-record.ts";
import { experimentText } from "../experiments/experiment-text.ts";
import { parseSizes } from "../experiments/sizes.ts";
import { interruptible } from "../interruption.ts";
import { progress } from "../output/progress.ts";

export interface BenchCommandOptions extends Omit<ExperimentOptions, "sizes"> {
  readonly sizes?: string;
  readonly json?: boolean;
}

/** `solvegrad bench`: makes one table or figure of the papers again. Returns the exit code. */
export async function benchCommand(name: string, { json, ...given }: BenchCommandOptions): Promise<number> {
  const experiment = experimentNamed(name);
  if (!experiment) {
    throw new InputError(
      `bench ${name}: no such experiment, expected ${experiments.map((one) => one.name).join(", ")}`,
    );
  }
  const options = optionsFor(experiment, given);
  const interruption = interruptible();
  const display = json ? null : progress(name, 100);
  interruption.signal.addEventListener("abort", () => display?.stop(), { once: true });
  try {
    const show = (share: number, note: string) => display?.update(Math.round(100 * share), note);
    const record = await runExperiment(experiment, options, show, interruption.signal);
    display?.stop();
    process.stdout.write(`${json ? JSON.stringify(record) : experimentText(record)}\n`);
    return record.result.complete ? exitCodes.solved : exitCodes.interrupted;
  } finally {
    display?.stop();
    interruption.release();
  }
}

/** The options that were given. Throws an InputError for one that the experiment does not take. */
function optionsFor(experiment: Experiment, { sizes, ...given }: Omit<BenchCommandOptions, "json">): ExperimentOptions {
  const { name, takes } = experiment;
  for (const [option, value] of Object.entries({ sizes, ...given })) {
    if (value === undefined || takes.includes(option as ExperimentOption)) continue;
    throw new InputError(`bench ${name} takes no --${option}, expected ${takes.map((one) => `--${one}`).join(", ")}`);
  }
  return { ...given, ...(sizes === undefined ? {} : { sizes: parseSizes(sizes, experiment) }) };
}
