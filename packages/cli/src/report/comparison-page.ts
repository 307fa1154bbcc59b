import type { information } from "../commands/info.ts";
import type { Comparison } from "../comparison/compare-problem.ts";
import { comparisonSections } from "./comparison-sections.ts";
import { page } from "./document.ts";
import { date } from "./training-page.ts";

export interface ComparisonReport {
  /** What was compared, as the start of a sentence. */
  readonly subject: string;
  readonly started: Date;
  readonly machine: ReturnType<typeof information>;
  readonly comparison: Comparison;
}

/** The page of `solvegrad compare --html`. */
export function comparisonPage({ subject, started, machine, comparison }: ComparisonReport): string {
  const lead =
    `${subject}. Run on ${date(started)} with solvegrad ${machine.version}, ${machine.kernels.name} kernels ` +
    `(${machine.kernels.description}), Node ${machine.node}, ${machine.cores} x ${machine.processor}.`;
  return page("Three gradients of one optimization problem", lead, comparisonSections(comparison, subject));
}
