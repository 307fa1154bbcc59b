import type { ResultFigure, ResultTable } from "@solvegrad/models";
import Table from "cli-table3";
import * as text from "../output/numbers.ts";
import { tableText } from "./cells.ts";
import type { ExperimentRecord } from "./experiment-record.ts";

/** An experiment for a terminal: its tables with the paper's numbers beside ours, and what the page would draw, in a line each. */
export function experimentText({ title, source, seconds, result }: ExperimentRecord): string {
  const { tables, figures, complete } = result;
  return [
    `${title} (${source}), ${text.seconds(seconds)}${complete ? "" : ", stopped before its end"}`,
    ...tables.map(tableLines),
    ...figures.map(figureLines),
  ].join("\n\n");
}

function tableLines(result: ResultTable): string {
  const { head, rows } = tableText(result);
  const colAligns = result.columns.map(({ unit }) => (unit === "text" ? ("left" as const) : ("right" as const)));
  const table = new Table({ head, colAligns, style: { head: [], border: [], compact: true } });
  table.push(...rows);
  return `${table.toString()}\n${result.caption}`;
}

/** Where each series ends. */
function figureLines({ title, x, y, series }: ResultFigure): string {
  const ends = series.flatMap(({ label, points }) => {
    const last = points.at(-1);
    return last ? [`  ${label}: ${valueText(last[1], y.percent)} at ${x.label} ${text.short(last[0])}`] : [];
  });
  return [`${title}: ${y.label}`, ...ends].join("\n");
}

function valueText(value: number, percent = false): string {
  return percent ? text.percent(value, 1) : text.short(value);
}
