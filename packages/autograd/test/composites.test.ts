import {
  argmax,
  cholesky,
  choleskySolve,
  concat,
  crossEntropy,
  eye,
  grad,
  gradcheck,
  max,
  mean,
  minimum,
  mseLoss,
  nllLoss,
  pick,
  positiveDefiniteSolve,
  stack,
  swapLastTwo,
  type Tensor,
  takeAlong,
  tensor,
  triangularSolve,
  where,
  zeros,
} from "@solvegrad/autograd";
import { describe, expect, test } from "vitest";
import { generic } from "./sample.ts";

describe("central differences confirm both derivatives of functions made of ops", () => {
  const x = generic([3, 4]);
  const labels = Int32Array.of(3, 0, 2);
  const mask = tensor([
    [1, 0, 0, 1],
    [0, 1, 0, 1],
    [1, 1, 0, 0],
  ]);
  const functions: Record<string, [(...inputs: Tensor[]) => Tensor, Tensor[]]> = {
    "mean over an axis": [(t) => mean(t, 0, true), [x]],
    "max along the rows": [(t) => max(t, 1), [x]],
    "max along the middle axis": [(t) => max(t, 1, true), [generic([2, 3, 2])]],
    "takeAlong the first axis": [(t) => takeAlong(t, 0, Int32Array.of(2, 0, 1, 1)), [x]],
    "pick from a transposed view": [(t) => pick(t.transpose(), labels), [generic([4, 3])]],
    where: [(a, b) => where(mask, a, b), [x, generic([4], 1)]],
    "minimum with a number": [(t) => minimum(t, 0.1), [x]],
    "stack along a new inner axis": [(a, b) => stack([a, b], 1), [x, generic([3, 4], 1)]],
    "concat of a tensor with itself": [(a) => concat([a, a.square()], -1), [x]],
    crossEntropy: [(t) => crossEntropy(t, labels), [x]],
    nllLoss: [(t) => nllLoss(t, labels), [x]],
    mseLoss: [(a, b) => mseLoss(a, b), [x, generic([4], 1)]],
    "a matrix times a vector": [(A, v) => A.matmul(v), [x, generic([4], 1)]],
    "a vector times a batch of matrices": [(v, A) => v.matmul(A), [generic([3], 1), generic([2, 3, 4])]],
    "a batch of matrices times a vector": [(A, v) => A.matmul(v), [generic([2, 3, 4]), generic([4], 1)]],
    "the inner product of vectors": [(u, v) => u.matmul(v), [generic([4]), generic([4], 1)]],
    "a batch times a shared matrix": [(A, B) => A.matmul(B), [generic([2, 2, 3]), generic([3, 2], 1)]],
    "a shared matrix times a batch of columns": [(A, b) => A.matmul(b), [generic([2, 3]), generic([4, 3, 1], 1)]],
    "a shared matrix times a batch of matrices": [(A, B) => A.matmul(B), [generic([2, 3]), generic([2, 2, 3, 2], 1)]],
    "products of transposed batches": [
      (A, B) => swapLastTwo(A).matmul(swapLastTwo(B)),
      [generic([2, 3, 2]), generic([2, 4, 3], 1)],
    ],
  };
  test.each(Object.entries(functions))("%s", (_, [f, inputs]) => {
    expect(gradcheck(f, inputs, { order: 2 })).toBeLessThan(1e-7);
  });
});

describe("products equal naive sums", () => {
  test.each([
    [
      [2, 3],
      [3, 4],
    ],
    [
      [5, 2, 3],
      [3, 4],
    ],
    [
      [2, 3],
      [5, 3, 1],
    ],
    [
      [5, 1, 2, 3],
      [4, 3, 2],
    ],
    [
      [0, 3],
      [3, 2],
    ],
    [
      [2, 0],
      [0, 3],
    ],
  ])("%j times %j", (left, right) => {
    const [a, b] = [generic(left), generic(right, 1)];
    const y = a.matmul(b);
    const naive = a
      .reshape([...left, 1])
      .mul(b.reshape([...right.slice(0, -2), 1, ...right.slice(-2)]))
      .sum(-2);
    expect(y.shape).toEqual(naive.shape);
    y.data().forEach((value, i) => {
      expect(value).toBeCloseTo(naive.data()[i], 13);
    });
  });
});

describe("empty operands", () => {
  test.each([
    [
      [0, 2, 3],
      [3, 2],
    ],
    [
      [2, 3],
      [0, 3, 2],
    ],
    [
      [0, 3],
      [4, 3, 2],
    ],
    [
      [2, 0],
      [4, 0, 2],
    ],
    [
      [2, 3],
      [4, 3, 0],
    ],
  ])("of a product, %j times %j, get gradients of their shapes", (left, right) => {
    const [a, b] = [generic(left), generic(right, 1)];
    a.requiresGrad = true;
    b.requiresGrad = true;
    const gradients = grad(a.matmul(b).sum(), [a, b]);
    expect(gradients.map((g) => g.shape)).toEqual([left, right]);
    expect(gradients.every((g) => g.size === 0 || g.data().every((value) => value === 0))).toBe(true);
  });

  test("of a factorization and a solve are legal", () => {
    const L = cholesky(zeros([0, 0]));
    expect(choleskySolve(L, zeros([0, 3])).shape).toEqual([0, 3]);
    expect(triangularSolve(L, zeros([5, 0, 1])).shape).toEqual([5, 0, 1]);
    expect(cholesky(zeros([0, 3, 3])).shape).toEqual([0, 3, 3]);
  });
});

describe("selection", () => {
  test("max and argmax choose the first of equal entries, and the gradient goes there alone", () => {
    const x = tensor(
      [
        [1, 5, 5],
        [2, 2, 0],
      ],
      { requiresGrad: true },
    );
    expect(max(x, 1).toArray()).toEqual([5, 2]);
    expect([...argmax(x, 1)]).toEqual([1, 0]);
    expect([...argmax(x, 0)]).toEqual([1, 0, 0]);
    expect(grad(max(x, 1).sum(), [x])[0].toArray()).toEqual([
      [0, 1, 0],
      [1, 0, 0],
    ]);
  });

  test("max of a row with a NaN is NaN", () => {
    expect(max(tensor([[1, Number.NaN, 3]]), 1).item()).toBeNaN();
  });

  test("where keeps NaN and infinity of the branch not taken out of value and gradient", () => {
    const x = tensor([0, 4], { requiresGrad: true });
    const y = where(tensor([0, 1]), x.log(), tensor([7, Number.NaN]));
    expect(y.toArray()).toEqual([7, Math.log(4)]);
    const [g] = grad(where(tensor([1, 0]), x, tensor([1, 2])).sum(), [x]);
    expect(g.toArray()).toEqual([1, 0]);
  });
});

describe("solves", () => {
  const M = generic([4, 4]);
  const H = M.matmul(M.transpose()).add(eye(4).mul(4));
  const b = generic([4], 1);
  const L = cholesky(H);

  test("by factor, by two triangles and by the matrix itself agree, and solve the system", () => {
    const x = choleskySolve(L, b);
    const back = H.matmul(x).sub(b).abs().max(0).item();
    expect(back).toBeLessThan(1e-14);
    const twice = triangularSolve(L, triangularSolve(L, b), { transpose: true });
    for (const other of [twice, positiveDefiniteSolve(H, b), positiveDefiniteSolve(H, b, L)]) {
      expect(other.shape).toEqual([4]);
      expect(other.sub(x).abs().max(0).item()).toBeLessThan(1e-14);
    }
  });

  test("through the factor and through the matrix have the same gradient in the matrix", () => {
    const K = H.detach();
    K.requiresGrad = true;
    const loss = (x: Tensor) => x.mul(generic([4], 2)).sum();
    const [direct] = grad(loss(positiveDefiniteSolve(K, b)), [K]);
    const [throughFactor] = grad(loss(choleskySolve(cholesky(K), b)), [K]);
    expect(direct.sub(throughFactor).abs().reshape([16]).max(0).item()).toBeLessThan(1e-15);
  });
});

test("to(dtype) rounds forward, and carries its cotangent back in the dtype of its input", () => {
  const x = tensor([1 / 3, 2], { requiresGrad: true });
  const y = x.to("float32");
  expect(y.toArray()).toEqual([Math.fround(1 / 3), 2]);
  const [g] = grad(y.square().sum(), [x]);
  expect(g.dtype).toBe("float64");
  expect(g.toArray()).toEqual([2 * Math.fround(1 / 3), 4]);
});
