import { random } from "@solvegrad/autograd";
import { interiorPoint, quadraticProgram } from "@solvegrad/optlayers";
import { describe, expect, it } from "vitest";
import { generateSignals } from "../src/datasets/signals.ts";
import { bestLambda, totalVariation, totalVariationError } from "../src/experiments/total-variation.ts";

/** The same as a QP in (x, t): minimize 1/2 |x|^2 - y'x + lambda 1't subject to |x_{i+1} - x_i| <= t_i. */
function byQuadraticProgram(y: Float64Array, lambda: number): Float64Array {
  const n = y.length;
  const size = 2 * n - 1;
  const Q = Array.from({ length: size }, (_, i) => Array.from({ length: size }, (_, j) => (i === j && i < n ? 1 : 0)));
  const q = [...y.map((value) => -value), ...new Array(n - 1).fill(lambda)];
  const G = [1, -1].flatMap((sign) =>
    Array.from({ length: n - 1 }, (_, i) =>
      Array.from({ length: size }, (_, j) => (j === i ? -sign : j === i + 1 ? sign : j === n + i ? -1 : 0)),
    ),
  );
  const h = new Array(2 * n - 2).fill(0);
  const solution = interiorPoint({ tolerance: 1e-10 }).solve(quadraticProgram({ Q, q, G, h }));
  expect(solution.status).toEqual(["solved"]);
  return solution.x.subarray(0, n);
}

describe("total variation", () => {
  it.each([0, 0.3, 5, 13, 100])("agrees with the quadratic program it is (lambda %f)", (lambda) => {
    for (const seed of [1, 2, 3]) {
      const { noisy } = generateSignals(1, random(seed), { length: 30 });
      const x = totalVariation(noisy, lambda);
      const expected = byQuadraticProgram(noisy, lambda);
      x.forEach((value, i) => {
        expect(Math.abs(value - expected[i])).toBeLessThan(1e-6);
      });
    }
  });

  it("gives the mean where lambda is large, and takes signals of one and two samples", () => {
    const y = Float64Array.of(1, 5, 3);
    expect([...totalVariation(y, 100)].map((value) => Math.round(1e9 * value) / 1e9)).toEqual([3, 3, 3]);
    expect([...totalVariation(Float64Array.of(4), 2)]).toEqual([4]);
    expect([...totalVariation(Float64Array.of(4, 10), 2)]).toEqual([6, 8]);
  });

  it("denoises best at a lambda inside the grid, and better than not at all", () => {
    const set = generateSignals(50, random(4));
    const { lambda, error } = bestLambda(set);
    expect(lambda).toBeGreaterThan(5);
    expect(lambda).toBeLessThan(40);
    expect(error).toBeLessThan(0.3 * totalVariationError(set, 0));
  });
});

describe("signals", () => {
  it("are piecewise constant integers with noise of the given deviation, from the seed", () => {
    const set = generateSignals(200, random(9));
    expect(set).toEqual(generateSignals(200, random(9)));
    let squares = 0;
    const counts = new Set<number>();
    for (let i = 0; i < 200; i++) {
      const clean = set.clean.subarray(100 * i, 100 * (i + 1));
      expect(clean.every((value) => Number.isInteger(value) && value >= 10 && value <= 99)).toBe(true);
      counts.add(clean.reduce((jumps, value, k) => jumps + (k > 0 && value !== clean[k - 1] ? 1 : 0), 1));
      for (let k = 0; k < 100; k++) squares += (set.noisy[100 * i + k] - clean[k]) ** 2;
    }
    expect(Math.max(...counts)).toBe(9);
    expect(Math.min(...counts)).toBe(1);
    expect(Math.sqrt(squares / 20_000)).toBeGreaterThan(9.8);
    expect(Math.sqrt(squares / 20_000)).toBeLessThan(10.2);
  });
});
