import { describe, expect, it } from "vitest";
import {
  alternating,
  type DifferentiationRule,
  implicit,
  interiorPoint,
  quadraticProgram,
  unrolled,
} from "../../src/index.ts";
import { normals, randomProgram, relativeError } from "../random-programs.ts";

const rules: [string, DifferentiationRule][] = [
  ["implicit", implicit()],
  ["alternating", alternating()],
  ["alternating, plain recursion", alternating({ acceleration: "none" })],
  ["alternating, forward mode", alternating({ mode: "forward" })],
  ["unrolled", unrolled()],
];

const Q = [
  [2, 0.5],
  [0.5, 1],
];

function gradientsOf(rule: DifferentiationRule, G: number[][], h: number[]) {
  const problem = quadraticProgram({ Q, q: [-3, -4], G, h });
  const solution = interiorPoint().solve(problem);
  expect(solution.status).toEqual(["solved"]);
  return rule.vjp(problem, solution, { x: Float64Array.of(1, 2) });
}

describe.each(rules)("%s", (_name, rule) => {
  it.each([1e-9, 1e-4, 1e4, 1e9])("does not lose an active row for being written %d times as large", (size) => {
    // x2 <= 1 holds the solution, in whatever unit it is written; so does x1 <= 0.5
    const rows = (factor: number) => ({
      G: [
        [1, 0],
        [0, factor],
      ],
      h: [0.5, factor],
    });
    const unit = rows(1);
    const expected = gradientsOf(rule, unit.G, unit.h).gradients;
    const other = rows(size);
    const { gradients, report } = gradientsOf(rule, other.G, other.h);
    const h = gradients.h?.map((value, i) => value * (i === 1 ? size : 1)) ?? [];
    expect(relativeError(h, expected.h ?? [])).toBeLessThan(1e-6);
    expect(report.notes.join()).not.toContain("weakly active");
  });

  it("does not lose an active row for a bound elsewhere that stands for infinity", () => {
    const { gradients, report } = gradientsOf(
      rule,
      [
        [1, 0],
        [0, 1],
        [1, 1],
      ],
      [0.5, 1, 1e10],
    );
    expect(relativeError(gradients.h ?? [], [1, 2, 0])).toBeLessThan(1e-6);
    expect(report.notes).toEqual([]);
  });

  it("gives a small item of a batch the gradient that it has alone, however large another is", () => {
    const normal = normals(3);
    const one = randomProgram({ n: 8, p: 0, m: 6, seed: 31 });
    const small = { q: one.q.values.map((v) => 1e-3 * v), h: one.h.values.map((v) => 1e-3 * v) };
    const both = (values: Float64Array) => Float64Array.of(...values, ...values.map((v) => 1e7 * v));
    const alone = {
      ...one,
      q: { ...one.q, values: small.q },
      h: { ...one.h, values: small.h },
    };
    const together = {
      ...one,
      batch: 2,
      batched: true,
      q: { values: both(small.q), shape: [8], batched: true },
      h: { values: both(small.h), shape: [6], batched: true },
    };
    const c = Float64Array.from({ length: 8 }, normal);
    const solver = interiorPoint();
    const expected = implicit().vjp(alone, solver.solve(alone), { x: c }).gradients;
    const found = rule.vjp(together, solver.solve(together), { x: Float64Array.of(...c, ...c) }).gradients;
    expect(relativeError(found.q?.subarray(0, 8) ?? [], expected.q ?? [])).toBeLessThan(1e-6);
    expect(relativeError(found.h?.subarray(0, 6) ?? [], expected.h ?? [])).toBeLessThan(1e-6);
  });
});
