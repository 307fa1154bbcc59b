import {
  Adam,
  Conv2d,
  crossEntropy,
  Flatten,
  Linear,
  LogSoftmax,
  logSoftmax,
  MaxPool2d,
  Module,
  mseLoss,
  nllLoss,
  type Optimizer,
  ReLU,
  random,
  Sequential,
  SGD,
  type Tensor,
  tensor,
} from "@solvegrad/autograd";
import { describe, expect, test } from "vitest";
import { generic } from "./sample.ts";

describe("losses", () => {
  test("logSoftmax stays finite for logits that would overflow, and its exponentials sum to 1", () => {
    const y = logSoftmax(
      tensor([
        [1000, 1001, 999],
        [-1e5, 0, 1e5],
      ]),
    );
    expect([...y.data()].every(Number.isFinite)).toBe(true);
    expect(y.exp().sum(1).toArray()).toEqual([expect.closeTo(1, 14), expect.closeTo(1, 14)]);
  });

  test("cross-entropy of equal logits is log of the number of classes, and is the NLL of their logSoftmax", () => {
    const labels = Int32Array.of(0, 3, 1);
    expect(crossEntropy(tensor(new Float64Array(12), { shape: [3, 4] }), labels).item()).toBeCloseTo(Math.log(4), 14);
    const logits = generic([3, 4]);
    expect(crossEntropy(logits, labels).item()).toBe(nllLoss(logSoftmax(logits, 1), labels).item());
  });

  test("the gradient of cross-entropy is (softmax - one-hot) / N", () => {
    const logits = generic([2, 3]);
    logits.requiresGrad = true;
    crossEntropy(logits, Int32Array.of(2, 0)).backward();
    const expected = logSoftmax(logits.detach())
      .exp()
      .sub(
        tensor([
          [0, 0, 1],
          [1, 0, 0],
        ]),
      )
      .div(2);
    logits.grad?.data().forEach((g, i) => {
      expect(g).toBeCloseTo(expected.data()[i], 15);
    });
  });

  test("the mean squared error averages over all entries", () => {
    expect(
      mseLoss(
        tensor([
          [1, 2],
          [3, 4],
        ]),
        tensor([1, 0]),
      ).item(),
    ).toBe((0 + 4 + 4 + 16) / 4);
  });
});

describe("modules", () => {
  class Network extends Module {
    readonly features: Sequential;
    readonly heads: readonly Linear[];
    readonly fixed = tensor([1]);

    constructor(seed: number) {
      super();
      const stream = random(seed);
      this.features = new Sequential(
        new Conv2d(1, 2, 3, { random: stream, padding: 1 }),
        new ReLU(),
        new MaxPool2d(2),
        new Flatten(),
      );
      this.heads = [new Linear(8, 3, { random: stream, bias: false }), new Linear(8, 3, { random: stream })];
    }

    override forward(x: Tensor): Tensor {
      const y = this.features.forward(x);
      return new LogSoftmax().forward(this.heads[0].forward(y).add(this.heads[1].forward(y)));
    }
  }

  test("name their parameters by the path to them, in order, and leave constants out", () => {
    const names = [...new Network(1).parameters()].map(([name, { shape }]) => `${name} ${shape.join("x")}`);
    expect(names).toEqual([
      "features.0.weight 2x1x3x3",
      "features.0.bias 2",
      "heads.0.weight 3x8",
      "heads.1.weight 3x8",
      "heads.1.bias 3",
    ]);
  });

  test("draw weights and biases uniformly within 1 / sqrt(fan-in), the same for the same seed", () => {
    const layer = new Conv2d(4, 50, 5, { random: random(3) });
    const bound = 1 / Math.sqrt(4 * 25);
    const weights = [...layer.weight.data()];
    expect(Math.max(...weights.map(Math.abs))).toBeLessThanOrEqual(Math.fround(bound));
    expect(Math.max(...weights)).toBeGreaterThan(0.99 * bound);
    expect(weights.reduce((total, w) => total + w * w, 0) / weights.length).toBeCloseTo((bound * bound) / 3, 4);
    expect(new Conv2d(4, 50, 5, { random: random(3) }).weight.toArray()).toEqual(layer.weight.toArray());
  });

  test("refuse an input of the wrong width by the layer's name", () => {
    expect(() =>
      new Linear(3, 2, { random: random(1) }).forward(tensor(new Float32Array(4), { shape: [1, 4] })),
    ).toThrow(/^Linear: got shape \(1, 4\), expected \(..., 3\)/);
  });

  test("a small network learns twelve images by heart with Adam", () => {
    const stream = random(2);
    const network = new Network(2);
    const x = stream.uniform([12, 1, 4, 4], { low: -1, dtype: "float32" });
    const labels = stream.integers(12, { high: 3 });
    const optimizer = new Adam(network.parameters(), { learningRate: 0.02 });
    for (let step = 0; step < 250; step++) {
      optimizer.zeroGrad();
      nllLoss(network.forward(x), labels).backward();
      optimizer.step();
    }
    expect(nllLoss(network.forward(x), labels).item()).toBeLessThan(0.1);
    expect(network.forward(x).argmax(1)).toEqual(labels);
  });
});

describe("optimizers", () => {
  const start = [1, -2, 0.5];
  const gradients = [
    [0.1, -1, 3],
    [0.2, 0, -3],
    [-0.5, 2, 1e-9],
  ];

  /** Steps with prescribed gradients, through the loss <g, theta>. */
  function run(make: (parameters: Map<string, Tensor>) => Optimizer): number[] {
    const theta = tensor(start, { requiresGrad: true });
    const optimizer = make(new Map([["theta", theta]]));
    for (const g of gradients) {
      optimizer.zeroGrad();
      theta.mul(tensor(g)).sum().backward();
      optimizer.step();
    }
    return [...theta.data()];
  }

  test("Adam follows Algorithm 1 of its paper, entry by entry", () => {
    const [alpha, beta1, beta2, epsilon] = [0.1, 0.8, 0.95, 1e-6];
    const expected = start.map((theta, i) => {
      let [x, m, v] = [theta, 0, 0];
      gradients.forEach((g, k) => {
        m = beta1 * m + (1 - beta1) * g[i];
        v = beta2 * v + (1 - beta2) * g[i] ** 2;
        x -= (alpha * (m / (1 - beta1 ** (k + 1)))) / (Math.sqrt(v / (1 - beta2 ** (k + 1))) + epsilon);
      });
      return x;
    });
    const found = run((p) => new Adam(p, { learningRate: alpha, betas: [beta1, beta2], epsilon }));
    found.forEach((x, i) => {
      expect(x).toBeCloseTo(expected[i], 13);
    });
  });

  test("Adam's first step is the learning rate, whatever the size of the gradient", () => {
    const theta = tensor([0, 0], { requiresGrad: true });
    const optimizer = new Adam(new Map([["theta", theta]]), { learningRate: 0.01, epsilon: 0 });
    theta
      .mul(tensor([1e-8, -1e8]))
      .sum()
      .backward();
    optimizer.step();
    expect([...theta.data()]).toEqual([expect.closeTo(-0.01, 14), expect.closeTo(0.01, 14)]);
  });

  test("SGD with momentum adds up decaying velocities", () => {
    const expected = start.map((theta, i) => {
      const v1 = gradients[0][i];
      const v2 = 0.5 * v1 + gradients[1][i];
      const v3 = 0.5 * v2 + gradients[2][i];
      return theta - 0.1 * (v1 + v2 + v3);
    });
    run((p) => new SGD(p, { learningRate: 0.1, momentum: 0.5 })).forEach((x, i) => {
      expect(x).toBeCloseTo(expected[i], 14);
    });
  });

  test.each([
    ["Adam", (p: Map<string, Tensor>) => new Adam(p)],
    ["SGD", (p: Map<string, Tensor>) => new SGD(p, { learningRate: 0.1, momentum: 0.9 })],
  ])("%s, loaded from a saved state, goes on bit for bit", (_, make) => {
    const layer = new Linear(3, 2, { random: random(1) });
    const x = random(2).normal([5, 3], { dtype: "float32" });
    const step = (module: Linear, optimizer: Optimizer) => {
      optimizer.zeroGrad();
      module.forward(x).tanh().square().sum().backward();
      optimizer.step();
    };
    const optimizer = make(layer.parameters());
    for (let i = 0; i < 5; i++) step(layer, optimizer);

    const twin = new Linear(3, 2, { random: random(9) });
    for (const [name, p] of twin.parameters()) p.data().set(layer.parameters().get(name)?.data() ?? []);
    const resumed = make(twin.parameters());
    resumed.load(optimizer.state());
    for (let i = 0; i < 5; i++) {
      step(layer, optimizer);
      step(twin, resumed);
    }
    expect(twin.weight.toArray()).toEqual(layer.weight.toArray());
    expect(resumed.state()).toEqual(optimizer.state());
  });

  test("refuse a list of parameters, which has no names", () => {
    const list = [tensor([1, 2], { requiresGrad: true })] as unknown as Map<string, Tensor>;
    expect(() => new SGD(list)).toThrow(/^optimizer: parameters is a list, expected a Map of tensors by name/);
  });

  test("refuse hyperparameters out of range, and a state that does not fit, by name", () => {
    const parameters = new Map([["theta", tensor([1, 2], { requiresGrad: true })]]);
    expect(() => new Adam(parameters, { learningRate: -1 })).toThrow(/^Adam: learningRate is -1/);
    expect(() => new Adam(parameters, { betas: [1, 0.9] })).toThrow(/betas\[0\] is 1/);
    expect(() => new SGD(parameters, { momentum: Number.NaN })).toThrow(/momentum is NaN/);
    const other = new Adam(new Map([["theta", tensor([1], { requiresGrad: true })]]));
    expect(() => new Adam(parameters).load(other.state())).toThrow(
      /state.arrays.m\["theta"\] is of length 1, expected 2/,
    );
  });
});
