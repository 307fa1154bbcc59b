import { ArgumentRangeError, random } from "@solvegrad/autograd";
import { describe, expect, test } from "vitest";
import { logarithm, normalQuantile } from "../src/random/normal.ts";

/** The bits of some numbers, as hexadecimal. */
const bits = (values: Float64Array | Float32Array) => Buffer.from(values.buffer).toString("hex");

/** sup |F_n - F| of a sample, for a continuous distribution function F. */
function kolmogorovSmirnov(sample: ArrayLike<number>, F: (x: number) => number): number {
  const sorted = Float64Array.from(sample).sort();
  return sorted.reduce((worst, x, i) => Math.max(worst, F(x) - i / sorted.length, (i + 1) / sorted.length - F(x)), 0);
}

/** The normal distribution function, by Simpson's rule from the far left. */
function normalDistribution(x: number): number {
  if (x <= -12) return 0;
  const h = (x + 12) / 2000;
  const density = (t: number) => Math.exp((-t * t) / 2) / Math.sqrt(2 * Math.PI);
  let total = density(-12) + density(x);
  for (let i = 1; i < 2000; i++) total += (i % 2 === 1 ? 4 : 2) * density(-12 + i * h);
  return (total * h) / 3;
}

describe("random numbers", () => {
  test("are these bits for this seed, on every machine", () => {
    expect(bits(random(1).uniform([4]).data())).toBe(
      "aa2fcc27ce8de03fb647bac5c222e43f485f473a90f5c63fb530c9c5b36fee3f",
    );
    expect(bits(random(1).normal([4]).data())).toBe("cb98774d0939a63fb6cc4d43421cd53f732d155d645eedbf66c0f3f3d47efa3f");
    expect(bits(random(-3).normal([4], { dtype: "float32" }).data())).toBe("a55ec4bfb2eac53f0e3201bf36c3523f");
    expect([...random(2 ** 40).integers(8, { high: 1000 })]).toEqual([727, 248, 498, 89, 541, 455, 630, 482]);
    expect([...random(1).permutation(10)]).toEqual([4, 0, 7, 8, 2, 3, 6, 1, 9, 5]);
  });

  test("differ from seed to seed, neighbouring or far, and above 32 bits", () => {
    const seeds = [0, 1, 2, -1, 2 ** 32, 2 ** 32 + 1, 2 ** 52];
    const firsts = seeds.map((seed) => random(seed).next());
    expect(new Set(firsts).size).toBe(seeds.length);
  });

  test("go on from a saved state with the same bits", () => {
    const stream = random(5);
    stream.uniform([100]);
    const { state } = stream;
    const rest = bits(stream.normal([50]).data());
    stream.state = JSON.parse(JSON.stringify(state));
    expect(bits(stream.normal([50]).data())).toBe(rest);
  });

  // The test's critical value for a level of 1e-6 is about 2.7 / sqrt(n).
  const n = 20_000;
  const critical = 2.7 / Math.sqrt(n);

  test.each([1, 2, 3])("of uniform are uniform (Kolmogorov-Smirnov), seed %i", (seed) => {
    const sample = random(seed).uniform([n], { low: -2, high: 3 }).data();
    expect(kolmogorovSmirnov(sample, (x) => (x + 2) / 5)).toBeLessThan(critical);
    expect(Math.min(...sample)).toBeGreaterThanOrEqual(-2);
    expect(Math.max(...sample)).toBeLessThan(3);
  });

  test.each([1, 2, 3])("of normal are normal (Kolmogorov-Smirnov), seed %i", (seed) => {
    const sample = random(seed).normal([2000], { mean: 1, deviation: 2 }).data();
    expect(kolmogorovSmirnov(sample, (x) => normalDistribution((x - 1) / 2))).toBeLessThan(2.7 / Math.sqrt(2000));
  });

  test("the first bits of neighbouring seeds are uniform too", () => {
    const sample = Float64Array.from({ length: n }, (_, seed) => random(seed).next());
    expect(kolmogorovSmirnov(sample, (x) => x)).toBeLessThan(critical);
  });

  test("of normal have the moments 0, 1, 0, 3 within five standard errors", () => {
    const sample = Array.from(random(9).normal([n]).data());
    const moment = (k: number) => sample.reduce((total, x) => total + x ** k, 0) / n;
    expect(Math.abs(moment(1))).toBeLessThan(5 / Math.sqrt(n));
    expect(Math.abs(moment(2) - 1)).toBeLessThan(5 * Math.sqrt(2 / n));
    expect(Math.abs(moment(3))).toBeLessThan(5 * Math.sqrt(15 / n));
    expect(Math.abs(moment(4) - 3)).toBeLessThan(5 * Math.sqrt(96 / n));
  });

  test("consecutive ones are uncorrelated", () => {
    const x = random(4).normal([n]).data();
    let product = 0;
    for (let i = 1; i < n; i++) product += x[i] * x[i - 1];
    expect(Math.abs(product / n)).toBeLessThan(5 / Math.sqrt(n));
  });

  test("a permutation holds every index once, and integers reach both ends", () => {
    expect([...random(3).permutation(100)].sort((i, j) => i - j)).toEqual(Array.from({ length: 100 }, (_, i) => i));
    const drawn = new Set(random(3).integers([20, 20], { low: -2, high: 3 }));
    expect([...drawn].sort((i, j) => i - j)).toEqual([-2, -1, 0, 1, 2]);
  });

  test("refuse a seed that is no integer, and an empty range", () => {
    expect(() => random(0.5)).toThrow(ArgumentRangeError);
    expect(() => random(1).integers(3, { low: 2, high: 2 })).toThrow(/above low = 2/);
  });
});

describe("the quantile function of the normal distribution", () => {
  test("inverts the distribution function", () => {
    // Relative to p in the tail; Simpson's rule above is good for 1e-12.
    for (const p of [1e-9, 1e-6, 1e-3, 0.01, 0.0749, 0.0751, 0.2, 0.4999]) {
      expect(Math.abs(normalDistribution(normalQuantile(p)) / p - 1)).toBeLessThan(1e-9);
      expect(normalQuantile(1 - p)).toBeCloseTo(-normalQuantile(p), 6);
    }
    expect(normalQuantile(0.5)).toBe(0);
  });

  test("uses a logarithm that agrees with the engine's to 5e-16", () => {
    for (let k = -1000; k < 1000; k += 7) {
      const x = 1.01 ** k;
      if (k !== 0) expect(Math.abs(logarithm(x) / Math.log(x) - 1)).toBeLessThan(5e-16);
    }
  });
});
