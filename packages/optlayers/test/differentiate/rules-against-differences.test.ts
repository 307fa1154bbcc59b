import { describe, expect, it } from "vitest";
import { alternating } from "../../src/differentiate/alternating.ts";
import type { DataCotangents, DifferentiationRule } from "../../src/differentiate/rule.ts";
import { unrolled } from "../../src/differentiate/unrolled.ts";
import type { DatumName, QuadraticProgram } from "../../src/problem/quadratic-program.ts";
import { admm } from "../../src/solvers/admm.ts";
import { interiorPoint } from "../../src/solvers/interior-point.ts";
import { inner, margin, normals, presentData, randomProgram, relativeError } from "../random-programs.ts";
import { centralSlope, slantedDirection } from "../support/differences.ts";

const cases: Record<string, Parameters<typeof randomProgram>[0]> = {
  "equalities and inequalities, p + m < n": { n: 12, p: 3, m: 6, seed: 1 },
  "equalities and inequalities, p + m > n": { n: 8, p: 2, m: 12, seed: 12 },
  "equalities alone": { n: 10, p: 4, m: 0, seed: 3 },
  "inequalities alone": { n: 10, p: 0, m: 7, seed: 4 },
  "no constraints": { n: 6, p: 0, m: 0, seed: 5 },
  "a batch with shared matrices": { n: 12, p: 3, m: 6, batch: 3, batched: ["q", "b", "h"], seed: 6 },
  "a batch with everything its own": { n: 8, p: 2, m: 9, batch: 3, batched: ["Q", "q", "A", "b", "G", "h"], seed: 17 },
  "a batch with its own G alone": { n: 9, p: 2, m: 5, batch: 3, batched: ["G"], seed: 8 },
  "60 variables": { n: 60, p: 15, m: 30, batch: 2, batched: ["q"], seed: 9 },
};

const rules: Record<string, DifferentiationRule> = {
  adjoint: alternating(),
  "adjoint without acceleration": alternating({ acceleration: "none" }),
  forward: alternating({ mode: "forward" }),
  unrolled: unrolled(),
};

function cotangentOf(problem: QuadraticProgram, seed = 100) {
  const normal = normals(seed);
  return { x: Float64Array.from({ length: problem.batch * problem.n }, normal) };
}

/** d/dt of c'x along a direction of one datum, by central differences of another solver's solutions. */
function slope(problem: QuadraticProgram, name: DatumName, direction: Float64Array, c: Float64Array): number {
  const solver = interiorPoint({ tolerance: 1e-11 });
  return centralSlope(problem, name, direction, (near) => inner(c, solver.solve(near).x));
}

describe.each(Object.entries(cases))("%s", (_title, options) => {
  const problem = randomProgram(options);
  const solution = admm({ tolerance: 1e-12 }).solve(problem);
  const cotangent = cotangentOf(problem);

  it.each(Object.entries(rules))("%s: every gradient agrees with central differences to 1e-6", (_name, rule) => {
    expect(new Set(solution.status)).toEqual(new Set(["solved"]));
    expect(margin(solution)).toBeGreaterThan(1e-3);
    const data = presentData(problem).filter((name) => rule !== rules.forward || problem[name].values.length < 1000);
    const { gradients } = rule.vjp(problem, solution, cotangent, { wanted: data });
    for (const name of data) {
      const gradient = gradients[name] ?? new Float64Array();
      const direction = slantedDirection(problem, name, gradient, 17);
      const expected = slope(problem, name, direction, cotangent.x);
      expect(Math.abs(inner(gradient, direction) - expected) / Math.abs(expected), name).toBeLessThan(1e-6);
    }
  });
});

describe("modes", () => {
  const problem = randomProgram({ n: 14, p: 3, m: 9, batch: 2, batched: ["q", "h"], seed: 21 });
  const solution = admm({ tolerance: 1e-12 }).solve(problem);
  const cotangent = cotangentOf(problem);

  function largestDifference(a: DataCotangents, b: DataCotangents): number {
    return Math.max(
      ...presentData(problem).map((name) => relativeError(a[name] ?? [], b[name] ?? new Float64Array([Number.NaN]))),
    );
  }

  it("forward and adjoint mode agree to 1e-9 where the active set has settled", () => {
    const options = { truncate: 1e-13 } as const;
    const forward = alternating({ mode: "forward", ...options }).vjp(problem, solution, cotangent);
    const plain = alternating({ acceleration: "none", ...options }).vjp(problem, solution, cotangent);
    const accelerated = alternating(options).vjp(problem, solution, cotangent);
    expect(forward.report.notes.concat(plain.report.notes)).toEqual([]);
    expect(largestDifference(forward.gradients, plain.gradients)).toBeLessThan(1e-9);
    expect(largestDifference(accelerated.gradients, plain.gradients)).toBeLessThan(1e-9);
  });
});
