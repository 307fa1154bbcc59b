import { conv2d, conv2dInput, conv2dWeight, grad, maxPool2d, type Tensor, tensor, zeros } from "@solvegrad/autograd";
import { describe, expect, it } from "vitest";
import { generic } from "./sample.ts";

const inner = (a: Tensor, b: Tensor): number => a.mul(b).sum().item();

describe("conv2d", () => {
  it("slides the filter over the image and adds the bias", () => {
    const x = tensor([[[[1, 2, 3], [4, 5, 6], [7, 8, 9]]]]); // biome-ignore format: an image
    const w = tensor([[[[1, 0], [0, -1]]]]); // biome-ignore format: a filter
    expect(conv2d(x, w, tensor([10])).toArray()).toEqual([[[[6, 6], [6, 6]]]]); // biome-ignore format: an image
    expect(conv2d(x, w, null, { stride: 2, padding: 1 }).toArray()).toEqual([[[[-1, -3], [-7, -4]]]]); // biome-ignore format: an image
  });

  it("has the gradients that its transposes define", () => {
    const x = generic([2, 3, 6, 7]);
    const w = generic([4, 3, 3, 2], 1);
    const ybar = generic([2, 4, 3, 4], 2);
    const options = { stride: 2, padding: 1 };
    const y = conv2d(x, w, null, options);
    const xbar = conv2dInput(ybar, w, { ...options, size: [6, 7] });
    const wbar = conv2dWeight(x, ybar, { ...options, size: [3, 2] });
    expect(inner(xbar, x)).toBeCloseTo(inner(y, ybar), 10);
    expect(inner(wbar, w)).toBeCloseTo(inner(y, ybar), 10);
  });

  it("sums the cotangent over images and pixels for the bias", () => {
    const bias = tensor([0.5, -1, 2], { requiresGrad: true });
    const y = conv2d(generic([2, 1, 4, 4]), generic([3, 1, 2, 2], 1), bias);
    const [biasbar] = grad(y.sum(), [bias]);
    expect(biasbar.toArray()).toEqual([18, 18, 18]);
  });

  it("computes in the dtype of its operands", () => {
    const y = conv2d(generic([1, 1, 3, 3]).to("float32"), generic([1, 1, 2, 2]).to("float32"));
    expect(y.dtype).toBe("float32");
    expect(() => conv2d(generic([1, 1, 3, 3]), generic([1, 1, 2, 2]).to("float32"))).toThrow(
      /conv2d.*float64 and float32/,
    );
  });

  it("takes a batch of no images", () => {
    const w = generic([4, 3, 2, 2]).detach();
    w.requiresGrad = true;
    const y = conv2d(zeros([0, 3, 5, 5]), w);
    expect(y.shape).toEqual([0, 4, 4, 4]);
    expect(grad(y.sum(), [w])[0].toArray()).toEqual(zeros([4, 3, 2, 2]).toArray());
  });

  it("refuses operands that do not fit, and names them with their shapes", () => {
    const x = generic([2, 3, 6, 7]);
    expect(() => conv2d(x, generic([4, 2, 3, 3]))).toThrow(/conv2d: .*\(2, 3, 6, 7\) and \(4, 2, 3, 3\).*one C/);
    expect(() => conv2d(x, generic([4, 3, 9, 3]))).toThrow(/conv2d: .*no larger than the images/);
    expect(() => conv2d(x, generic([4, 3, 3]))).toThrow(/conv2d: .*\(4, 3, 3\)/);
    expect(() => conv2d(x, generic([4, 3, 3, 3]), generic([3]))).toThrow(/conv2d: .*bias \(F\).*4 filters/);
    expect(() => conv2d(x, generic([4, 3, 3, 3]), null, { stride: 0 })).toThrow(/conv2d: stride is 0/);
    expect(() => conv2d(x, generic([4, 3, 3, 3]), null, { padding: -1 })).toThrow(/conv2d: padding is -1/);
    const options = { stride: 1, padding: 0 };
    const ybar = generic([2, 4, 4, 4]);
    expect(() => conv2dInput(ybar, generic([4, 3, 3, 3]), { ...options, size: [6, 7] })).toThrow(
      /conv2dInput: .*\(2, 4, 4, 5\)/,
    );
    expect(() => conv2dWeight(x, ybar, { ...options, size: [3, 3] })).toThrow(/conv2dWeight: .*\(2, 4, 4, 5\)/);
  });
});

describe("maxPool2d", () => {
  it("takes the maximum of each window and drops a ragged rim", () => {
    const x = tensor([[[[1, 2, 0, 9], [4, 3, 5, 9], [9, 9, 9, 9]]]]); // biome-ignore format: an image
    expect(maxPool2d(x, 2).toArray()).toEqual([[[[4, 9]]]]);
  });

  it("passes the cotangent to the first maximum of each window", () => {
    const x = tensor([[[[1, 7, 2, 2], [7, 3, 2, 2]]]], { requiresGrad: true }); // biome-ignore format: an image
    const [xbar] = grad(maxPool2d(x, 2).sum(), [x]);
    expect(xbar.toArray()).toEqual([[[[0, 1, 1, 0], [0, 0, 0, 0]]]]); // biome-ignore format: an image
  });

  it("keeps a NaN visible", () => {
    expect(maxPool2d(tensor([[[[1, Number.NaN], [5, 2]]]]), 2).item()).toBeNaN(); // biome-ignore format: an image
  });

  it("refuses images smaller than a window and a size that is no positive integer", () => {
    expect(() => maxPool2d(generic([1, 1, 3, 2]), 3)).toThrow(/maxPool2d: .*\(1, 1, 3, 2\).*size 3/);
    expect(() => maxPool2d(generic([1, 3, 2]), 2)).toThrow(/maxPool2d: .*\(1, 3, 2\)/);
    expect(() => maxPool2d(generic([1, 1, 3, 2]), 1.5)).toThrow(/maxPool2d: size is 1.5/);
  });
});
