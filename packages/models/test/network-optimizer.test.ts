import { tensor } from "@solvegrad/autograd";
import { describe, expect, it } from "vitest";
import { clipGradients } from "../src/training/network-optimizer.ts";

describe("clipGradients", () => {
  const parameters = () => {
    const [a, b] = [tensor([1, 2], { requiresGrad: true }), tensor([[5]], { requiresGrad: true })];
    a.mul(3).sum().backward(); // (3, 3)
    b.mul(-4).sum().backward(); // -4
    return [a, b, tensor([1], { requiresGrad: true })];
  };
  const norm = Math.sqrt(9 + 9 + 16);

  it("scales all gradients by one factor down to the limit, and returns the norm that they had", () => {
    const clipped = parameters();
    expect(clipGradients(clipped, 1)).toBeCloseTo(norm, 12);
    expect(clipped[0].grad?.toArray()).toEqual([3 / norm, 3 / norm]);
    expect(clipped[1].grad?.toArray()).toEqual([[-4 / norm]]);
    expect(clipped[2].grad).toBeNull();
  });

  it("leaves gradients under the limit as they are", () => {
    const kept = parameters();
    clipGradients(kept, 6);
    expect(kept[0].grad?.toArray()).toEqual([3, 3]);
  });
});
