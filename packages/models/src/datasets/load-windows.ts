import { type Tensor, tensor } from "@solvegrad/autograd";
import type { Examples } from "../training/examples.ts";
import type { LoadSeries } from "./load-series.ts";

/** What is known and what is to be scheduled: (B, past) and (B, future) loads scaled to [0, 1], float64. */
export interface LoadBatch {
  readonly past: Tensor;
  readonly demand: Tensor;
}

export interface LoadSplit {
  readonly train: Examples<LoadBatch>;
  readonly test: Examples<LoadBatch>;
  /** Scaled load = (load - low) / (high - low), of the training part. */
  readonly low: number;
  readonly high: number;
}

export interface WindowOptions {
  /** Hours known. Default 72. */
  readonly past?: number;
  /** Hours to be scheduled. Default 24. */
  readonly future?: number;
  /** The share of the series, at its end, that is held out. Default 0.2. */
  readonly heldOut?: number;
  /** Hours from one training window to the next. Default 1. */
  readonly every?: number;
  /** Where it is midnight when a test day begins: a name such as "America/New_York". Default "UTC", the clock of the file. */
  readonly timeZone?: string;
}

/**
 * Windows of past and future hours. Those of training begin at every hour, or every so many; those of the held-out end of the series at
 * midnight, one a day, so that no hour is scheduled twice; no window spans a gap, and no hour of a test day's future was trained
 * on. Throws a RangeError for a series that is too short, and for a time zone that there is not.
 */
export function loadWindows(
  { start, load }: LoadSeries,
  { past = 72, future = 24, heldOut = 0.2, every = 1, timeZone = "UTC" }: WindowOptions = {},
): LoadSplit {
  const border = Math.floor((1 - heldOut) * load.length);
  const whole = wholeWindows(load, past + future);
  const hourOfDay = clockIn(timeZone);
  const training = whole.filter((from) => from + past + future <= border && from % every === 0);
  const testing = whole.filter((from) => from + past >= border && hourOfDay(start + from + past) === 0);
  if (training.length === 0 || testing.length === 0) {
    const expected = `windows of ${past} + ${future} hours in both parts`;
    throw new RangeError(`the load has ${load.length} hours, expected enough for ${expected}`);
  }
  const known = load.subarray(0, border).filter(Number.isFinite);
  const low = known.reduce((a, b) => Math.min(a, b));
  const high = known.reduce((a, b) => Math.max(a, b));
  const scaled = load.map((value) => (value - low) / (high - low || 1));
  const examples = (begins: Int32Array): Examples<LoadBatch> => ({
    count: begins.length,
    batch: (places) => ({
      past: rows(scaled, begins, places, 0, past),
      demand: rows(scaled, begins, places, past, future),
    }),
  });
  return { train: examples(training), test: examples(testing), low, high };
}

/** The hour of the day, 0 to 23, that a number of hours since 1970 is there. */
function clockIn(timeZone: string): (hour: number) => number {
  if (timeZone === "UTC") return (hour) => hour % 24;
  const { format } = new Intl.DateTimeFormat("en", { timeZone, hour: "numeric", hourCycle: "h23" });
  return (hour) => Number(format(3_600_000 * hour));
}

/** Where windows without a gap begin. */
function wholeWindows(load: Float64Array, length: number): Int32Array {
  const begins: number[] = [];
  let run = 0;
  for (let i = 0; i < load.length; i++) {
    run = Number.isFinite(load[i]) ? run + 1 : 0;
    if (run >= length) begins.push(i - length + 1);
  }
  return Int32Array.from(begins);
}

function rows(values: Float64Array, begins: Int32Array, places: Int32Array, offset: number, width: number): Tensor {
  const chosen = new Float64Array(places.length * width);
  places.forEach((place, i) => {
    const from = begins[place] + offset;
    chosen.set(values.subarray(from, from + width), i * width);
  });
  return tensor(chosen, { shape: [places.length, width] });
}
