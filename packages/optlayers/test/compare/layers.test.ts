import { random, type Tensor, tensor } from "@solvegrad/autograd";
import { describe, expect, it } from "vitest";
import {
  admm,
  compareLayers,
  formatComparison,
  implicitLayer,
  layerStudy,
  OptionError,
  quadraticLayer,
  softmaxLayer,
  unrolled,
} from "../../src/index.ts";

const y = tensor(random(1).normal([3, 5]).data(), { shape: [3, 5], requiresGrad: true });
const scale = tensor(1.5, { requiresGrad: true });
type Inputs = Readonly<Record<string, Tensor>>;

/** softmax(y scale), as an op, as an optimization problem, as the root of a condition, and wrong. */
const softmax = (z: Tensor) => z.exp().div(z.exp().sum(1, true));
const asOp = ({ y, scale }: Inputs) => softmax(y.mul(scale));
const asProgram = ({ y, scale }: Inputs) => softmaxLayer({ y: y.mul(scale), A: [[1, 1, 1, 1, 1]], b: [1] }).x;
const root = implicitLayer({
  solve: (z) => softmax(z),
  optimality: (x, z) => x.mul(z.exp().sum(1, true)).sub(z.exp()),
  batched: true,
});
const asRoot = ({ y, scale }: Inputs) => root(y.mul(scale));
const shifted = (inputs: Inputs) => asOp(inputs).add(0.1).square();

describe("compareLayers", () => {
  it("finds that an op, an optimization problem and a root of the same map have the same gradients", () => {
    const comparison = compareLayers({ op: asOp, program: asProgram, root: asRoot }, { y, scale });
    expect(comparison.reference).toBe("op");
    expect(comparison.layers.map(({ layer }) => layer)).toEqual(["op", "program", "root"]);
    for (const { layer, overall, perInput, outputDifference, tapeBytes } of comparison.layers) {
      expect(Object.keys(perInput)).toEqual(["y", "scale"]);
      expect(overall.relativeDifference, layer).toBeLessThan(1e-8);
      expect(outputDifference, layer).toBeLessThan(1e-8);
      expect(tapeBytes).toBeGreaterThan(8 * 15);
    }
  });

  it("finds the layer whose outputs and gradients differ", () => {
    const { layers } = compareLayers({ op: asOp, shifted }, { y, scale }, { reference: "op" });
    expect(layers[1].outputDifference).toBeGreaterThan(0.1);
    expect(layers[1].overall.relativeDifference).toBeGreaterThan(0.1);
  });

  it("takes layers of several outputs, with cotangents of the caller's", () => {
    const q = tensor([-1, -2], { requiresGrad: true });
    const layer = ({ q }: Inputs) => {
      const { x, lambda } = quadraticLayer({ Q: [[1, 0], [0, 1]], q, G: [[1, 1]], h: [1] }); // biome-ignore format: a matrix
      return [x, lambda];
    };
    const cotangents = [tensor([0, 0]), tensor([1])];
    const { layers } = compareLayers({ layer }, { q }, { cotangents });
    expect([...layers[0].gradients.q]).toEqual([expect.closeTo(-0.5, 9), expect.closeTo(-0.5, 9)]);
    expect(() => compareLayers({ layer }, { q }, { cotangents: [tensor(1)] })).toThrow(/one for each of 2 outputs/);
  });

  it("prints one line a layer", () => {
    const lines = formatComparison(compareLayers({ op: asOp, program: asProgram }, { y, scale })).split("\n");
    expect(lines[1]).toMatch(/^layer +output +cosine +gradient +y +scale +forward ms +backward ms +tape$/);
    expect(lines[2]).toMatch(/^op +0 +1\.000000 +0 +0 +0 /);
    expect(lines).toHaveLength(4);
  });

  it("refuses inputs without a gradient, and a reference that is not there", () => {
    expect(() => compareLayers({ op: asOp }, { y: y.detach(), scale: tensor(1) })).toThrow(OptionError);
    expect(() => compareLayers({ op: asOp }, { y, scale }, { reference: "oq" })).toThrow("expected one of op");
  });
});

describe("layerStudy", () => {
  it("finds a layer and its gradient converging as its iterations grow, and its tolerance falls", () => {
    const q = tensor([-1, -2, 0.5], { requiresGrad: true });
    const data = { Q: [[1, 0.5, 0], [0.5, 2, 0.2], [0, 0.2, 1]], G: [[1, 1, 0], [0, 1, 1]], h: [0.5, 0.4] }; // biome-ignore format: matrices
    const exact = ({ q }: Inputs) => quadraticLayer({ ...data, q }).x;
    const stopped =
      (iterations: number) =>
      ({ q }: Inputs) => {
        const differentiation = unrolled({ iterations });
        return quadraticLayer({ ...data, q }, { solver: admm({ tolerance: 1e-12 }), differentiation }).x;
      };
    const points = layerStudy(stopped, exact, { q }, [2, 10, 60]);
    expect(points.map(({ setting }) => setting)).toEqual([2, 10, 60]);
    expect(points[0].gradientError).toBeGreaterThan(1e-3);
    expect(points[2].gradientError).toBeLessThan(1e-6);
    const truncated =
      (tolerance: number) =>
      ({ q }: Inputs) =>
        quadraticLayer({ ...data, q }, { solver: admm({ tolerance, polish: false }), onFailure: "mask" }).x;
    const [loose, tight] = layerStudy(truncated, exact, { q }, [1e-1, 1e-8]);
    expect(tight.outputError).toBeLessThan(1e-4 * loose.outputError);
  });
});
