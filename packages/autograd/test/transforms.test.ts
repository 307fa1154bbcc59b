import { GradientError, hessian, jacobian, jvp, matmul, mul, type Tensor, tensor, vjp } from "@solvegrad/autograd";
import { describe, expect, test } from "vitest";
import { generic } from "./sample.ts";

const close = (a: Tensor, b: Tensor, digits = 12) => {
  expect(a.shape).toEqual(b.shape);
  a.data().forEach((value, i) => {
    expect(value).toBeCloseTo(b.data()[i], digits);
  });
};

describe("transforms", () => {
  const A = generic([3, 4]);
  const x = generic([4], 1);
  const f = (v: Tensor) => matmul(A, v).tanh();

  test("the jacobian of A x is A", () => {
    close(
      jacobian((v) => matmul(A, v), x),
      A,
    );
  });

  test("the jacobian has the shape of the value followed by the shape of the argument", () => {
    const J = jacobian((v) => v.reshape([2, 2]).matmul(generic([2, 3])), x);
    expect(J.shape).toEqual([2, 3, 4]);
  });

  test("jvp and vjp are products with the jacobian from the right and from the left", () => {
    const J = jacobian(f, x);
    const t = generic([4], 2);
    const u = generic([3], 3);
    close(jvp(f, [x], [t]).tangent, matmul(J, t));
    close(vjp(f, x).pullback(u)[0], matmul(u, J));
    close(jvp(f, [x], [t]).value, f(x));
  });

  test("jvp of several arguments follows the product rule", () => {
    const [a, b, da, db] = [0, 1, 2, 3].map((seed) => generic([3], seed));
    close(jvp(mul, [a, b], [da, db]).tangent, mul(da, b).add(mul(a, db)));
  });

  test("jvp of a constant is zero", () => {
    const c = tensor([1, 2]);
    expect(jvp(() => c, [x], [x]).tangent.toArray()).toEqual([0, 0]);
  });

  test("the hessian of 1/2 x'Mx is the symmetric part of M", () => {
    const M = generic([4, 4]);
    const H = hessian((v) => matmul(v, matmul(M, v)).mul(0.5), x);
    close(H, M.add(M.transpose()).mul(0.5));
  });

  test("transforms nest: the jacobian of the hessian of sum x^4 is 24 x on the diagonal", () => {
    const T = jacobian((v) => hessian((w) => w.pow(4).sum(), v, { createGraph: true }), tensor([2, 3]));
    expect(T.toArray()).toEqual([
      [
        [48, 0],
        [0, 0],
      ],
      [
        [0, 0],
        [0, 72],
      ],
    ]);
  });

  test("arguments are told apart although one tensor on a tape stands for both", () => {
    const both = tensor([3], { requiresGrad: true });
    const product = (a: Tensor, b: Tensor) => a.mul(a).mul(b);
    const [abar, bbar] = vjp(product, both, both).pullback(tensor([1]));
    expect([abar.item(), bbar.item()]).toEqual([18, 9]);
    expect(jvp(product, [both, both], [tensor([1]), tensor([0])]).tangent.item()).toBe(18);
  });

  test("a tensor on a tape that f also knows from outside is a constant there", () => {
    const outside = tensor([3], { requiresGrad: true });
    expect(jacobian((y) => y.mul(outside), outside).item()).toBe(3);
    expect(hessian((y) => y.square().mul(outside).sum(), outside).item()).toBe(6);
  });

  test("a derivative at a tensor on a tape is itself differentiable there", () => {
    const at = tensor([2], { requiresGrad: true });
    jacobian((y) => y.pow(3), at, { createGraph: true })
      .sum()
      .backward();
    expect(at.grad?.item()).toBe(12);
  });

  test("refuse a hessian of several numbers, and tangents that do not fit", () => {
    expect(() => hessian((v) => v, x)).toThrow(GradientError);
    expect(() => jvp(f, [x], [])).toThrow(/got 0 tangents, expected 1/);
    expect(() => jvp(f, [x], [generic([3])])).toThrow(/tangent 0 of its primal's shape \(4\)/);
  });
});
