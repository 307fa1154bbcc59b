import {
  customOp,
  eye,
  GradientError,
  grad,
  isGradEnabled,
  NotDifferentiableTwiceError,
  noGrad,
  ones,
  stack,
  type Tensor,
  tapeBytes,
  tensor,
  zeros,
} from "@solvegrad/autograd";
import { describe, expect, test } from "vitest";
import { generic } from "./sample.ts";

const leaf = (data: number | number[] | number[][]): Tensor => tensor(data, { requiresGrad: true });

describe("backward", () => {
  test("adds to the gradients of leaves, call after call, and gives none to what needs none", () => {
    const x = leaf([1, 2, 3]);
    const c = tensor([4, 5, 6]);
    const y = x.mul(c).sum();
    y.backward();
    y.backward();
    expect(x.grad?.toArray()).toEqual([8, 10, 12]);
    expect(c.grad).toBeNull();
    expect(y.grad).toBeNull();
  });

  test("sums over every path from the output to a leaf", () => {
    const x = leaf(3);
    const y = x.mul(x).add(x.mul(2)).sub(x);
    y.backward();
    expect(x.grad?.item()).toBe(2 * 3 + 2 - 1);
  });

  test("visits a node once: a chain of forty doublings by y + y costs forty steps and gives 2^40", () => {
    const x = leaf(1);
    let y = x;
    for (let i = 0; i < 40; i++) y = y.add(y);
    y.backward();
    expect(x.grad?.item()).toBe(2 ** 40);
  });

  test("walks a chain of 50,000 steps without running out of stack", () => {
    const x = leaf([1, 2]);
    let y = x;
    for (let i = 0; i < 50_000; i++) y = y.add(1);
    y.sum().backward();
    expect(x.grad?.toArray()).toEqual([1, 1]);
  });

  test("takes a cotangent that is an expanded view with stride 0", () => {
    const x = leaf([
      [1, 2],
      [3, 4],
    ]);
    const w = leaf([
      [1, 0],
      [2, 1],
    ]);
    const expanded = tensor(2).broadcastTo([2, 2]);
    expect(expanded.value.stride).toEqual([0, 0]);
    x.matmul(w).relu().backward(expanded);
    expect(x.grad?.toArray()).toEqual([
      [2, 6],
      [2, 6],
    ]);
    expect(w.grad?.toArray()).toEqual([
      [8, 8],
      [12, 12],
    ]);
  });

  test("refuses a tensor with no history, and several entries without a cotangent", () => {
    expect(() => tensor([1]).backward()).toThrow(GradientError);
    expect(() => leaf([1, 2]).mul(2).backward()).toThrow(/shape \(2\), expected a single number/);
    expect(() =>
      leaf([1, 2])
        .mul(2)
        .backward(ones([3])),
    ).toThrow(/cotangent of the output's shape \(2\)/);
    expect(() =>
      leaf([1, 2])
        .mul(2)
        .backward(ones([2], { dtype: "float32" })),
    ).toThrow(/float64 and float32/);
  });

  test("of a leaf itself puts the cotangent into its gradient", () => {
    const x = leaf(5);
    x.backward();
    expect(x.grad?.item()).toBe(1);
  });

  test("gives every leaf a gradient of its own: changing one in place changes neither another nor the cotangent", () => {
    const [x, y] = [leaf([1, 2]), leaf([3, 4])];
    const cotangent = tensor([5, 6]);
    x.add(y).backward(cotangent);
    x.grad?.value.data.fill(0);
    expect(y.grad?.toArray()).toEqual([5, 6]);
    y.grad?.value.data.fill(1);
    expect(cotangent.toArray()).toEqual([5, 6]);
  });

  test("with createGraph leaves gradients that can be differentiated", () => {
    const x = leaf(3);
    x.pow(4).backward(undefined, { createGraph: true });
    const first = x.grad as Tensor;
    expect(first.item()).toBe(4 * 27);
    expect(grad(first, [x])[0].item()).toBe(12 * 9);
  });

  test("without createGraph leaves gradients with no history", () => {
    const x = leaf(3);
    x.square().backward();
    expect(x.grad?.requiresGrad).toBe(false);
  });
});

describe("grad", () => {
  test("gives zeros of the right shape for an input that has no part in the output, and touches no .grad", () => {
    const x = leaf([1, 2]);
    const unused = tensor([[1, 2, 3]], { dtype: "float64", requiresGrad: true });
    const [gx, gu] = grad(x.sum(), [x, unused]);
    expect(gx.toArray()).toEqual([1, 1]);
    expect(gu.toArray()).toEqual([[0, 0, 0]]);
    expect(x.grad).toBeNull();
  });

  test("reaches intermediate results as well as leaves", () => {
    const x = leaf(2);
    const y = x.square();
    const z = y.mul(3);
    const [gx, gy, gz] = grad(z, [x, y, z]);
    expect([gx.item(), gy.item(), gz.item()]).toEqual([12, 3, 1]);
  });

  test("sends the cotangent of a shared operand to it as the sum over the batch", () => {
    const A = generic([2, 3]);
    A.requiresGrad = true;
    const x = generic([4, 3, 1], 1);
    const [batched] = grad(A.matmul(x).square().sum(), [A]);
    const items = Array.from(
      { length: 4 },
      (_, i) =>
        grad(
          A.matmul(x.slice(0, i, i + 1))
            .square()
            .sum(),
          [A],
        )[0],
    );
    const summed = stack(items).sum(0);
    batched.data().forEach((value, i) => {
      expect(value).toBeCloseTo(summed.data()[i], 12);
    });
  });
});

describe("noGrad", () => {
  test("records nothing inside, and recording comes back even after an error", () => {
    const x = leaf(2);
    const y = noGrad(() => {
      expect(isGradEnabled()).toBe(false);
      return x.square();
    });
    expect(y.requiresGrad).toBe(false);
    expect(() =>
      noGrad(() => {
        throw new Error("inside");
      }),
    ).toThrow("inside");
    expect(isGradEnabled()).toBe(true);
  });
});

describe("customOp", () => {
  /** (2a, ab) with its vjp by hand. */
  function doubleAndProduct(a: Tensor, b: Tensor, seen: unknown[] = [], options = {}): Tensor[] {
    return customOp(
      "doubleAndProduct",
      [a, b],
      [a.detach().mul(2).value, a.detach().mul(b.detach()).value],
      ([first, second]) => {
        seen.push([first === null, second === null, isGradEnabled()]);
        const zero = zeros(a.shape);
        return [(first ?? zero).mul(2).add((second ?? zero).mul(b)), (second ?? zero).mul(a)];
      },
      options,
    );
  }

  test("carries the cotangents of several outputs at once, without recording", () => {
    const [a, b] = [leaf([1, 2]), leaf([3, 4])];
    const seen: unknown[] = [];
    const [twice, product] = doubleAndProduct(a, b, seen);
    twice.add(product.mul(10)).sum().backward();
    expect(a.grad?.toArray()).toEqual([32, 42]);
    expect(b.grad?.toArray()).toEqual([10, 20]);
    expect(seen).toEqual([[false, false, false]]);
  });

  test("gets null for the cotangent of an output that was not used", () => {
    const [a, b] = [leaf([1, 2]), leaf([3, 4])];
    const seen: unknown[] = [];
    doubleAndProduct(a, b, seen)[1].sum().backward();
    expect(seen).toEqual([[true, false, false]]);
    expect(a.grad?.toArray()).toEqual([3, 4]);
  });

  test("refuses a second derivative by its name, unless its vjp is declared differentiable", () => {
    const [a, b] = [leaf([1, 2]), leaf([3, 4])];
    const loss = (options: object) => doubleAndProduct(a, b, [], options)[1].square().sum();
    expect(() => grad(loss({}), [a], { createGraph: true })).toThrow(NotDifferentiableTwiceError);
    expect(() => grad(loss({}), [a], { createGraph: true })).toThrow(/^doubleAndProduct: /);
    const [ga] = grad(loss({ differentiable: true }), [a], { createGraph: true });
    expect(ga.toArray()).toEqual([2 * 9 * 1, 2 * 16 * 2]);
    expect(grad(ga.sum(), [a])[0].toArray()).toEqual([18, 32]);
  });

  test("refuses a vjp that returns the wrong number of cotangents", () => {
    const a = leaf([1]);
    const [y] = customOp("short", [a], [a.value], () => []);
    expect(() => y.backward()).toThrow(/short: its vjp returned 0 cotangents, expected 1/);
  });
});

describe("tapeBytes", () => {
  test("counts every array once, whatever views of it are on the tape", () => {
    const x = tensor(new Float64Array(100), { requiresGrad: true });
    const y = x.reshape([10, 10]).transpose().slice(0, 0, 5);
    expect(tapeBytes(y)).toBe(800);
    expect(tapeBytes(y.exp())).toBe(800 + 400);
    expect(tapeBytes(x.add(x))).toBe(1600);
  });

  test("includes what a custom op declares", () => {
    const x = tensor(new Float64Array(4), { requiresGrad: true });
    const [y] = customOp(
      "held",
      [x],
      [new Float64Array(0)].map(() => x.value),
      ([c]) => [c],
      { extraBytes: 1000 },
    );
    expect(tapeBytes(y)).toBe(32 + 1000);
  });
});

test("a product with the identity passes values and gradients through", () => {
  const x = generic([3, 3]);
  x.requiresGrad = true;
  const y = x.matmul(eye(3));
  expect(y.toArray()).toEqual(x.toArray());
  expect(grad(y.sum(), [x])[0].toArray()).toEqual(ones([3, 3]).toArray());
});
