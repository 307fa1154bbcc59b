import { datumNames } from "../problem/quadratic-program.ts";
import { alignColumns } from "./align-columns.ts";
import type { GradientComparison, RuleComparison } from "./compare-gradients.ts";

/** The comparison as a plain text table, one line a rule, followed by the rules' notes. */
export function formatComparison({ problem, solution, reference, rules }: GradientComparison): string {
  const { n, p, m, batch } = problem;
  const data = datumNames.filter((name) => rules.some(({ perDatum }) => perDatum[name]));
  const head = ["rule", "cosine", "difference", ...data.map(String), "iterations", "ms", "peak"];
  const rows = rules.map((rule) => [
    rule.rule,
    rule.overall.cosine.toFixed(6),
    rule.overall.relativeDifference.toExponential(1),
    ...data.map((name) => rule.perDatum[name]?.relativeDifference.toExponential(1) ?? "-"),
    String(rule.report.iterations),
    rule.report.milliseconds.toFixed(1),
    formatBytes(rule.report.peakBytes),
  ]);
  return [
    `${batch === 1 ? "QP" : `${batch} QPs`} with n = ${n}, p = ${p}, m = ${m}; solved by ${solution.solver} in ` +
      `${solution.milliseconds.toFixed(1)} ms; differences are relative to ${reference}, overall and for each datum`,
    ...alignColumns([head, ...rows]),
    ...rules.flatMap(notesOf),
  ].join("\n");
}

function notesOf({ rule, report }: RuleComparison): string[] {
  return report.notes.map((note) => `${rule}: ${note}`);
}

function formatBytes(bytes: number): string {
  if (bytes < 1e3) return `${bytes} B`;
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
