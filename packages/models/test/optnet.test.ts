import { gradcheck, nllLoss, random, tensor } from "@solvegrad/autograd";
import { describe, expect, it } from "vitest";
import { DenoisingOptNet } from "../src/networks/denoising.ts";
import { layerMethod } from "../src/networks/layer-method.ts";
import { LeNet } from "../src/networks/lenet.ts";
import { MnistNetwork } from "../src/networks/mnist-network.ts";
import { OptNet } from "../src/networks/optnet.ts";
import { OptNetEq } from "../src/networks/optnet-eq.ts";

const exact = layerMethod("implicit", { tolerance: 1e-10 });

describe("OptNet", () => {
  it("is the minimizer -q / (0.1 + epsilon) where no constraint is near", () => {
    const layer = new OptNet(random(1), { ...exact, n: 4, m: 3, epsilon: 0.1 });
    const q = tensor([[0.01, -0.02, 0.03, 0]]);
    layer
      .forward(q)
      .data()
      .forEach((value, k) => {
        expect(value).toBeCloseTo(-q.data()[k] / 0.2, 9);
      });
  });

  it("keeps its constraints, G z <= G z0 + s0", () => {
    const layer = new OptNet(random(1), { ...exact, n: 6, m: 9 });
    layer.z0.data().fill(0.3);
    const z = layer.forward(random(2).normal([5, 6]));
    const slack = layer.G.matmul(layer.z0).add(layer.s0).sub(z.matmul(layer.G.transpose()));
    expect(Math.min(...slack.data())).toBeGreaterThan(-1e-8);
    expect(Math.min(...slack.data())).toBeLessThan(1e-6);
  });

  it("learns L, G, z0 and s0 by gradients that central differences confirm", () => {
    const layer = new OptNet(random(3), { ...exact, n: 3, m: 4 });
    layer.L.data().set(random(4).normal([9]).data());
    const q = random(5).normal([2, 3]);
    const { L, G, z0, s0 } = layer;
    expect([...layer.parameters().keys()]).toEqual(["L", "G", "z0", "s0"]);
    for (const parameter of [L, G, z0, s0]) {
      const output = (moved: typeof parameter) => {
        const start = { L, G, z0, s0 };
        for (const name of ["L", "G", "z0", "s0"] as const) if (start[name] === parameter) start[name] = moved;
        const own = new OptNet(random(1), { ...exact, n: 3, m: 4 });
        Object.assign(own, start);
        return own.forward(q).square().sum();
      };
      expect(() => gradcheck(output, [parameter.detach()], { tolerance: 1e-4 })).not.toThrow();
    }
  });

  it("takes only the lower triangle of L", () => {
    const layer = new OptNet(random(3), { ...exact, n: 3, m: 4 });
    const q = random(5).normal([2, 3]);
    const before = layer.forward(q).toArray();
    layer.L.data()[1] = layer.L.data()[2] = layer.L.data()[5] = 7;
    expect(layer.forward(q).toArray()).toEqual(before);
  });
});

describe("OptNetEq", () => {
  it("has its sizes by option, satisfies A x = b, and learns A where it is told to", () => {
    const layer = new OptNetEq(random(1), { ...exact, n: 8, p: 2, m: 3, learnA: true, sign: -1 });
    const x = layer.forward(random(2).normal([4, 8]).to("float32"));
    expect([x.shape, x.dtype]).toEqual([[4, 8], "float32"]);
    for (const sum of x.to("float64").matmul(layer.A.transpose()).data()) expect(sum).toBeCloseTo(1, 5);
    expect([...layer.parameters().keys()]).toEqual(["A"]);
    expect(new OptNetEq(random(1), { ...exact, n: 8, p: 2, m: 3 }).parameters().size).toBe(0);
  });
});

describe("DenoisingOptNet", () => {
  it("holds an OptNet that begins at total variation: a constant signal passes, a step is rounded by lambda", () => {
    const network = new DenoisingOptNet(random(1), { ...exact, length: 6, lambda: 1 });
    const answer = network.forward(tensor([[5, 5, 5, 9, 9, 9]])).data();
    const expected = [5 + 1 / 3, 5 + 1 / 3, 5 + 1 / 3, 9 - 1 / 3, 9 - 1 / 3, 9 - 1 / 3];
    // the network's own noise of 1e-3 in W, and epsilon
    answer.forEach((value, k) => {
      expect(Math.abs(value - expected[k])).toBeLessThan(0.1);
    });
    expect([...network.parameters().keys()]).toContain("layer.G");
  });
});

describe("LeNet", () => {
  const images = random(1).normal([3, 1, 28, 28]).to("float32");

  it("gives log-probabilities, and has 431,080 parameters with 500 hidden units", () => {
    const network = new LeNet(random(1));
    const size = [...network.parameters().values()].reduce((sum, parameter) => sum + parameter.size, 0);
    expect(size).toBe(20 * 26 + 50 * 501 + 500 * 801 + 10 * 501);
    const sums = network.forward(images).exp().sum(1).data();
    for (const sum of sums) expect(sum).toBeCloseTo(1, 5);
  });

  it("is what the image classifier is without its layer", () => {
    const plain = new LeNet(random(4), { hidden: 200 }).forward(images).toArray();
    expect(new MnistNetwork(random(4), null).forward(images).toArray()).toEqual(plain);
  });

  it("carries any layer that is a quadratic program, and trains it", () => {
    const network = new MnistNetwork(random(4), (generator) => new OptNet(generator, { ...exact, m: 5 }));
    const loss = nllLoss(network.forward(images), Int32Array.of(1, 2, 3));
    loss.backward();
    expect(network.quadratic?.lastSolution?.status).toEqual(["solved", "solved", "solved"]);
    const gradient = network.parameters().get("quadratic.L")?.grad?.data() ?? [];
    expect(gradient.some((value) => value !== 0)).toBe(true);
    expect(gradient.every(Number.isFinite)).toBe(true);
  });
});
