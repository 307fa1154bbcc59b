import { inspect } from "node:util";
import { tensor, zeros } from "@solvegrad/autograd";
import { describe, expect, it } from "vitest";

describe("console.log of a tensor", () => {
  it("shows its numbers, and nothing of the tape behind it", () => {
    const y = tensor(
      [
        [1, 2],
        [3, 4],
      ],
      { requiresGrad: true },
    ).mul(2);
    expect(inspect(y)).toBe("Tensor([[2,4],[6,8]], float64)");
    expect(inspect({ y: y.sum() })).toBe("{ y: Tensor(20, float64) }");
  });

  it("shows the shape alone where there are more than a thousand numbers", () => {
    expect(inspect(zeros([60, 784], { dtype: "float32" }))).toBe("Tensor(of shape (60, 784), float32)");
  });
});
