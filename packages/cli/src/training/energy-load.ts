import { readFileSync } from "node:fs";
import { random } from "@solvegrad/autograd";
import {
  DataFileError,
  type LoadSeries,
  type LoadSplit,
  loadWindows,
  parseLoad,
  syntheticLoad,
  type WindowOptions,
} from "@solvegrad/models";
import { InputError } from "../exit.ts";
import { reasonOf } from "../input/read-text.ts";
import * as text from "../output/numbers.ts";
import type { TaskOptions } from "./prepared-task.ts";

/** Days of load that are made up where no file is given. */
const syntheticDays = 1461;

/** Hourly load from the file of `--data`, or a synthetic one. */
export function energyLoad({ data, seed }: Pick<TaskOptions, "data" | "seed">): LoadSeries {
  return data === undefined ? syntheticLoad(syntheticDays, random(seed)) : readLoad(data);
}

function readLoad(file: string): LoadSeries {
  try {
    return parseLoad(readFileSync(file, "utf8"), file);
  } catch (error) {
    if (error instanceof DataFileError) throw error;
    throw new DataFileError(file, `cannot be read (${reasonOf(error)}), expected hourly load`);
  }
}

export function energyWindows(
  series: LoadSeries,
  { timeZone }: Pick<TaskOptions, "timeZone">,
  options: WindowOptions = {},
): LoadSplit {
  if (timeZone !== undefined) checkTimeZone(timeZone);
  try {
    return loadWindows(series, { ...options, timeZone });
  } catch (error) {
    if (error instanceof RangeError) throw new InputError(`${series.source}: ${error.message}`);
    throw error;
  }
}

function checkTimeZone(timeZone: string): void {
  try {
    new Intl.DateTimeFormat("en", { timeZone });
  } catch {
    throw new InputError(`--time-zone is ${timeZone}, expected a name such as America/New_York or UTC`);
  }
}

/** What there is to train and to test on, one line. */
export function daysOf({ train, test }: Pick<LoadSplit, "train" | "test">, { source, synthetic }: LoadSeries): string {
  const made = synthetic ? " (made up by this program)" : "";
  return `${text.thousands(train.count)} training windows and ${text.thousands(test.count)} test days from ${source}${made}`;
}

/** A sentence that says so where the load is synthetic. */
export function syntheticNote({ synthetic }: LoadSeries): string {
  return synthetic ? " The load is synthetic: it was made up by this program." : "";
}
