import type { Column, ResultTable } from "@solvegrad/models";
import { type Html, html } from "../report/html.ts";
import { cellText, none } from "./cells.ts";

/** The paper's columns set apart from ours; on a narrow screen each row becomes a list of its titles and values. */
export function resultTable({ columns, rows, caption }: ResultTable): Html {
  const head = columns.map((column) => html`<th scope="col" class="${classOf(column)}">${titleOf(column)}</th>`);
  const cell = (text: string, column: Column, k: number) => {
    const role = k === 0 ? html` role="rowheader"` : html``;
    const classes = text === none ? `${classOf(column)} none` : classOf(column);
    return html`<td${role} class="${classes}" data-title="${titleOf(column)}">${text}</td>`;
  };
  const body = rows.map((row) => {
    const cells = row.map((value, k) => cell(cellText(value, columns[k]), columns[k], k));
    return html`<tr>${cells}</tr>\n`;
  });
  return html`<div class="table results"><table>
<thead><tr>${head}</tr></thead>
<tbody>${body}</tbody>
</table></div><p class="caption">${caption}</p>\n`;
}

function classOf({ unit, published }: Column): string {
  return `${unit === "text" ? "words" : "number"}${published ? " paper" : ""}`;
}

/** A unit stays with its word. */
function titleOf({ title }: Column): string {
  return title.replace(/ s$/, "\u00a0s");
}
