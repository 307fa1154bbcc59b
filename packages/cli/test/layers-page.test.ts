import { type Tensor, tensor, zeros } from "@solvegrad/autograd";
import { compareLayers, layerStudy, quadraticLayer } from "@solvegrad/optlayers";
import { describe, expect, it } from "vitest";
import { expectOfflinePage, pictures } from "../../../test/page.ts";
import { layersPage } from "../src/index.ts";

type Inputs = Readonly<Record<string, Tensor>>;
const q = tensor([-1, -2], { requiresGrad: true });
const Q = tensor([
  [2, 0.5],
  [0.5, 1],
]);

/** minimize 1/2 x'Qx + q'x, at once and by steps of gradient descent. */
const exact = ({ q }: Inputs) => quadraticLayer({ Q, q }).x;
const descent = (isDone: (slope: Tensor, k: number) => boolean) => (inputs: Inputs) => {
  let x: Tensor = zeros([2]);
  for (let k = 0; ; k++) {
    const slope = Q.matmul(x).add(inputs.q);
    if (isDone(slope, k)) return x;
    x = x.sub(slope.mul(0.4));
  }
};
const after = (iterations: number) => descent((_, k) => k === iterations);
const until = (tolerance: number) => descent((slope) => slope.data().every((value) => Math.abs(value) < tolerance));

describe("the page of a comparison of layers", () => {
  const comparison = compareLayers({ exact, "60 steps & no more": after(60) }, { q });

  it("has a table of all layers, and the two pictures where they were studied", () => {
    const page = layersPage({
      subject: "A quadratic of two variables",
      comparison,
      tolerances: layerStudy(until, exact, { q }, [1e-1, 1e-2, 1e-3, 1e-4]),
      iterations: layerStudy(after, exact, { q }, [1, 5, 10, 20, 40]),
    });
    expectOfflinePage(page);
    expect(page).toContain("Two gradients of one layer");
    expect(page).toContain("60 steps &amp; no more");
    expect(pictures(page)).toBe(2);
  });

  it("is a table alone where nothing was studied", () => {
    const page = layersPage({ subject: "A quadratic of two variables", comparison });
    expectOfflinePage(page);
    expect(pictures(page)).toBe(0);
  });
});
