import { tensor } from "@solvegrad/autograd";
import { describe, expect, it } from "vitest";
import {
  type DifferentiationReport,
  type DifferentiationRule,
  entropicAdmm,
  entropicUnrolled,
  GradientError,
  implicit,
  interiorPoint,
  isUsable,
  quadraticLayer,
  quadraticProgram,
  softmaxLayer,
  withFiniteGradients,
} from "../../src/index.ts";

/** A rule of the caller's whose gradients have NaN where item 1 takes part. */
const spoilt: DifferentiationRule = {
  name: "spoilt",
  vjp(problem, solution, cotangent, options) {
    const { gradients, report } = implicit().vjp(problem, solution, cotangent, options);
    if (gradients.q && isUsable(solution.status[1])) gradients.q[problem.q.batched ? problem.n : 0] = Number.NaN;
    return { gradients, report };
  },
};
const data = { Q: [[2]], q: [[1], [2], [3]], G: [[1]], h: [5] };

describe("gradients that are not finite", () => {
  it("are an error that names the datum and the items", () => {
    const problem = quadraticProgram(data);
    const solution = interiorPoint().solve(problem);
    const rule = withFiniteGradients(spoilt);
    const c = { x: Float64Array.of(1, 1, 1) };
    expect(() => rule.vjp(problem, solution, c)).toThrow(GradientError);
    expect(() => rule.vjp(problem, solution, c)).toThrow("the spoilt gradient of q is not finite (of item 1)");
    expect(Number.isNaN(rule.vjp(problem, solution, { x: Float64Array.of(1, Number.NaN, 1) }).gradients.q?.[1])).toBe(
      true,
    );
  });

  it.each([[[[1], [2], [3]]], [[1]]])("are left out of a masked batch, which says so (q is %j)", (given) => {
    const q = tensor(given, { requiresGrad: true });
    const reports: DifferentiationReport[] = [];
    const { x } = quadraticLayer(
      { ...data, q, h: [[5], [5], [5]] },
      { differentiation: spoilt, onFailure: "mask", onBackward: (report) => reports.push(report) },
    );
    x.sum().backward();
    const half = expect.closeTo(-0.5);
    const expected = q.rank === 1 ? [expect.closeTo(-1)] : [[half], [0], [half]];
    expect(q.grad?.toArray()).toEqual(expected);
    expect(reports[0].notes).toContain(
      "The gradient of 1 of 3 items (the first is 1) is not finite, and counts as zero.",
    );
  });

  it("do not come from unrolling with a bound near the largest double", () => {
    const y = tensor([-2, -3, -1, 4], { requiresGrad: true });
    const A = [
      [-1, 1, -2, 0],
      [0, 1, 2, -1],
      [2, 2, -1, -1],
    ];
    const G = [
      [1, -1, 0, -1],
      [-3, 0, 2, 0],
    ];
    const b = [-2.3530200289562346, 1.3068776582833381, -0.13799117500893776];
    const { x } = softmaxLayer(
      { y, A, b, G, h: [0.859323215065524, 1e308] },
      { solver: entropicAdmm({ tolerance: 1e-6 }), differentiation: entropicUnrolled() },
    );
    expect(() => x.sum().backward()).toThrow("the unrolled gradient of y is not finite");
  });
});
