import { DataFileError } from "../data-file-error.ts";

/** Hourly electricity load, gaps filled with NaN: `load[i]` is that of the hour that begins at `start + i` hours. */
export interface LoadSeries {
  /** Hours since 1970, UTC where the file says so, otherwise the file's own clock. */
  readonly start: number;
  readonly load: Float64Array;
  /** What a load of 1 is in GW: 1/1000 where the file is in MW, as tables are. */
  readonly gigawatts: number;
  /** Where the numbers come from. */
  readonly source: string;
  readonly synthetic: boolean;
}

/**
 * Reads hourly load in one of three forms, told apart by the first line:
 *
 * - three or two numbers a line: unix time in seconds, load in GW, and perhaps temperature;
 * - PJM's export `datetime_beginning_utc,...,mw,...` (several zones of an hour are summed);
 * - a table of two columns, a date and time and a load in MW.
 *
 * Hours that are missing or not numbers become gaps; of an hour given twice (as when clocks go back) the mean is taken. Throws a
 * DataFileError that names the line.
 */
export function parseLoad(text: string, file: string): LoadSeries {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "");
  if (lines.length < 2) throw new DataFileError(file, "holds no hourly load");
  const isUnix = /^[\s\d.eE+-]+$/.test(lines[0]);
  const readings = isUnix ? unixReadings(lines, file) : tableReadings(lines, file);
  return { ...series(readings, file), gigawatts: isUnix ? 1 : 1e-3 };
}

interface Reading {
  readonly hour: number;
  readonly load: number;
}

function unixReadings(lines: readonly string[], file: string): Reading[] {
  return lines.map((line, i) => {
    const [seconds, load] = line.trim().split(/\s+/).map(Number);
    if (!Number.isFinite(seconds) || load === undefined) {
      throw new DataFileError(file, `line ${i + 1} is ${JSON.stringify(line)}, expected unix time and load`);
    }
    return { hour: Math.round(seconds / 3600), load };
  });
}

function tableReadings([header, ...lines]: readonly string[], file: string): Reading[] {
  const names = header.split(",").map((name) => name.trim().toLowerCase());
  const timeAt = names.findIndex((name) => name.startsWith("datetime"));
  const loadAt = names.includes("mw") ? names.indexOf("mw") : names.findIndex((name) => name.endsWith("_mw"));
  if (timeAt < 0 || loadAt < 0) {
    throw new DataFileError(file, `has the columns ${names.join(", ")}, expected a datetime and one of load in mw`);
  }
  const sums = new Map<string, Reading>();
  const isExport = names.includes("mw");
  lines.forEach((line, i) => {
    const cells = line.split(",").map((cell) => cell.trim());
    const hour = hourOf(cells[timeAt]);
    if (hour === null)
      throw new DataFileError(file, `line ${i + 2} has the time ${cells[timeAt]}, expected a date and hour`);
    // an export has one line for each zone of an hour
    const key = isExport ? String(hour) : String(i);
    const before = sums.get(key)?.load ?? 0;
    sums.set(key, { hour, load: before + (cells[loadAt] === "" ? Number.NaN : Number(cells[loadAt])) });
  });
  return [...sums.values()];
}

/** "2008-01-31 05:00:00", "2008-01-31T05:00" or "1/31/2008 5:00:00 AM" as hours since 1970; null for anything else. */
function hourOf(text = ""): number | null {
  const iso = /^(\d{4})-(\d{2})-(\d{2})[ T](\d{2}):\d{2}/.exec(text);
  if (iso) return hours(Number(iso[1]), Number(iso[2]), Number(iso[3]), Number(iso[4]));
  const american = /^(\d{1,2})\/(\d{1,2})\/(\d{4}) (\d{1,2}):\d{2}(?::\d{2})? ?([AP]M)?$/i.exec(text);
  if (!american) return null;
  const [month, day, year, clock] = american.slice(1, 5).map(Number);
  const half = american[5]?.toUpperCase();
  const hour = half === undefined ? clock : (clock % 12) + (half === "PM" ? 12 : 0);
  return hours(year, month, day, hour);
}

function hours(year: number, month: number, day: number, hour: number): number {
  return Date.UTC(year, month - 1, day, hour) / 3_600_000;
}

function series(readings: readonly Reading[], file: string): Omit<LoadSeries, "gigawatts"> {
  const known = readings.filter(({ load }) => Number.isFinite(load));
  if (known.length === 0) throw new DataFileError(file, "holds no load that is a number");
  const start = known.reduce((first, { hour }) => Math.min(first, hour), Number.POSITIVE_INFINITY);
  const end = known.reduce((last, { hour }) => Math.max(last, hour), Number.NEGATIVE_INFINITY);
  if (end - start > 50 * 366 * 24)
    throw new DataFileError(file, `spans ${end - start} hours, expected 50 years at most`);
  const load = new Float64Array(end - start + 1);
  const counts = new Uint8Array(load.length);
  for (const { hour, load: value } of known) {
    load[hour - start] += value;
    counts[hour - start]++;
  }
  return { start, load: load.map((sum, i) => sum / counts[i]), source: file, synthetic: false };
}
