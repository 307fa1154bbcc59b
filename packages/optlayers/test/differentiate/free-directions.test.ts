import { describe, expect, it } from "vitest";
import { alternating, implicit, interiorPoint, quadraticProgram, unrolled } from "../../src/index.ts";

/** minimize x1^2 + x1 with x2 free: no constraint and no objective determines x2. */
const program = quadraticProgram({
  Q: [
    [2, 0],
    [0, 0],
  ],
  q: [1, 0],
});
const solution = interiorPoint().solve(program);
const gradientOf = (rule: ReturnType<typeof implicit>, c: number[]) =>
  rule.vjp(program, solution, { x: Float64Array.from(c) });

const rules = { implicit: implicit(), alternating: alternating(), unrolled: unrolled() };

describe("a problem that leaves a direction of x free", () => {
  it.each(Object.entries(rules))("%s gives the gradient of what is determined", (_, rule) => {
    const { gradients } = gradientOf(rule, [1, 0]);
    expect(gradients.q?.[0]).toBeCloseTo(-0.5, 5);
    expect(gradients.q?.[1]).toBeCloseTo(0, 12);
    expect(gradients.Q?.[0]).toBeCloseTo(0.25, 5);
  });

  it.each(Object.entries(rules))("%s stays finite for a cotangent along the free direction, and says so", (_, rule) => {
    const { gradients, report } = gradientOf(rule, [1, 1]);
    for (const gradient of Object.values(gradients)) expect(gradient.every(Number.isFinite)).toBe(true);
    expect(report.notes.join()).toMatch(/singular/);
  });

  it("unrolled differentiates a batch without any objective: Q = 0, q = 0", () => {
    const nothing = quadraticProgram({ Q: [[0]], q: [[0], [0]] });
    const { gradients } = unrolled().vjp(nothing, interiorPoint().solve(nothing), { x: Float64Array.of(0, 0) });
    expect(gradients.q).toEqual(new Float64Array(2));
  });
});
