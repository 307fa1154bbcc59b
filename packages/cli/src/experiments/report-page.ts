import * as text from "../output/numbers.ts";
import { page, tiles } from "../report/document.ts";
import type { ExperimentRecord } from "./experiment-record.ts";
import { experimentSection } from "./experiment-sections.ts";

/** One page with every table and figure; `missing` names the experiments that are not on it. */
export function reportPage(records: readonly ExperimentRecord[], missing: readonly string[]): string {
  const seconds = records.reduce((sum, record) => sum + record.seconds, 0);
  const lead =
    "The tables and figures of Alt-Diff (Sun et al. 2023, Alternating Differentiation for Optimization Layers) and of OptNet (Amos and Kolter 2017), run again. " +
    "Columns that begin with “paper” hold the published numbers; all others were measured here. Under each table stands on what it was run, when, and by which command.";
  const rest =
    missing.length === 0 ? [] : [{ label: "Not run", value: String(missing.length), note: missing.join(", ") }];
  const summary = tiles([
    { label: "Tables and figures", value: String(records.length) },
    { label: "Time of all runs", value: text.seconds(seconds) },
    ...rest,
  ]);
  return page("The papers' experiments, run again", lead, [summary, ...records.map(experimentSection)]);
}
