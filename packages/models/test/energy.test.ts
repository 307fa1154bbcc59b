import { random } from "@solvegrad/autograd";
import { describe, expect, it } from "vitest";
import { DataFileError } from "../src/data-file-error.ts";
import { parseLoad } from "../src/datasets/load-series.ts";
import { loadWindows } from "../src/datasets/load-windows.ts";
import { syntheticLoad } from "../src/datasets/synthetic-load.ts";
import { EnergyScheduler } from "../src/networks/energy-scheduler.ts";
import { layerMethod } from "../src/networks/layer-method.ts";

const hour = (text: string) => Date.parse(text) / 3_600_000;

describe("parseLoad", () => {
  it("reads unix time and load, with or without temperature", () => {
    const text = " 1.19916720e+09 1.47734500e+00 3.5e+01\n 1.19917080e+09 1.41448300e+00 3.7e+01\n";
    expect(parseLoad(text, "file")).toMatchObject({ start: 333102, load: Float64Array.of(1.477345, 1.414483) });
  });

  it("reads an export of PJM, summing the zones of an hour, with a gap where a load is missing", () => {
    const text = [
      "datetime_beginning_utc,datetime_beginning_ept,nerc_region,mkt_region,zone,load_area,mw,is_verified",
      "1/31/2020 11:00:00 PM,1/31/2020 6:00:00 PM,RFC,WEST,DUQ,DUQ,1500.5,True",
      "1/31/2020 11:00:00 PM,1/31/2020 6:00:00 PM,RFC,WEST,AEP,AEPAPT,100,True",
      "2/1/2020 12:00:00 AM,1/31/2020 7:00:00 PM,RFC,WEST,DUQ,DUQ,,True",
      "2/1/2020 1:00:00 AM,1/31/2020 8:00:00 PM,RFC,WEST,DUQ,DUQ,1400,True",
    ].join("\n");
    const { start, load, gigawatts } = parseLoad(text, "file");
    expect(start).toBe(hour("2020-01-31T23:00Z"));
    expect([...load]).toEqual([1600.5, Number.NaN, 1400]);
    expect(gigawatts).toBe(1e-3);
  });

  it("reads a table of two columns in any order, and takes the mean of an hour that comes twice", () => {
    const text = "Datetime,DUQ_MW\n2010-11-07 02:00:00,30\n2010-11-07 01:00:00,10\n2010-11-07 01:00:00,20\n";
    const { start, load } = parseLoad(text, "file");
    expect(start).toBe(hour("2010-11-07T01:00Z"));
    expect([...load]).toEqual([15, 30]);
  });

  const damages: [string, string, string][] = [
    ["nothing", "\n", "file: holds no hourly load"],
    ["other columns", "a,b\n1,2\n", "file: has the columns a, b, expected a datetime and one of load in mw"],
    ["a time that is none", "Datetime,X_MW\nyesterday,2\n", "file: line 2 has the time yesterday"],
  ];
  it.each(damages)("names a file with %s", (_, text, message) => {
    expect(() => parseLoad(text, "file")).toThrow(DataFileError);
    expect(() => parseLoad(text, "file")).toThrow(message);
  });
});

describe("loadWindows", () => {
  const start = hour("2020-01-01T00:00Z");
  const load = Float64Array.from({ length: 24 * 30 }, (_, i) => i);

  it("trains on every hour's window before the border, and tests on whole days after it", () => {
    const { train, test, low, high } = loadWindows({ start, load, gigawatts: 1, source: "", synthetic: true });
    const border = 0.8 * load.length;
    expect(train.count).toBe(border - 96 + 1);
    expect(test.count).toBe(6);
    expect([low, high]).toEqual([0, border - 1]);
    const { past, demand } = test.batch(Int32Array.of(0, 5));
    expect([past.shape, demand.shape]).toEqual([
      [2, 72],
      [2, 24],
    ]);
    expect(demand.data()[0] * (border - 1)).toBeCloseTo(border, 9);
    expect(demand.data()[47] * (border - 1)).toBeCloseTo(load.length - 1, 9);
    expect(past.data()[71] * (border - 1)).toBeCloseTo(border - 1, 9);
  });

  it("trains on fewer windows where they begin every so many hours, and tests on days of a place", () => {
    const series = { start, load, gigawatts: 1, source: "", synthetic: true };
    const { train, test } = loadWindows(series, { every: 6, timeZone: "America/New_York" });
    expect(train.count).toBe(Math.floor((0.8 * load.length - 96) / 6) + 1);
    const { demand } = test.batch(Int32Array.of(0));
    expect((demand.data()[0] * (0.8 * load.length - 1)) % 24).toBeCloseTo(5, 9); // midnight in New York is 5:00 UTC
    expect(() => loadWindows(series, { timeZone: "Atlantis" })).toThrow(RangeError);
  });

  it("leaves out windows with a gap, and refuses a series that is too short", () => {
    const gap = load.with(100, Number.NaN);
    const { train, low } = loadWindows({ start, load: gap, gigawatts: 1, source: "", synthetic: true });
    expect(train.count).toBe(576 - 96 + 1 - 96);
    expect(low).toBe(0);
    expect(() => loadWindows({ start, load: load.slice(0, 100), gigawatts: 1, source: "", synthetic: true })).toThrow(
      "the load has 100 hours, expected enough for windows of 72 + 24 hours in both parts",
    );
  });
});

describe("the synthetic load", () => {
  const { load, synthetic } = syntheticLoad(730, random(3));
  const mean = (pick: (day: number, hour: number) => boolean) => {
    const chosen = load.filter((_, i) => pick(Math.floor(i / 24), i % 24));
    return chosen.reduce((sum, value) => sum + value, 0) / chosen.length;
  };

  it("says that it is synthetic, and has days, weeks and seasons", () => {
    expect(synthetic).toBe(true);
    expect(load.every((value) => value > 0.5 && value < 4)).toBe(true);
    expect(mean((_, at) => at === 18)).toBeGreaterThan(1.15 * mean((_, at) => at === 3));
    const weekday = (day: number) => (day + 1) % 7; // 1 January 2008 was a Tuesday
    expect(mean((day, at) => at === 18 && weekday(day) < 5)).toBeGreaterThan(
      1.02 * mean((day, at) => at === 18 && weekday(day) >= 5),
    );
    const season = (day: number) => Math.floor((day % 365) / 91);
    expect(mean((day) => season(day) === 2)).not.toBeCloseTo(
      mean((day) => season(day) === 1),
      2,
    );
  });

  it("is the same for the same seed", () => {
    expect(syntheticLoad(30, random(3)).load).toEqual(syntheticLoad(30, random(3)).load);
  });
});

describe("EnergyScheduler", () => {
  const network = new EnergyScheduler(random(1), { ...layerMethod("implicit", { tolerance: 1e-9 }), ramp: 0.1 });

  it("follows a demand that the ramp allows, and no other faster than the ramp", () => {
    const calm = random(2).uniform([3, 24], { low: 0.4, high: 0.5 });
    const schedule = network.schedule(calm);
    schedule.data().forEach((value, i) => {
      expect(Math.abs(value - calm.data()[i])).toBeLessThan(1e-7);
    });
    const wild = network.schedule(random(2).uniform([3, 24], { low: 0, high: 1 })).data();
    for (let i = 1; i < wild.length; i++) {
      if (i % 24 > 0) expect(Math.abs(wild[i] - wild[i - 1])).toBeLessThan(0.1 + 1e-8);
    }
  });
});
