import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import { type Html, raw } from "./html.ts";

export interface Point {
  readonly x: number;
  readonly y: number;
  readonly label?: string;
}

/** One line of a picture. */
export interface Series {
  readonly points: readonly Point[];
  readonly color: string;
  /** A thin, pale line: data behind their trend. */
  readonly faint?: boolean;
  readonly dashed?: boolean;
  /** Marks each point with a dot. */
  readonly dots?: boolean;
  /** No line, which leaves the dots. */
  readonly bare?: boolean;
}

export interface Axis {
  readonly label: string;
  readonly type?: "linear" | "log";
  readonly domain?: readonly [number, number];
  readonly percent?: boolean;
  /** Labels at whole numbers only. */
  readonly whole?: boolean;
}

/** Colours of the page's palette, so that pictures follow light and dark. */
export const colors = {
  first: "var(--series-1)",
  second: "var(--series-2)",
  third: "var(--series-3)",
  fourth: "var(--series-4)",
  reference: "var(--reference)",
} as const;

/** For series of equal standing, in this order. */
export const seriesColors = [colors.first, colors.second, colors.third, colors.fourth];

const width = 460;
const height = 290;

/** Draws lines as inline SVG, with `description` for those who cannot see them. */
export function linePlot(series: readonly Series[], x: Axis, y: Axis, description: string): Html {
  const { document } = parseHTML("<!doctype html><html><body></body></html>");
  const points = series.flatMap((line) => line.points);
  const xs = points.map((point) => point.x);
  const ys = points.map((point) => point.y);
  const svg = Plot.plot({
    document: document as unknown as Document,
    width,
    height,
    marginLeft: 52,
    marginBottom: 40,
    marginRight: 22,
    ariaLabel: description,
    style: { fontSize: "12px", background: "none", overflow: "visible" },
    x: scale(x, xs),
    y: { ...scale(y, ys), grid: true },
    marks: series.flatMap(marks),
  });
  return raw(withoutNamespaces(svg.outerHTML));
}

function scale(axis: Axis, values: readonly number[]): Plot.ScaleOptions {
  const { label, type = "linear", domain, percent, whole } = axis;
  if (type === "log") return { label, ...decades(values) };
  if (whole) return { label, type, ticks: wholeTicks(values), tickFormat: "d" };
  return { label, type, ...(domain ? { domain: [...domain] } : {}), ...(percent ? { tickFormat: ".0%" } : {}) };
}

/** At most ten whole numbers over the values. */
function wholeTicks(values: readonly number[]): number[] {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const step = Math.ceil((most - least + 1) / 10);
  return Array.from({ length: Math.floor((most - least) / step) + 1 }, (_, k) => Math.ceil(least) + k * step);
}

/** A logarithmic axis from whole power to whole power of ten, with at most eight labels. */
function decades(values: readonly number[]): Plot.ScaleOptions {
  const exponents = values.filter((value) => value > 0).map(Math.log10);
  // a little room, so that no point sits on the frame
  const low = Math.floor(Math.min(...exponents) - 0.15);
  const high = Math.ceil(Math.max(...exponents, low + 1) + 0.05);
  const step = Math.ceil((high - low) / 8);
  const ticks: number[] = [];
  for (let exponent = low; exponent <= high; exponent += step) ticks.push(10 ** exponent);
  const tickFormat = (value: number) => `1e${Math.round(Math.log10(value))}`;
  return { type: "log", domain: [10 ** low, 10 ** high], ticks, tickFormat };
}

function marks({ points, color, faint, dashed, dots, bare }: Series): Plot.Markish[] {
  const line = Plot.line(points, {
    x: "x",
    y: "y",
    stroke: color,
    strokeWidth: faint ? 1 : 2,
    strokeOpacity: faint ? 0.35 : 1,
    clip: true,
    ...(dashed ? { strokeDasharray: "5 4" } : {}),
  });
  const marked = dots ? [Plot.dot(points, { x: "x", y: "y", fill: color, r: 3.5 })] : [];
  const named = points.filter((point) => point.label !== undefined);
  const text = Plot.text(named, {
    x: "x",
    y: "y",
    text: "label",
    fill: "currentColor",
    dx: 8,
    dy: 10,
    textAnchor: "start",
  });
  return [...(bare ? [] : [line]), ...marked, ...(named.length > 0 ? [text] : [])];
}

/** Inline SVG needs none, and an offline page is easier to check when it names no address at all. */
function withoutNamespaces(svg: string): string {
  return svg.replace(/ xmlns(:\w+)?="[^"]*"/g, "");
}
