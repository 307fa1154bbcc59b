import { grad, gradcheck, type Tensor, tensor } from "@solvegrad/autograd";
import { describe, expect, it } from "vitest";
import {
  type ConvexProgram,
  type ConvexProgramData,
  convexAdmm,
  convexAlternating,
  convexInteriorPoint,
  convexLayer,
  type DifferentiationReport,
  OptimizationError,
  quadraticLayer,
  type Solution,
  type Solver,
  softmaxLayer,
} from "../../src/index.ts";
import { entropy, logSumExp, quadratic, randomConstraints, randomConvexPrograms } from "../random-convex.ts";
import { normals, relativeError } from "../random-programs.ts";

const numbers = (seed: number, ...shape: number[]) => {
  const size = shape.reduce((product, extent) => product * extent, 1);
  return tensor(Float64Array.from({ length: size }, normals(seed)), { shape, requiresGrad: true });
};

/** The gradients of a random combination of a layer's outputs in these tensors. */
function gradients(outputs: Readonly<Record<"x" | "nu" | "lambda", Tensor>>, inputs: readonly Tensor[]): Tensor[] {
  const weigh = (part: Tensor, seed: number) => part.mul(numbers(seed, ...part.shape).detach()).sum();
  return grad(weigh(outputs.x, 1).add(weigh(outputs.nu, 2)).add(weigh(outputs.lambda, 3)), inputs);
}

function expectSame(one: readonly Tensor[], two: readonly Tensor[], tolerance: number): void {
  one.forEach((value, k) => {
    expect(relativeError(value.data(), two[k].data()), `${k}`).toBeLessThan(tolerance);
  });
}

describe("convexLayer", () => {
  it("is quadraticLayer for a quadratic objective: x, duals and gradients", () => {
    const { A, b, G, h } = randomConstraints({ n: 5, p: 2, m: 4, batch: 3, seed: 4 });
    const root = numbers(5, 5, 5).detach();
    const Q = tensor(root.transpose().matmul(root).add(0.1).toArray(), { requiresGrad: true });
    const q = numbers(6, 3, 5);
    const constraints = [A, b, G, h].map((value) => tensor(value ?? [], { requiresGrad: true }));
    const named = Object.fromEntries(["A", "b", "G", "h"].map((name, k) => [name, constraints[k]]));
    const convex = convexLayer({ objective: quadratic, theta: [Q, q], ...named });
    const qp = quadraticLayer({ Q, q, ...named });
    expectSame([convex.x, convex.nu, convex.lambda], [qp.x, qp.nu, qp.lambda], 1e-8);
    const inputs = [q, ...constraints];
    expectSame(gradients(convex, inputs), gradients(qp, inputs), 1e-8);
    const [own, theirs] = [convex, qp].map((outputs) => gradients(outputs, [Q])[0]);
    expectSame([own.add(own.transpose()).div(2)], [theirs], 1e-8);
  });

  it("is softmaxLayer for the entropy: x, duals and gradients", () => {
    const { A, b, G, h, start, objective } = randomConvexPrograms({ n: 6, p: 1, m: 6, seed: 5 }).entropy;
    const y = numbers(7, 2, 6);
    const data = { A, b, G, h };
    const convex = convexLayer({ objective, theta: [y], ...data, start, batch: 2 });
    const softmax = softmaxLayer({ y, ...data });
    expectSame([convex.x, convex.nu, convex.lambda], [softmax.x, softmax.nu, softmax.lambda], 1e-8);
    expectSame(gradients(convex, [y]), gradients(softmax, [y]), 1e-8);
  });

  it("gives the gradient of every datum, and the gradient of that gradient, by differences", () => {
    const { A, b, G, h } = randomConstraints({ n: 4, p: 1, m: 2, seed: 6 });
    const layer = (C: Tensor, d: Tensor, a: Tensor, g: Tensor, right: Tensor) => {
      const data = { objective: logSumExp, theta: [C, d, 0.5], A: a, b, G: g, h: right };
      const { x, nu, lambda } = convexLayer(data);
      return x.square().sum().add(nu.sum()).add(lambda.square().sum());
    };
    const given = [A, G, h].map((value) => tensor(value ?? [], { requiresGrad: true }));
    const inputs = [numbers(8, 3, 4), numbers(9, 3), ...given];
    expect(gradcheck(layer as (...values: Tensor[]) => Tensor, inputs, { tolerance: 1e-6 })).toBeLessThan(1e-6);
    expect(gradcheck(layer as (...values: Tensor[]) => Tensor, inputs, { order: 2, tolerance: 1e-5 })).toBeLessThan(
      1e-5,
    );
  });

  it("has second derivatives in a batch with an item that is masked, without that item's part", () => {
    const d = numbers(10, 2, 3);
    const C = numbers(11, 3, 2);
    const layer = (one: Tensor, many: Tensor, h: number[] | number[][], options = {}) => {
      const G = [
        [1, 0],
        [-1, 0],
      ];
      return convexLayer({ objective: logSumExp, theta: [one, many, 0.5], G, h, ...options }, { onFailure: "mask" }).x;
    };
    const second = (x: Tensor, inputs: Tensor[]) => {
      const first = grad(x.square().sum(), inputs, { createGraph: true });
      return grad(
        first.map((own) => own.square().sum()).reduce((sum, own) => sum.add(own)),
        inputs,
      );
    };
    const [ofC, ofD] = second(
      layer(C, d, [
        [-1, 0],
        [0.1, 2],
      ]),
      [C, d],
    );
    const only = tensor(d.slice(0, 1, 2).reshape([3]).toArray(), { requiresGrad: true });
    const [aloneC, aloneD] = second(layer(C, only, [0.1, 2]), [C, only]);
    expect(relativeError(ofC.data(), aloneC.data())).toBeLessThan(1e-9);
    expect([...ofD.data().slice(0, 3)]).toEqual([0, 0, 0]);
    expect(relativeError(ofD.data().slice(3), aloneD.data())).toBeLessThan(1e-9);
  });

  it("returns float32 for float32, having worked in float64", () => {
    const { theta, ...rest } = randomConvexPrograms({ n: 4, p: 1, m: 3, seed: 12 }).logSumExp;
    const single = (theta as Tensor[]).map((value) => tensor(value.to("float32").value, { requiresGrad: true }));
    const { x, lambda, solution } = convexLayer({ ...rest, theta: single });
    expect([x.dtype, lambda.dtype]).toEqual(["float32", "float32"]);
    expect(Math.max(...solution.residuals.dual)).toBeLessThan(1e-12);
    const [C] = grad(x.sum(), single);
    expect([C.dtype, C.shape]).toEqual(["float32", single[0].shape]);
    expect(() => convexLayer({ ...rest, theta: [single[0], ...(theta as Tensor[]).slice(1)] })).toThrow(
      /theta1 is float64, but theta0 is float32/,
    );
  });

  const mixed: ConvexProgramData = {
    objective: (x) => x.exp().sum(-1),
    G: [[1], [-1]],
    h: [
      [-1, 0],
      [1, 0],
    ],
  };

  it("raises at an item without a solution, and masks it when asked to", () => {
    expect(() => convexLayer(mixed)).toThrow(OptimizationError);
    const h = tensor(mixed.h as number[][], { requiresGrad: true });
    const { x, solution } = convexLayer({ ...mixed, h }, { onFailure: "mask" });
    expect(solution.status).toEqual(["primal_infeasible", "solved"]);
    expect(relativeError(x.add(1).data(), [1, 1])).toBeLessThan(1e-12);
    expect(grad(x.sum(), [h])[0].toArray()).toEqual([
      [0, 0],
      [0, -1],
    ]);
  });

  it("says in its error that an objective is not convex", () => {
    const bad = { objective: (x: Tensor) => x.square().sum(-1).neg(), n: 1 };
    expect(() => convexLayer(bad)).toThrow(/numerical_error: The objective of item 0 is not convex/);
  });

  it("takes solver, rule, warm start and the report's listener", () => {
    const y = numbers(13, 6);
    const { A, b, start, objective } = randomConvexPrograms({ n: 6, p: 1, m: 6, seed: 5 }).entropy;
    const reports: DifferentiationReport[] = [];
    const options = { solver: convexAdmm({ tolerance: 1e-10 }), differentiation: convexAlternating() };
    const layer = (warmStart?: Solution) =>
      convexLayer(
        { objective, theta: [y], A, b, start },
        { ...options, warmStart, onBackward: (report) => reports.push(report) },
      );
    const first = layer();
    expect(layer(first.solution).solution.iterations).toEqual(Int32Array.of(0));
    first.x.square().sum().backward();
    expect(reports).toHaveLength(1);
    const softmax = softmaxLayer({ y, A, b }).x;
    expect(relativeError(y.grad?.data() ?? [], grad(softmax.square().sum(), [y])[0].data())).toBeLessThan(1e-7);
  });

  it("says that x is at a vertex, where the gradient of the objective's parameters is zero", () => {
    const c = tensor([1, 2, 3], { requiresGrad: true });
    const reports: DifferentiationReport[] = [];
    const { x, solution } = convexLayer(
      {
        objective: (v, cost) => v.mul(cost).sum(-1),
        theta: [c],
        A: [[1, 1, 1]],
        b: [1],
        G: [
          [-1, 0, 0],
          [0, -1, 0],
          [0, 0, -1],
        ],
        h: [0, 0, 0],
      },
      { onBackward: (report) => reports.push(report) },
    );
    expect(relativeError(x.data(), [1, 0, 0])).toBeLessThan(1e-9);
    expect(solution.degeneracy[0]).toMatchObject({ vertex: true, rank: 3 });
    x.square().sum().backward();
    expect(reports[0].notes.at(-1)).toMatch(/^x is at a vertex of its constraints: the gradient of theta0 is zero/);
    expect(relativeError(c.grad?.add(1).data() ?? [], [1, 1, 1])).toBeLessThan(1e-9);
  });

  it("does not believe a solver that calls a wrong point solved", () => {
    const liar: Solver<ConvexProgram> = {
      name: "liar",
      solve(program, options) {
        const solution = convexInteriorPoint().solve(program, options);
        return { ...solution, solver: "liar", x: solution.x.map((value) => value + 1) };
      },
    };
    expect(() => convexLayer({ objective: (x) => x.square().sum(-1), n: 2 }, { solver: liar })).toThrow(
      /^liar: item 0 of 1 is numerical_error/,
    );
  });

  it("knows parameters that the objective has from elsewhere as constants", () => {
    const scale = tensor(2, { requiresGrad: true });
    const y = numbers(14, 3);
    const { x } = convexLayer({ objective: (v, c) => entropy(v, c.mul(scale)), theta: [y], n: 3, start: [1, 1, 1] });
    expect(relativeError(x.data(), y.mul(2).sub(1).exp().data())).toBeLessThan(1e-9);
    expect(grad(x.sum(), [scale])[0].item()).toBe(0);
  });
});
