import { alignColumns } from "../compare/align-columns.ts";
import type {
  BindingConstraint,
  BoundRange,
  Conflict,
  ConflictingRow,
  EndlessDescent,
  ExplainedConstraint,
  Explanation,
  RangeEnd,
} from "./explanation.ts";

export interface FormatOptions {
  /** The most lines of each table; 20 by default. */
  readonly most?: number;
}

/** An explanation as text: a table of what binds, one of what does not, or why there is no solution. */
export function formatExplanation(explanation: Explanation, { most = 20 }: FormatOptions = {}): string {
  const { conflict, descent, notes } = explanation;
  const blocks = conflict
    ? conflictBlocks(conflict, most)
    : descent
      ? descentBlocks(descent, most)
      : constraintBlocks(explanation, most);
  return [...blocks, ...notes.map((note) => `note: ${note}`)].join("\n");
}

/** A column of a table: its head, what it says of a row, and whether it is text. */
interface Column<T> {
  readonly head: string;
  readonly cell: (row: T) => string;
  readonly text?: boolean;
}

const bindingColumns: readonly Column<BindingConstraint>[] = [
  { head: "binding", cell: stated, text: true },
  { head: "dual", cell: ({ dual }) => number(dual) },
  { head: "objective", cell: effect, text: true },
  { head: "while the bound is in", cell: ({ range }) => (range ? interval(range) : "-") },
  { head: "below it", cell: ({ range }) => ending(range?.lower), text: true },
  { head: "above it", cell: ({ range }) => ending(range?.upper), text: true },
];

const slackColumns: readonly Column<ExplainedConstraint>[] = [
  { head: "not binding", cell: stated, text: true },
  { head: "value", cell: ({ value }) => number(value) },
  { head: "binds when tightened by", cell: ({ slack }) => number(slack) },
  { head: "relative", cell: ({ relativeSlack }) => relativeSlack.toPrecision(2) },
];

const conflictColumns: readonly Column<ConflictingRow>[] = [
  { head: "in conflict", cell: stated, text: true },
  { head: "weight", cell: ({ weight }) => number(weight) },
  { head: "if it alone moves, by", cell: ({ relaxation }) => (relaxation > 0 ? "+" : "") + number(relaxation) },
];

const directionColumns: readonly Column<EndlessDescent["direction"][number]>[] = [
  { head: "variable", cell: ({ variable }) => variable, text: true },
  { head: "component", cell: ({ component }) => number(component) },
];

function constraintBlocks({ status, objective, binding, slack }: Explanation, most: number): string[] {
  const value = objective === null ? "" : `, objective ${number(objective)}`;
  const count = binding.length + slack.length;
  const title = `${binding.length} of ${count} constraints bind (${status.replaceAll("_", " ")}${value})`;
  return [title, ...table(bindingColumns, binding, most), ...table(slackColumns, slack, most)];
}

function conflictBlocks({ shortfall, rows }: Conflict, most: number): string[] {
  const which = rows.length === 1 ? "this row" : `these ${rows.length} rows together`;
  return [
    `no x satisfies ${which}: weighted and added up, they miss by ${number(shortfall)}`,
    ...table(conflictColumns, rows, most),
    "",
    `the bounds must be relaxed by a total of ${number(shortfall)} at least`,
  ];
}

function descentBlocks({ direction, slope }: EndlessDescent, most: number): string[] {
  return [
    `the objective falls by ${number(-slope)} for each unit along this direction, which no constraint stops`,
    ...table(directionColumns, direction, most),
  ];
}

function stated({ constraint, relation, bound }: { constraint: string; relation: string; bound: number }): string {
  return `${constraint} ${relation} ${number(bound)}`;
}

function effect({ price, datum, index }: BindingConstraint): string {
  if (price === 0) return "stays";
  const change = `${price < 0 ? "falls" : "rises"} by ${number(Math.abs(price))}`;
  return datum === "0" ? change : `${change} per ${datum}[${index}]`;
}

function interval({ lower, upper }: BoundRange): string {
  if (lower && lower.bound === upper?.bound) return "never alone";
  return `[${lower ? number(lower.bound) : "-inf"}, ${upper ? number(upper.bound) : "inf"}]`;
}

function ending(end: RangeEnd | null | undefined): string {
  return end ? `${end.constraint} ${end.relation} ${end.change}` : "-";
}

/** An empty line, the head, the first `most` rows, and how many there are besides; nothing without rows. */
function table<T>(columns: readonly Column<T>[], rows: readonly T[], most: number): string[] {
  if (rows.length === 0) return [];
  const shown = rows.slice(0, most).map((row) => columns.map(({ cell }) => cell(row)));
  const hidden = rows.length - shown.length;
  const left = columns.flatMap(({ text }, k) => (text ? [k] : []));
  const lines = alignColumns([columns.map(({ head }) => head), ...shown], left);
  return ["", ...lines, ...(hidden > 0 ? [`... ${hidden} more`] : [])];
}

/** Six digits, without zeros at the end. */
function number(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const rounded = Number(value.toPrecision(6));
  const size = Math.abs(rounded);
  return size === 0 || (size >= 1e-4 && size < 1e7) ? String(rounded) : rounded.toExponential();
}
