import type { Random } from "@solvegrad/autograd";
import type { LoadSeries } from "./load-series.ts";

/**
 * A made-up load of a small region, hour by hour from 2008 on: a base with two daily peaks, quieter week-ends and holidays, heating
 * and cooling by a temperature with seasons, days and weather that drifts, and noise. For trying things without data.
 */
export function syntheticLoad(days: number, random: Random): LoadSeries {
  const start = Date.UTC(2008, 0, 1) / 3_600_000;
  const count = 24 * days;
  const weather = drift(days, 0.85, 4, random);
  const mood = drift(days, 0.7, 0.015, random);
  const noise = random.normal([count], { deviation: 0.012 }).data();
  const load = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const [day, hour] = [Math.floor(i / 24), i % 24];
    const season = -Math.cos((2 * Math.PI * (day - 15)) / 365.25);
    const temperature = 11 + 12 * season - 4 * Math.cos((2 * Math.PI * (hour - 3)) / 24) + weather[day];
    const heating = 0.012 * Math.max(0, 16 - temperature);
    const cooling = 0.028 * Math.max(0, temperature - 20);
    const shape = isQuiet(start / 24 + day) ? 0.75 : 1;
    load[i] =
      1 + shape * (0.22 * peak(hour, 9, 3) + 0.28 * peak(hour, 18.5, 3.2)) + heating + cooling + mood[day] + noise[i];
  }
  return { start, load, gigawatts: 1, source: "a synthetic load", synthetic: true };
}

/** One value a day that keeps the share `memory` of the day before. */
function drift(days: number, memory: number, deviation: number, random: Random): Float64Array {
  const values = Float64Array.from(random.normal([days], { deviation }).data());
  for (let day = 1; day < days; day++)
    values[day] = memory * values[day - 1] + Math.sqrt(1 - memory ** 2) * values[day];
  return values;
}

/** A bump around an hour of the day. */
function peak(hour: number, centre: number, width: number): number {
  const distance = Math.min(Math.abs(hour - centre), 24 - Math.abs(hour - centre));
  return Math.exp(-0.5 * (distance / width) ** 2);
}

/** Week-ends, and the holidays whose date is the same every year; `day` counts from 1970. */
function isQuiet(day: number): boolean {
  const date = new Date(86_400_000 * day);
  const holiday = ["1-1", "7-4", "11-11", "12-25"].includes(`${date.getUTCMonth() + 1}-${date.getUTCDate()}`);
  return holiday || date.getUTCDay() === 0 || date.getUTCDay() === 6;
}
