import Table from "cli-table3";
import * as text from "../output/numbers.ts";
import type { Comparison } from "./compare-problem.ts";

/** The columns of the comparison, on the terminal and on the page. */
export const comparisonHead = ["rule", "cosine", "difference", "iterations", "ms", "peak memory"] as const;

/** One row a rule: how its gradients stand to the implicit ones, and what they cost. */
export function comparisonRows({ rules }: Comparison): string[][] {
  return rules.map((rule) => [
    rule.rule,
    text.cosine(rule.cosine),
    text.error(rule.relativeDifference),
    rule.iterations === 0 ? "direct" : String(rule.iterations),
    text.milliseconds(rule.milliseconds),
    text.bytes(rule.peakBytes),
  ]);
}

/** The comparison for a terminal: what was compared, the table, and what the rules have to say. */
export function comparisonText(comparison: Comparison): string {
  const { solver, rules } = comparison;
  const table = new Table({
    head: [...comparisonHead],
    colAligns: ["left", "right", "right", "right", "right", "right"],
    style: { head: [], border: [], compact: true },
  });
  table.push(...comparisonRows(comparison));
  const notes = rules.flatMap(({ rule, notes }) => notes.map((note) => `${rule}: ${note}`));
  const explanation =
    "cosine and relative difference: gradients of all data together, against implicit; ms and memory: of the differentiation";
  return [`${sizeOf(comparison)}, solved by ${solver}`, table.toString(), explanation, ...notes].join("\n");
}

/** "64 problems of 200 variables, 50 equalities and 50 inequalities". */
export function sizeOf({ problem: { batch, n, p, m } }: Comparison): string {
  const counted = (count: number, one: string, many: string) => `${count} ${count === 1 ? one : many}`;
  const sizes = `${counted(n, "variable", "variables")}, ${counted(p, "equality", "equalities")} and ${counted(m, "inequality", "inequalities")}`;
  return `${counted(batch, "problem", "problems")} of ${sizes}`;
}
