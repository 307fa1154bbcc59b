import { type Tensor, tensor } from "@solvegrad/autograd";
import { describe, expect, it } from "vitest";
import {
  alternating,
  type DatumName,
  type DifferentiationRule,
  gradcheckLayer,
  implicit,
  LayerError,
  LayerGradcheckError,
  quadraticLayer,
  softmaxLayer,
  sparsemaxLayer,
} from "../../src/index.ts";
import { identity } from "../random-programs.ts";

const data = {
  Q: [
    [2, 0.5, 0],
    [0.5, 1, 0.2],
    [0, 0.2, 1.5],
  ],
  q: [
    [-1, -2, 0.3],
    [0.4, -3, 1],
  ],
  A: [[1, 1, 1]],
  b: [1],
  G: [
    [0, 1, 0],
    [1, 0, 0],
  ],
  h: [0.5, 4],
};

/** The implicit rule, with one number changed. */
function wrong(name: DatumName, at: number): DifferentiationRule {
  const { vjp } = implicit();
  return {
    name: "wrong",
    vjp: (...given) => {
      const result = vjp(...given);
      const gradient = result.gradients[name]?.slice();
      if (gradient) gradient[at] += 0.01;
      return { ...result, gradients: { ...result.gradients, [name]: gradient } };
    },
  };
}

describe("gradcheckLayer", () => {
  it("passes all six data of a batch in both orders, moving Q symmetrically", () => {
    const { worst, checked, kinks } = gradcheckLayer(quadraticLayer, data, { order: 2 });
    expect(worst.error).toBeLessThan(1e-7);
    // 6 free entries of Q, 6 of q, 3 of A, 1 of b, 6 of G, 2 of h
    expect(checked).toBe(2 * 24);
    expect(kinks).toEqual([]);
  });

  it("passes softmaxLayer and sparsemaxLayer, and a layer of the caller's own", () => {
    const softmax = { y: [0.3, -1, 0.5], A: [[1, 1, 1]], b: [1], G: [[0, 0, 1]], h: [0.2] };
    expect(gradcheckLayer(softmaxLayer, softmax, { order: 2 }).worst.error).toBeLessThan(1e-6);
    const sparsemax = gradcheckLayer(sparsemaxLayer, { y: [0.3, -1, 0.5], u: [0.9, 0.5, 0.55] }, { order: 2 });
    expect(sparsemax.checked).toBe(12);
    const own = ({ a, b }: Record<"a" | "b", Tensor>) => ({ x: a.mul(b).exp() });
    expect(gradcheckLayer(own, { a: [1, 2], b: [0.5, -1] }).checked).toBe(4);
  });

  it("names the worst entry of a gradient that is wrong by a little", () => {
    const layer = (given: Record<keyof typeof data, Tensor>) =>
      quadraticLayer(given, { differentiation: wrong("G", 4) });
    try {
      gradcheckLayer(layer, data);
      expect.unreachable();
    } catch (error) {
      if (!(error instanceof LayerGradcheckError)) throw error;
      expect(error.worst).toMatchObject({ order: 1, datum: "G", index: [1, 1] });
      expect(error.worst.gradient - error.worst.difference).toBeCloseTo(0.01, 6);
      expect(error.message).toMatch(/^gradcheckLayer: at G\[1\]\[1\] the gradient is .*, differences give/);
    }
  });

  it("finds a second derivative that is wrong where the gradient is right", () => {
    // f = x^2 / 2, whose gradient is x, on a tape that knows the values and not where they come from
    const layer = ({ a }: Record<"a", Tensor>) => ({ x: a.mul(a.detach()).sub(a.detach().square().mul(0.5)) });
    expect(gradcheckLayer(layer, { a: [1, 2] }).worst.error).toBeLessThan(1e-9);
    expect(() => gradcheckLayer(layer, { a: [1, 2] }, { order: 2 })).toThrow("the gradient's own gradient");
  });

  it("counts entries whose step changes the active set as kinks, not as errors", () => {
    // x = min(1, -q): a kink at q = -1 in q and in h, but not in the second item
    const kinked = { Q: identity(1), q: [[-1], [-2]], G: [[1]], h: [[1], [1]] };
    const { kinks, checked } = gradcheckLayer(quadraticLayer, kinked);
    expect(kinks).toContainEqual({ order: 1, datum: "q", index: [0, 0] });
    expect(kinks).toContainEqual({ order: 1, datum: "h", index: [0, 0] });
    expect(kinks).not.toContainEqual({ order: 1, datum: "q", index: [1, 0] });
    expect(checked).toBeGreaterThanOrEqual(2);
    const nothing = { Q: identity(1), q: [-1], G: [[1]], h: [1] };
    expect(() => gradcheckLayer(quadraticLayer, nothing)).toThrow(LayerError);
    expect(() => gradcheckLayer(quadraticLayer, nothing)).toThrow("the active set changes within every step");
  });

  it("sizes its steps and its errors to the data: units of 1e6 and 1e-6 pass as well", () => {
    for (const unit of [1e6, 1e-6]) {
      const scaled = {
        ...data,
        Q: data.Q.map((row) => row.map((value) => value / unit)),
        b: [unit],
        h: data.h.map((value) => value * unit),
      };
      const layer = (given: Record<keyof typeof data, Tensor>) => {
        const { x, solution } = quadraticLayer(given, { differentiation: alternating({ truncate: 1e-13 }) });
        return { x, solution };
      };
      expect(gradcheckLayer(layer, scaled).worst.error).toBeLessThan(1e-6);
    }
  });

  it("finds a gradient of Q that is right above the diagonal and wrong below", () => {
    const right = implicit();
    const halved: DifferentiationRule = {
      name: "halved",
      vjp(problem, solution, cotangent, options) {
        const { gradients, report } = right.vjp(problem, solution, cotangent, options);
        const { n } = problem;
        const Q = gradients.Q?.map((value, k) => (k % n < Math.floor(k / n) % n ? 0 : value));
        return { gradients: { ...gradients, Q }, report };
      },
    };
    const { Q, q } = data;
    const layer = (differentiation: DifferentiationRule) => {
      return (own: Record<"Q" | "q", Tensor>) => quadraticLayer(own, { differentiation });
    };
    expect(gradcheckLayer(layer(right), { Q, q }).checked).toBe(12);
    expect(() => gradcheckLayer(layer(halved), { Q, q })).toThrow(LayerGradcheckError);
  });

  it("refuses another order than 1 and 2", () => {
    expect(() => gradcheckLayer(quadraticLayer, data, { order: 3 as 2 })).toThrow("option order is 3, expected 1 or 2");
  });

  it("takes tensors as data, and leaves constants of the caller's alone", () => {
    const q = tensor([-1, -2, 0.3], { dtype: "float32" });
    const { Q, A, b } = data;
    expect(gradcheckLayer((own: Record<"q", Tensor>) => quadraticLayer({ Q, A, b, ...own }), { q }).checked).toBe(3);
  });
});
