import type { Status } from "@solvegrad/optlayers";
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
  const lines = [`${outcome(report)}  (${work.join(", ")})`];
  const add = (name: string, value: Nested) => lines.push(...entry(name, value));
  add("objective", report.objective);
  add("x", report.x);
  add("nu", report.nu);
  add("lambda", report.lambda);
  for (const kind of ["primal", "dual", "gap"] as const) add(`${kind} residual`, report.residuals[kind]);
  if (report.gradient && report.differentiation) {
    const symmetrized = "Q" in report.gradient ? ", Q symmetrized" : "";
    lines.push(`gradient of cotangent'x (${report.differentiation.rule}${symmetrized})`);
    for (const [name, gradient] of Object.entries(report.gradient)) add(`  ${name}`, gradient);
    lines.push(...report.differentiation.notes.map((note) => `note: ${note}`));
  }
  return `${lines.join("\n")}\n`;
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
const most = 8;

/** A name and its numbers: one line for a vector, one line a row for a matrix. */
function entry(name: string, value: Nested): string[] {
  if (value === null || (Array.isArray(value) && value.length === 0)) return [];
  const rows = rowsOf(value);
  const shown = rows.slice(0, most).map((row, i) => (i === 0 ? name : "").padEnd(nameWidth) + row);
  const hidden = rows.length - shown.length;
  return hidden > 0 ? [...shown, `${" ".repeat(nameWidth)}... ${hidden} more rows (--json prints all)`] : shown;
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
  return size >= 1e-3 && size < 1e6 ? String(Number(value.toPrecision(7))) : value.toExponential(3);
}
