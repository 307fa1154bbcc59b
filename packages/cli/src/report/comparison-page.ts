import { type Information, information } from "../commands/info.ts";
import type { Comparison } from "../comparison/compare-problem.ts";
import { comparisonSections, counted } from "./comparison-sections.ts";
import { page } from "./document.ts";
import { provenance } from "./training-page.ts";

export interface ComparisonReport {
  /** What was compared, as the start of a sentence. */
  readonly subject: string;
  /** Now by default. */
  readonly started?: Date;
  /** This one by default. */
  readonly machine?: Information;
  /** What `compareProblem` found. */
  readonly comparison: Comparison;
}

/** The page of `solvegrad compare --html`. */
export function comparisonPage({
  subject,
  started = new Date(),
  machine = information(),
  comparison,
}: ComparisonReport): string {
  const lead = `${subject}. ${provenance(started, machine)}`;
  const title = `${counted(comparison.rules.length, "gradient")} of one optimization problem`;
  return page(title, lead, comparisonSections(comparison, subject));
}
