import { concat, grad, gradcheck, type Tensor, tensor } from "@solvegrad/autograd";
import { describe, expect, it } from "vitest";
import {
  type AdjointSolver,
  type ImplicitLayerDefinition,
  implicitLayer,
  interiorPoint,
  LayerError,
  quadraticLayer,
  quadraticProgram,
} from "../../src/index.ts";
import { relativeError } from "../random-programs.ts";

/** x^3 + x = a, entry by entry, by Newton's method on plain numbers. */
const cubic = implicitLayer({
  solve: (a) =>
    tensor(
      a.data().map((target) => {
        let x = 0;
        for (let k = 0; k < 60; k++) x -= (x ** 3 + x - target) / (3 * x ** 2 + 1);
        return x;
      }),
      { shape: [...a.shape] },
    ),
  optimality: (x, a) => x.mul(x).mul(x).add(x).sub(a),
});

/** A smooth odd function with slopes from -1/2 to 1. */
function bend(x: Tensor): Tensor {
  return x.div(x.square().add(1));
}

describe("implicitLayer", () => {
  it("gives the derivative of the root of a scalar equation", () => {
    const a = tensor([2, 10], { requiresGrad: true });
    const x = cubic(a);
    expect(relativeError(x.data(), [1, 2])).toBeLessThan(1e-14);
    expect(relativeError(grad(x.sum(), [a])[0].data(), [1 / 4, 1 / 13])).toBeLessThan(1e-14);
  });

  it("passes gradcheck of both orders", () => {
    const a = tensor([0.3, -1.2, 2], { requiresGrad: true });
    gradcheck((value) => cubic(value).square().sum(), [a], { order: 1 });
    gradcheck((value) => cubic(value).square().sum(), [a], { order: 2 });
  });

  it("gives the exact third derivative", () => {
    // With x' = 1 / (3x^2 + 1): x''' = (90 x^2 - 6) / (3x^2 + 1)^5, which is 84 / 1024 at x = 1.
    const a = tensor([2], { requiresGrad: true });
    const derivative = (value: Tensor) => grad(value.sum(), [a], { createGraph: true })[0];
    expect(derivative(derivative(derivative(cubic(a)))).item()).toBeCloseTo(84 / 1024, 12);
  });

  it("agrees with quadraticLayer when its optimality is the KKT system of an equality-constrained QP", () => {
    const Q = [
      [3, 1, 0],
      [1, 2, 0.5],
      [0, 0.5, 1],
    ];
    const A = [[1, 1, 1]];
    const kkt = tensor([...Q.map((row, i) => [...row, A[0][i]]), [...A[0], 0]]);
    const layer = implicitLayer({
      solve: (q, b) => {
        const { x, nu } = interiorPoint().solve(quadraticProgram({ Q, q, A, b }));
        return tensor([...x, ...nu]);
      },
      optimality: (z, q, b) => kkt.matmul(z).add(concat([q, b.neg()], 0)),
    });
    const q = tensor([1, -2, 0.5], { requiresGrad: true });
    const b = tensor([1], { requiresGrad: true });
    const weights = tensor([1, 2, 3]);
    const viaRoot = grad(layer(q, b).slice(0, 0, 3).mul(weights).sum(), [q, b]);
    const viaLayer = grad(quadraticLayer({ Q, q, A, b }).x.mul(weights).sum(), [q, b]);
    viaRoot.forEach((gradient, k) => {
      expect(relativeError(gradient.data(), viaLayer[k].data())).toBeLessThan(1e-12);
    });
  });

  it("solves item by item in a batch, to what the dense Jacobian gives", () => {
    const solve = (a: Tensor) => a.sqrt();
    const optimality = (x: Tensor, a: Tensor) => x.mul(x).sub(a);
    const a = tensor(
      [
        [1, 4],
        [9, 16],
        [2, 3],
      ],
      { requiresGrad: true },
    );
    const dense = grad(implicitLayer({ solve, optimality })(a).sum(), [a])[0];
    const batched = grad(implicitLayer({ solve, optimality, batched: true })(a).sum(), [a])[0];
    expect(relativeError(batched.data(), dense.data())).toBeLessThan(1e-14);
    expect(
      relativeError(
        batched.data(),
        a.data().map((value) => 0.5 / Math.sqrt(value)),
      ),
    ).toBeLessThan(1e-14);
  });

  it("takes the least-norm solution where the Jacobian is singular", () => {
    // Only the sum of x is determined: the two entries move together.
    const layer = implicitLayer({
      solve: (a) => tensor([a.item() / 2, a.item() / 2]),
      optimality: (x, a) => tensor([1, 1]).mul(x.sum().sub(a)),
    });
    const a = tensor(3, { requiresGrad: true });
    expect(grad(layer(a).sum(), [a])[0].item()).toBeCloseTo(1, 12);
    expect(grad(layer(a).slice(0, 0, 1).sum(), [a])[0].item()).toBeCloseTo(0.5, 12);
  });

  it("takes a matrix-free adjoint in the place of the assembled Jacobian, for derivatives of any order", () => {
    // x + s(x) / 3 = a: the Neumann series of (dF/dx)' v = c, from products alone
    const definition = {
      solve: (a: Tensor) => {
        let x = a;
        for (let k = 0; k < 60; k++) x = a.sub(bend(x).div(3));
        return x;
      },
      optimality: (x: Tensor, a: Tensor) => x.add(bend(x).div(3)).sub(a),
    };
    const neumann = (product: (v: Tensor) => Tensor, c: Tensor) => {
      let v = c;
      for (let k = 0; k < 60; k++) v = v.add(c.sub(product(v)));
      return v;
    };
    const [dense, free] = [implicitLayer(definition), implicitLayer({ ...definition, adjoint: neumann })];
    const a = tensor([0.4, -1, 2], { requiresGrad: true });
    const gradients = [dense, free].map((layer) => grad(layer(a).square().sum(), [a])[0].data());
    expect(relativeError(gradients[1], gradients[0])).toBeLessThan(1e-12);
    gradcheck((value) => free(value).square().sum(), [a], { order: 2 });
  });

  it("keeps float32", () => {
    const a = tensor(Float32Array.of(2, 10), { requiresGrad: true });
    const layer = implicitLayer({ solve: (value) => value.sqrt(), optimality: (x, value) => x.mul(x).sub(value) });
    const x = layer(a);
    expect(x.dtype).toBe("float32");
    expect(grad(x.sum(), [a])[0].dtype).toBe("float32");
  });

  it("refuses definitions that cannot work by an error that says what is wrong with them", () => {
    const [solve, optimality] = [(a: Tensor) => a, (x: Tensor, a: Tensor) => x.sub(a)];
    const called = (definition: object, theta = tensor([1])) => {
      return () => implicitLayer({ solve, optimality, ...definition } as ImplicitLayerDefinition)(theta);
    };
    expect(called({ solve: undefined })).toThrow("option solve is undefined");
    expect(called({ optimality: 3 })).toThrow("option optimality is 3");
    expect(called({ tolerance: -1 })).toThrow("option tolerance is -1");
    expect(called({ solve: () => [1] })).toThrow("solve returned a value of type object");
    expect(called({ optimality: (x: Tensor) => x.mul(0).log().mul(0) })).toThrow("optimality is NaN");
    expect(called({ batched: true }, tensor(4))).toThrow("x has no batch axis");
  });

  it("refuses roots that are not finite and conditions of another shape than x", () => {
    const nan = implicitLayer({ solve: (a) => a.log(), optimality: (x, a) => x.exp().sub(a) });
    expect(() => nan(tensor([-1]))).toThrow(LayerError);
    const short = implicitLayer({ solve: (a) => a, optimality: (x, a) => x.sum().sub(a.sum()) });
    expect(() => short(tensor([1, 2]))).toThrow("optimality has shape (), expected that of x, (2)");
  });

  describe.each([1e-6, 1, 1e6])("of square roots of numbers of size %d", (size) => {
    /** Heron's method, which doubles its digits with every step. */
    const heron = (steps: number, options: Partial<ImplicitLayerDefinition> = {}) =>
      implicitLayer({
        solve: (a) => {
          let x = a.div(Math.sqrt(size));
          for (let k = 0; k < steps; k++) x = x.add(a.div(x)).mul(0.5);
          return x;
        },
        optimality: (x, a) => x.mul(x).sub(a),
        ...options,
      });
    const a = tensor([2 * size, 3 * size], { requiresGrad: true });
    const loss = (layer: (value: Tensor) => Tensor) =>
      layer(a)
        .mul(tensor([1, 0.7]))
        .sum();
    const diagonal: AdjointSolver = (product, c) => c.div(product(c.mul(0).add(1)));

    it.each([undefined, diagonal])(
      "does not believe an inner solver that did not converge, in any unit of F",
      (adjoint) => {
        const options = adjoint ? { adjoint } : {};
        for (const createGraph of [false, true]) {
          expect(() => grad(loss(heron(2, options)), [a], { createGraph })).toThrow("is no root of optimality");
          expect(() => grad(loss(heron(6, options)), [a], { createGraph })).not.toThrow();
        }
      },
    );

    it("takes what meets a tolerance of the caller's", () => {
      expect(() => grad(loss(heron(2, { tolerance: 0.1 * size })), [a])).not.toThrow();
    });
  });

  it("believes a root that is 0 but for rounding", () => {
    const layer = implicitLayer({ solve: (a) => a.add(1e-12), optimality: (x, a) => x.mul(3).sub(a) });
    const a = tensor([0, 0], { requiresGrad: true });
    expect(relativeError(grad(layer(a).sum(), [a])[0].data(), [1 / 3, 1 / 3])).toBeLessThan(1e-14);
  });
});
