import type { Experiment, ExperimentOptions, ExperimentProgress, ExperimentResult } from "@solvegrad/models";
import { type Information, information } from "../commands/info.ts";

/** An experiment that was run: with what, on what, when, and what came out. Plain data. */
export interface ExperimentRecord {
  readonly name: string;
  readonly title: string;
  readonly source: string;
  readonly options: ExperimentOptions;
  /** ISO 8601. */
  readonly started: string;
  readonly seconds: number;
  readonly machine: Information;
  readonly result: ExperimentResult;
}

export async function runExperiment(
  experiment: Experiment,
  options: ExperimentOptions,
  progress: ExperimentProgress,
  signal: AbortSignal,
): Promise<ExperimentRecord> {
  const { name, title, source } = experiment;
  const started = new Date().toISOString();
  const begin = performance.now();
  const result = await experiment.run(options, progress, signal);
  const seconds = (performance.now() - begin) / 1000;
  return { name, title, source, options, started, seconds, machine: information(), result };
}
