import { afterEach, describe, expect, it } from "vitest";
import { compareGradients } from "../../src/compare/compare-gradients.ts";
import { formatComparison } from "../../src/compare/format-comparison.ts";
import { jacobianConvergence } from "../../src/compare/jacobian-convergence.ts";
import { differentiationRules } from "../../src/compare/rule-list.ts";
import { truncationStudy } from "../../src/compare/truncation-study.ts";
import { alternating } from "../../src/differentiate/alternating.ts";
import type { DifferentiationRule } from "../../src/differentiate/rule.ts";
import { DatumRangeError } from "../../src/errors.ts";
import { datumNames } from "../../src/problem/quadratic-program.ts";
import { admm } from "../../src/solvers/admm.ts";
import { normals, randomProgram, vertex } from "../random-programs.ts";

const problem = randomProgram({ n: 15, p: 3, m: 9, batch: 2, batched: ["q"], seed: 4 });
const c = Float64Array.from({ length: 30 }, normals(8));

/** A rule that is wrong on purpose: minus half of the right gradient. */
const wrong: DifferentiationRule = {
  name: "wrong",
  vjp(program, solution, cotangent, options) {
    const { gradients, report } = alternating().vjp(program, solution, cotangent, options);
    for (const name of datumNames) gradients[name] = gradients[name]?.map((value) => -value / 2);
    return { gradients, report };
  },
};

describe("compareGradients", () => {
  afterEach(() => {
    differentiationRules.delete("wrong");
  });

  it("finds that the three rules agree to 1e-6 for every datum", () => {
    for (const solver of [undefined, admm({ tolerance: 1e-12 })]) {
      const comparison = compareGradients(problem, c, { solver });
      expect(comparison.rules.map(({ rule }) => rule)).toEqual(["implicit", "alternating", "unrolled"]);
      for (const { rule, overall, perDatum, report } of comparison.rules) {
        expect(Object.keys(perDatum), rule).toEqual([...datumNames]);
        for (const { cosine, relativeDifference } of [overall, ...Object.values(perDatum)]) {
          expect(relativeDifference, rule).toBeLessThan(1e-6);
          expect(cosine, rule).toBeGreaterThan(1 - 1e-12);
        }
        expect(report.peakBytes, rule).toBeGreaterThan(8 * 30);
        expect(report.milliseconds, rule).toBeGreaterThan(0);
      }
    }
  });

  it("measures how wrong a wrong rule is", () => {
    const [{ overall, perDatum }] = compareGradients(problem, c, { rules: [wrong] }).rules;
    expect(overall.cosine).toBeCloseTo(-1, 9);
    expect(overall.relativeDifference).toBeCloseTo(1.5, 6);
    expect(perDatum.A?.relativeDifference).toBeCloseTo(1.5, 6);
  });

  it("calls equal what rounding leaves of a gradient that is zero", () => {
    for (const { rule, perDatum } of compareGradients(vertex, Float64Array.of(0, 1)).rules) {
      expect(perDatum.q?.relativeDifference, rule).toBeLessThan(1e-8);
      expect(perDatum.Q?.relativeDifference, rule).toBeLessThan(1e-8);
    }
  });

  it("takes a rule that was registered, without being told", () => {
    differentiationRules.set("wrong", () => wrong);
    expect(compareGradients(problem, c).rules.map(({ rule }) => rule)).toContain("wrong");
  });

  it("takes data as a user writes them, and only the gradients that are wanted", () => {
    const data = {
      Q: [
        [2, 0],
        [0, 2],
      ],
      q: [-2, -5],
      G: [[1, 1]],
      h: [1],
    };
    const { rules, solution } = compareGradients(data, Float64Array.of(1, 0), { wanted: ["q", "h"] });
    expect(solution.x[0]).toBeCloseTo(-0.25, 9);
    for (const { gradients } of rules) {
      expect(Object.keys(gradients)).toEqual(["q", "h"]);
      expect(gradients.h?.[0]).toBeCloseTo(0.5, 9);
    }
  });

  it("prints one line a rule, columns aligned, notes below", () => {
    const rules = [alternating({ truncate: 1e-2 }), wrong];
    const lines = formatComparison(compareGradients(problem, c, { rules })).split("\n");
    expect(lines[0]).toMatch(/2 QPs with n = 15, p = 3, m = 9; solved by interior point/);
    expect(lines[1]).toMatch(/^rule +cosine +difference +Q +q +A +b +G +h +iterations +ms +peak$/);
    expect(lines[2]).toMatch(/^alternating +0\.99/);
    expect(lines[3]).toMatch(/^wrong +-1\.0+ +1\.5e\+0/);
    expect(lines[2].length).toBe(lines[1].length);
    expect(lines[4]).toMatch(/^alternating: The recursion was truncated/);
  });
});

/** The slope of log(y) against log(x), by least squares. */
function slope(x: readonly number[], y: readonly number[]): number {
  const [u, v] = [x.map(Math.log), y.map(Math.log)];
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [mu, mv] = [mean(u), mean(v)];
  const covariance = mean(u.map((value, k) => (value - mu) * (v[k] - mv)));
  return covariance / mean(u.map((value) => (value - mu) ** 2));
}

describe("Theorem 4.1", () => {
  const layer = randomProgram({ n: 40, p: 8, m: 20, batch: 8, batched: ["q"], seed: 5 });
  const cotangent = { x: Float64Array.from({ length: 320 }, normals(12)) };

  it("holds: the gradient's error falls in proportion to the solution's, from a tolerance of 1e-1 to 1e-6", () => {
    const points = truncationStudy(layer, cotangent);
    expect(points.map(({ tolerance }) => tolerance)).toEqual([1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6]);
    for (let k = 1; k < points.length; k++) {
      expect(points[k].solutionError).toBeLessThan(points[k - 1].solutionError);
      expect(points[k].gradientError).toBeLessThan(points[k - 1].gradientError);
      expect(points[k].iterations).toBeGreaterThanOrEqual(points[k - 1].iterations);
    }
    const solution = points.map(({ solutionError }) => solutionError);
    const gradient = points.map(({ gradientError }) => gradientError);
    expect(solution[5] / solution[0]).toBeLessThan(1e-4);
    // in proportion: slope 1 on logarithmic axes
    expect(slope(solution, gradient)).toBeGreaterThan(0.75);
    expect(slope(solution, gradient)).toBeLessThan(1.35);
  });

  it("holds along the iteration: the Jacobian of ADMM tends to that of the KKT conditions (Figure 1)", () => {
    for (const datum of ["b", "q", "Q", "G"] as const) {
      const small = randomProgram({ n: 10, p: 3, m: 5, batch: 2, batched: ["q"], seed: 6 });
      const points = jacobianConvergence(small, datum, { iterations: 150 });
      expect(points.length).toBe(150);
      expect(points[0].jacobianError).toBeGreaterThan(1e-2);
      expect(points[149].jacobianError, datum).toBeLessThan(1e-6);
      expect(points[149].solutionError).toBeLessThan(1e-6);
    }
  });

  it("cannot be measured where there is no solution", () => {
    const layerWithout = randomProgram({ n: 4, p: 0, m: 2, seed: 7 });
    layerWithout.G.values.fill(1, 0, 4);
    layerWithout.G.values.fill(-1, 4, 8);
    layerWithout.h.values.set([0, -1]);
    expect(() => truncationStudy(layerWithout, { x: new Float64Array(4) })).toThrow(/primal_infeasible/);
    expect(() => jacobianConvergence(layerWithout, "b")).toThrow(/primal_infeasible/);
  });
});

describe("compareGradients' cotangent", () => {
  it("may be a list of numbers", () => {
    const differences = (cotangent: Float64Array | number[]) =>
      compareGradients(problem, cotangent).rules.map(({ overall }) => overall.relativeDifference);
    expect(differences(Array.from(c))).toEqual(differences(c));
  });

  it("is refused where it has another length than x, or a number that is not finite", () => {
    expect(() => compareGradients(problem, c.slice(1))).toThrow("cotangent of x has 29 entries");
    expect(() => compareGradients(problem, c.slice(1))).toThrow(DatumRangeError);
    expect(() =>
      compareGradients(
        problem,
        c.map((value, j) => (j === 3 ? Number.NaN : value)),
      ),
    ).toThrow("expected 2 x 15 finite numbers");
    expect(() => compareGradients(problem, { x: c, lambda: new Float64Array(9) })).toThrow("cotangent of lambda has 9");
  });
});
