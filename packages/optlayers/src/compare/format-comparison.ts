import { alignColumns } from "./align-columns.ts";
import type { GradientComparison, RuleComparison } from "./compare-gradients.ts";
import type { LayerComparison } from "./compare-layers.ts";

/** A comparison as a plain text table: one line a rule, followed by the rules' notes, or one line a layer. */
export function formatComparison<N extends string>(comparison: GradientComparison<N> | LayerComparison): string {
  return "layers" in comparison ? formatLayers(comparison) : formatRules(comparison);
}

function formatRules<N extends string>({ noun, problem, solution, reference, rules }: GradientComparison<N>): string {
  const { n, p, m, batch } = problem;
  const data = [...new Set(rules.flatMap(({ perDatum }) => Object.keys(perDatum) as N[]))];
  const head = ["rule", "cosine", "difference", ...data.map(String), "iterations", "ms", "peak"];
  const rows = rules.map((rule) => [
    rule.rule,
    rule.overall.cosine.toFixed(6),
    difference(rule.overall.relativeDifference),
    ...data.map((name) => difference(rule.perDatum[name]?.relativeDifference)),
    String(rule.report.iterations),
    rule.report.milliseconds.toFixed(1),
    formatBytes(rule.report.peakBytes),
  ]);
  return [
    `${batch === 1 ? noun : `${batch} ${noun}s`} with n = ${n}, p = ${p}, m = ${m}; solved by ${solution.solver} in ` +
      `${solution.milliseconds.toFixed(1)} ms; differences are relative to ${reference}, overall and for each datum`,
    ...alignColumns([head, ...rows]),
    ...rules.flatMap(notesOf),
  ].join("\n");
}

function formatLayers({ reference, layers }: LayerComparison): string {
  const inputs = Object.keys(layers[0].perInput);
  const head = ["layer", "output", "cosine", "gradient", ...inputs, "forward ms", "backward ms", "tape"];
  const rows = layers.map((row) => [
    row.layer,
    difference(row.outputDifference),
    row.overall.cosine.toFixed(6),
    difference(row.overall.relativeDifference),
    ...inputs.map((name) => difference(row.perInput[name].relativeDifference)),
    row.forwardMilliseconds.toFixed(1),
    row.backwardMilliseconds.toFixed(1),
    formatBytes(row.tapeBytes),
  ]);
  return [
    `differences are relative to ${reference}: of the outputs, of the gradient overall and for each input`,
    ...alignColumns([head, ...rows]),
  ].join("\n");
}

function notesOf<N extends string>({ rule, report }: RuleComparison<N>): string[] {
  return report.notes.map((note) => `${rule}: ${note}`);
}

function difference(value: number | undefined): string {
  return value === undefined ? "-" : value === 0 ? "0" : value.toExponential(1);
}

function formatBytes(bytes: number): string {
  if (bytes < 1e3) return `${bytes} B`;
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
