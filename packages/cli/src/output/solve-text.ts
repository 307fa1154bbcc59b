import { formatExplanation, type Status } from "@solvegrad/optlayers";
import type { Nested } from "./nested.ts";
import type { SolveReport } from "./solve-report.ts";

const sentences: Record<Status, string> = {
  solved: "solved",
  solved_inaccurate: "solved, less accurately than asked",
  primal_infeasible: "infeasible: no x satisfies the constraints",
  dual_infeasible: "unbounded: the objective falls without end",
  max_iterations: "not converged: out of iterations",
  time_limit: "not converged: out of time",
  numerical_error: "not converged: the arithmetic broke down",
};

/** The report for people: what happened, then the numbers, long ones cut. */
export function solveText(report: SolveReport): string {
  const work = [...countOf(report), `${report.milliseconds.toFixed(2)} ms`];
  const { names, gradient, differentiation, explanation } = report;
  const lines = [`${outcome(report)}  (${work.join(", ")})`];
  const add = (name: string, value: Nested) => lines.push(...entry(name, value));
  add("objective", report.objective);
  if (names) lines.push(...namedEntries("x", report.x, names.variables));
  else add("x", report.x);
  add("nu", report.nu);
  add("lambda", report.lambda);
  add("zeta", report.zeta ?? null);
  for (const kind of ["primal", "dual", "gap"] as const) add(`${kind} residual`, report.residuals[kind]);
  if (gradient && differentiation) lines.push(...gradientLines(gradient, differentiation));
  if (explanation) lines.push(...explanationLines(explanation));
  return `${lines.join("\n")}\n`;
}

type Gradient = NonNullable<SolveReport["gradient"]>;

function gradientLines(gradient: Gradient, { rule, notes }: NonNullable<SolveReport["differentiation"]>): string[] {
  const symmetrized = "Q" in gradient ? ", Q symmetrized" : "";
  const entries = Object.entries(gradient).flatMap(([name, value]) => {
    if (value === null || typeof value !== "object" || !("indptr" in value)) return entry(`  ${name}`, value);
    const [rows, columns] = value.shape;
    return [...entry(`  ${name}`, value.data), `${margin}at the stored entries of a ${rows} x ${columns} matrix`];
  });
  return [`gradient of cotangent'x (${rule}${symmetrized})`, ...entries, ...notes.map((note) => `note: ${note}`)];
}

/** Of a batch, the first items; each below its number. */
function explanationLines(explanation: NonNullable<SolveReport["explanation"]>): string[] {
  if (!Array.isArray(explanation)) return ["", formatExplanation(explanation)];
  const shown = explanation.slice(0, most).flatMap((each, i) => ["", `item ${i}: ${formatExplanation(each)}`]);
  const hidden = explanation.length - most;
  return hidden > 0 ? [...shown, "", `... ${hidden} more items (--json prints all)`] : shown;
}

/** The iterations of one problem; a batch has as many numbers as items. */
function countOf({ iterations }: SolveReport): string[] {
  return typeof iterations === "number" ? [`${iterations} iterations`] : [];
}

function outcome({ status }: SolveReport): string {
  if (!Array.isArray(status)) return sentences[status];
  const counts = new Map<Status, number>();
  for (const s of status) counts.set(s, (counts.get(s) ?? 0) + 1);
  return [...counts].map(([s, count]) => `${count} of ${status.length} ${sentences[s]}`).join("; ");
}

const nameWidth = 16;
const margin = " ".repeat(nameWidth);
const most = 8;

const mostNamed = 20;

/** Below this share of the largest entry, a number counts as the zero that the solver meant. */
const negligible = 1e-7;

/** The entries that are not zero, a line each. */
function namedEntries(name: string, value: Nested, names: readonly string[]): string[] {
  if (!Array.isArray(value)) return [];
  const numbers = value.map(Number);
  const largest = numbers.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  const entries = numbers.map((x, j) => ({ name: names[j], x })).filter(({ x }) => Math.abs(x) > negligible * largest);
  const width = Math.max(0, ...entries.slice(0, mostNamed).map((each) => each.name.length));
  const shown = entries.slice(0, mostNamed).map((each) => `${margin}${each.name.padEnd(width)}  ${number(each.x)}`);
  const hidden = entries.length - shown.length;
  const rest = hidden > 0 ? [`${margin}... ${hidden} more (--json prints all)`] : [];
  return [
    `${name.padEnd(nameWidth)}${entries.length} of ${value.length} entries are not 0 (to ${negligible.toExponential()} of the largest)`,
    ...shown,
    ...rest,
  ];
}

/** A name and its numbers: one line for a vector, one line a row for a matrix. */
function entry(name: string, value: Nested): string[] {
  if (!hasNumbers(value)) return [];
  const rows = rowsOf(value);
  const shown = rows.slice(0, most).map((row, i) => (i === 0 ? name : "").padEnd(nameWidth) + row);
  const hidden = rows.length - shown.length;
  return hidden > 0 ? [...shown, `${margin}... ${hidden} more rows (--json prints all)`] : shown;
}

function hasNumbers(value: Nested): boolean {
  return Array.isArray(value) ? value.some(hasNumbers) : value !== null;
}

function rowsOf(value: Nested): string[] {
  if (!Array.isArray(value)) return [number(value)];
  if (!value.some(Array.isArray)) return [row(value)];
  return value.flatMap(rowsOf);
}

function row(values: Nested[]): string {
  const text = values.slice(0, most).map((v) => number(v as number | null).padStart(12));
  return text.join(" ") + (values.length > most ? `  ... ${values.length} entries` : "");
}

function number(value: number | null): string {
  if (value === null) return "-";
  const size = Math.abs(value);
  if (value === 0) return "0";
  const rounded = Number(value.toPrecision(7));
  return size >= 1e6 ? rounded.toExponential() : size >= 1e-3 ? String(rounded) : value.toExponential(3);
}
