import { normalCdf, normalPdf, tensor } from "@solvegrad/autograd";
import { describe, expect, it } from "vitest";

/** erfc(-x / sqrt(2)) / 2 by the C library, to all its digits. */
const table: [number, number][] = [
  [-37, 5.725571222525139e-300],
  [-10, 7.619853024160593e-24],
  [-5, 2.866515718791946e-7],
  [-2.6, 0.004661188023718751],
  [-2.5, 0.006209665325776139],
  [-2.4, 0.008197535924596138],
  [-1, 0.15865525393145707],
  [-0.3, 0.3820885778110474],
  [0, 0.5],
  [0.1, 0.539827837277029],
  [1.96, 0.9750021048517795],
  [2.49, 0.9936128452350568],
  [2.51, 0.9939634419195873],
  [6, 0.9999999990134123],
];

describe("normalCdf", () => {
  it.each(table)("of %d has thirteen digits, in the tail too", (x, probability) => {
    const found = normalCdf(tensor(x)).item();
    expect(Math.abs(found - probability)).toBeLessThanOrEqual(1e-13 * probability);
  });

  it("is 0 and 1 at the ends of the line, and NaN where there is no number", () => {
    const ends = tensor([Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, Number.NaN, -1e200, 1e200]);
    expect(normalCdf(ends).toArray()).toEqual([0, 1, Number.NaN, 0, 1]);
  });

  it("keeps its derivative, the density, where series and continued fraction meet", () => {
    for (const x of [-2.5, 2.5]) {
      const [below, above] = [normalCdf(tensor(x - 1e-6)).item(), normalCdf(tensor(x + 1e-6)).item()];
      expect((above - below) / 2e-6).toBeCloseTo(normalPdf(tensor(x)).item(), 9);
    }
  });

  it("takes transposed tensors of either dtype", () => {
    const x = tensor([
      [0, 1],
      [-1, 2],
    ]);
    expect(normalCdf(x.transpose()).toArray()).toEqual(normalCdf(x).transpose().toArray());
    expect(normalCdf(x.to("float32")).dtype).toBe("float32");
  });
});
