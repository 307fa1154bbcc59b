import type { ExperimentOptions, ResultAxis, ResultFigure } from "@solvegrad/models";
import * as text from "../output/numbers.ts";
import { figure, figures, section } from "../report/document.ts";
import { type Html, html } from "../report/html.ts";
import { type Axis, linePlot, seriesColors } from "../report/plots.ts";
import { provenance } from "../report/training-page.ts";
import type { ExperimentRecord } from "./experiment-record.ts";
import { resultTable } from "./result-table.ts";

/** An experiment as a section of a page: figures, tables, and under them on what it was run, and when. */
export function experimentSection(record: ExperimentRecord): Html {
  const { title, source, result } = record;
  const drawn = result.figures.filter(({ series }) => series.some(({ points }) => points.length > 0));
  return section(`${source}: ${title}`, [
    ...(drawn.length > 0 ? [figures(drawn.map(drawing))] : []),
    ...result.tables.map(resultTable),
    html`<p class="caption">${runWords(record)}</p>`,
  ]);
}

function runWords({ name, options, started, seconds, machine, result }: ExperimentRecord): string {
  const stopped = result.complete ? "" : " It was stopped before its end.";
  return `${provenance(new Date(started), machine)} It took ${text.seconds(seconds)}: ${commandLine(name, options)}.${stopped}`;
}

/** The command that runs it again. */
export function commandLine(name: string, { sizes, ...rest }: ExperimentOptions): string {
  const given = Object.entries(rest).filter(([, value]) => value !== undefined);
  return [
    `solvegrad bench ${name}`,
    ...(sizes ? [`--sizes "${sizes.map((size) => size.join(",")).join(";")}"`] : []),
    ...given.map(([option, value]) => `--${option} ${value}`),
  ].join(" ");
}

function drawing({ title, x, y, series, caption }: ResultFigure): Html {
  const lines = series.map(({ points, pointsOnly }, k) => ({
    points: points.filter((point) => isDrawable(point, x, y)).map(([at, value]) => ({ x: at, y: value })),
    color: seriesColors[k % seriesColors.length],
    dashed: isDashed(k),
    dots: points.length <= 40,
    bare: pointsOnly,
  }));
  const description = `${title}: ${y.label} by ${x.label}, for ${series.map(({ label }) => label).join(", ")}`;
  const legend = series.map(({ label }, k) => ({ label, color: lines[k].color, dashed: isDashed(k) }));
  const drawn = lines.flatMap(({ points }) => points);
  const [across, up] = [
    axis(
      x,
      drawn.map((point) => point.x),
    ),
    axis(
      y,
      drawn.map((point) => point.y),
    ),
  ];
  return figure(title, linePlot(lines, across, up, description), legend, caption);
}

/** More series than colours: the second round is dashed. */
function isDashed(k: number): boolean {
  return k >= seriesColors.length;
}

function isDrawable([at, value]: readonly [number, number], x: ResultAxis, y: ResultAxis): boolean {
  const fits = (coordinate: number, { scale }: ResultAxis) =>
    Number.isFinite(coordinate) && (scale !== "log" || coordinate > 0);
  return fits(at, x) && fits(value, y);
}

/** Whole decades would leave values that are near each other in one corner: these get a linear axis; few whole values get whole labels. */
function axis({ label, scale = "linear", percent }: ResultAxis, values: readonly number[]): Axis {
  const ratio = Math.max(...values) / Math.min(...values);
  const whole = !percent && new Set(values).size <= 40 && values.every(Number.isInteger);
  return { label, type: scale === "log" && ratio < 20 ? "linear" : scale, percent, whole: whole && scale === "linear" };
}
