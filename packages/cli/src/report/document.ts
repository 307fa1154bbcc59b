import { type Html, html, raw } from "./html.ts";
import { style } from "./style.ts";

/** One large figure with its name. */
export interface Tile {
  readonly label: string;
  readonly value: string;
  readonly note?: string;
}

export interface Legend {
  readonly label: string;
  readonly color: string;
  readonly dashed?: boolean;
}

/** A whole offline page: no script, no font, no picture from elsewhere. */
export function page(title: string, lead: string, sections: readonly Html[]): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<style>${raw(style)}</style>
</head>
<body>
<main>
<header><h1>${title}</h1><p class="lead">${lead}</p></header>
${sections}
</main>
</body>
</html>
`.html;
}

export function section(title: string, content: readonly Html[]): Html {
  return html`<section><h2>${title}</h2>${content}</section>\n`;
}

export function tiles(items: readonly Tile[]): Html {
  const tile = ({ label, value, note }: Tile) =>
    html`<div class="tile"><dt>${label}</dt><dd>${value}</dd>${note === undefined ? [] : html`<p>${note}</p>`}</div>`;
  return html`<dl class="tiles">${items.map(tile)}</dl>\n`;
}

/** Figures side by side where there is room, below each other on a phone. */
export function figures(items: readonly Html[]): Html {
  return html`<div class="figures">${items}</div>\n`;
}

export function figure(title: string, picture: Html, legend: readonly Legend[], caption: string): Html {
  return html`<figure><h3>${title}</h3>${legendList(legend)}${picture}<figcaption>${caption}</figcaption></figure>\n`;
}

function legendList(entries: readonly Legend[]): Html {
  if (entries.length === 0) return html``;
  const entry = ({ label, color, dashed }: Legend) =>
    html`<li><span class="${dashed ? "swatch dashed" : "swatch"}" style="border-color:${color}"></span>${label}</li>`;
  return html`<ul class="legend">${entries.map(entry)}</ul>`;
}

/** A table whose first column names the row and whose other columns are figures. */
export function table(head: readonly string[], rows: readonly (readonly string[])[], caption: string): Html {
  const cells = (row: readonly string[]) => [
    html`<th scope="row">${row[0]}</th>`,
    ...row.slice(1).map((cell) => html`<td>${cell}</td>`),
  ];
  return html`<div class="table"><table>
<thead><tr>${head.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead>
<tbody>${rows.map((row) => html`<tr>${cells(row)}</tr>\n`)}</tbody>
</table></div><p class="caption">${caption}</p>\n`;
}

export function paragraph(text: string): Html {
  return html`<p>${text}</p>\n`;
}
