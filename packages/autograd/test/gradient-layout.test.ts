import { grad, matmul, type Tensor } from "@solvegrad/autograd";
import { expect, it } from "vitest";
import { generic } from "./sample.ts";

function weightGradient(product: (x: Tensor, W: Tensor) => Tensor, shape: number[]): Tensor {
  const W = generic(shape, 1).detach();
  W.requiresGrad = true;
  const [gradient] = grad(
    product(generic([5, 3]), W)
      .square()
      .sum(),
    [W],
  );
  return gradient;
}

it("the gradient of a weight is contiguous, whether it enters as W or as W'", () => {
  const plain = weightGradient((x, W) => matmul(x, W), [3, 4]);
  const transposed = weightGradient((x, W) => matmul(x, W.transpose()), [4, 3]);
  expect(plain.value.stride).toEqual([4, 1]);
  expect(transposed.value.stride).toEqual([3, 1]);
});
