import { tensor } from "@solvegrad/autograd";
import { describe, expect, it } from "vitest";
import { alternating } from "../../src/differentiate/alternating.ts";
import type { DifferentiationReport, DifferentiationRule } from "../../src/differentiate/rule.ts";
import { unrolled } from "../../src/differentiate/unrolled.ts";
import { quadraticLayer } from "../../src/layers/quadratic.ts";
import { datumNames } from "../../src/problem/quadratic-program.ts";
import { admm } from "../../src/solvers/admm.ts";
import { randomProgram, relativeError } from "../random-programs.ts";

const rules: Record<string, DifferentiationRule> = {
  alternating: alternating(),
  "alternating (forward)": alternating({ mode: "forward" }),
  unrolled: unrolled(),
};

function leaves(seed: number) {
  const problem = randomProgram({ n: 10, p: 3, m: 6, batch: 3, batched: ["q", "h"], seed });
  const leaf = (name: (typeof datumNames)[number]) => {
    const { values, shape, batched } = problem[name];
    return tensor(values.slice(), { shape: batched ? [3, ...shape] : [...shape], requiresGrad: true });
  };
  return { Q: leaf("Q"), q: leaf("q"), A: leaf("A"), b: leaf("b"), G: leaf("G"), h: leaf("h") };
}

describe.each(Object.entries(rules))("a quadratic layer with ADMM and the rule %s", (_name, differentiation) => {
  it("has the gradients of the default layer when the loss is a sum, whose cotangent has stride 0", () => {
    const expected = leaves(2);
    quadraticLayer(expected).x.sum().backward();
    const data = leaves(2);
    quadraticLayer(data, { solver: admm({ tolerance: 1e-11 }), differentiation })
      .x.sum()
      .backward();
    for (const name of datumNames) {
      const target = expected[name].grad?.data() ?? [];
      expect(relativeError(data[name].grad?.data() ?? [], target), name).toBeLessThan(1e-6);
    }
  });

  it("has the gradients of the default layer when the loss uses the duals", () => {
    const loss = (layer: ReturnType<typeof quadraticLayer>) =>
      layer.x.square().sum().add(layer.nu.sum()).add(layer.lambda.sum());
    const expected = leaves(2);
    loss(quadraticLayer(expected)).backward();
    const data = leaves(2);
    loss(quadraticLayer(data, { solver: admm({ tolerance: 1e-11 }), differentiation })).backward();
    for (const name of datumNames) {
      const target = expected[name].grad?.data() ?? [];
      expect(relativeError(data[name].grad?.data() ?? [], target), name).toBeLessThan(1e-6);
    }
  });

  it("leaves a masked item out of the gradient and the others as they are", () => {
    const G = tensor([1, 1, -1, -1], { shape: [2, 2], requiresGrad: true });
    const h = tensor([1, 0, -2, 1, 0.5, 3], { shape: [3, 2], requiresGrad: true });
    const q = tensor([-1, -2], { requiresGrad: true });
    const layer = quadraticLayer(
      {
        Q: [
          [2, 0],
          [0, 1],
        ],
        q,
        G,
        h,
      },
      { solver: admm({ tolerance: 1e-10 }), differentiation, onFailure: "mask" },
    );
    expect(layer.solution.status).toEqual(["solved", "primal_infeasible", "solved"]);
    layer.x.slice(1, 0, 1).sum().backward();
    // x1 of the items 0 and 2 sits on x1 + x2 = h1, where dx1 = dh1 / 3
    const gradient = h.grad?.toArray() as number[][];
    expect(gradient[0][0]).toBeCloseTo(1 / 3, 8);
    expect(gradient[1]).toEqual([0, 0]);
    expect(gradient[2][0]).toBeCloseTo(1 / 3, 8);
    for (const leaf of [G, q]) for (const value of leaf.grad?.data() ?? [Number.NaN]) expect(value).not.toBeNaN();
  });
});

describe("the tape of the unrolled rule", () => {
  it("records although the backward pass of a layer does not", () => {
    const data = leaves(2);
    const reports: DifferentiationReport[] = [];
    const options = {
      differentiation: unrolled({ iterations: 30 }),
      onBackward: (r: DifferentiationReport) => reports.push(r),
    };
    const { x } = quadraticLayer(data, options);
    x.sum().backward();
    expect(reports.length).toBe(1);
    expect(reports[0].peakBytes).toBeGreaterThan(30 * 8 * 3 * 10);
  });
});
