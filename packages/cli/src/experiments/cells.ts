import type { Cell, Column, ResultTable } from "@solvegrad/models";
import * as text from "../output/numbers.ts";

/** Where there is nothing to say. */
export const none = "-";

/** A cell as people read it. The paper's numbers stand as they were printed. */
export function cellText(cell: Cell, { unit, published }: Column): string {
  if (cell === null) return none;
  if (typeof cell === "string") return cell;
  if (!Number.isFinite(cell)) return "not a number";
  if (published && unit !== "share" && unit !== "tolerance") return String(cell);
  switch (unit) {
    case "count":
      return text.thousands(cell);
    case "seconds":
      return secondsText(cell);
    case "share":
      return text.percent(cell, 1);
    case "cosine":
      return text.cosine(cell);
    case "error":
      return text.error(cell);
    case "tolerance":
      return text.tolerance(cell);
    default:
      return text.short(cell);
  }
}

/** Three digits and no exponent: 0.00123, 1.23, 123. */
function secondsText(value: number): string {
  const digits = value > 0 ? Math.min(6, Math.max(0, 2 - Math.floor(Math.log10(value)))) : 0;
  return value.toFixed(digits);
}

/** The titles of a table, and its rows as text. */
export function tableText({ columns, rows }: ResultTable): {
  readonly head: string[];
  readonly rows: string[][];
} {
  const head = columns.map(({ title }) => title);
  return { head, rows: rows.map((row) => row.map((cell, k) => cellText(cell, columns[k]))) };
}
