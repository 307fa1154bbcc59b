import { random, type Tensor } from "@solvegrad/autograd";
import { describe, expect, it } from "vitest";
import { imageExamples } from "../src/datasets/images.ts";
import { type LabelledImages, loadMnist } from "../src/datasets/mnist.ts";
import { type ImageSettings, type ImageTask, imageSettings, imageTask } from "../src/experiments/image-task.ts";
import { MnistNetwork } from "../src/networks/mnist-network.ts";
import type { OptNetEq } from "../src/networks/optnet-eq.ts";
import { decodeCheckpoint, encodeCheckpoint, restore } from "../src/training/checkpoint.ts";
import { batchCount, batches, selected } from "../src/training/examples.ts";
import { cooldown } from "../src/training/schedule.ts";
import { type StepEvent, type TrainingEvent, type TrainingOptions, train } from "../src/training/train.ts";

const mnist = loadMnist();

/** The first images of a set. */
function first(set: LabelledImages, count: number): LabelledImages {
  const size = count * set.rows * set.columns;
  return { ...set, count, images: set.images.subarray(0, size), labels: set.labels.subarray(0, count) };
}

const small = { train: first(mnist.train, 60 * 64), test: first(mnist.test, 200) };
const isStep = (event: TrainingEvent): event is StepEvent => event.kind === "step";

const taskOf = (given: Partial<ImageSettings> = {}, data = small) => imageTask(imageSettings(given), data);

async function collect(task: ImageTask, options: Partial<TrainingOptions> = {}): Promise<TrainingEvent[]> {
  const events: TrainingEvent[] = [];
  const { seed, batchSize } = task.settings;
  for await (const event of train(task, { epochs: 1, seed, batchSize, ...options })) events.push(event);
  return events;
}

const lossesOf = (events: TrainingEvent[]) => events.map(({ loss }) => loss);
const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

describe("batches", () => {
  it("go through every image once, shuffled by the seed, the last batch smaller", () => {
    const examples = imageExamples(first(mnist.train, 150));
    const once = [...batches(examples, { batchSize: 64, random: random(3) })];
    expect(once.map(({ size }) => size)).toEqual([64, 64, 22]);
    expect(once.map(({ batch }) => batch.labels.length)).toEqual([64, 64, 22]);
    expect(once).toHaveLength(batchCount(examples, 64));
    const order = once.flatMap(({ batch }) => [...batch.indices]);
    expect(order.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 150 }, (_, i) => i));
    const orderOf = (seed: number) =>
      [...batches(examples, { batchSize: 64, random: random(seed) })].flatMap(({ batch }) => [...batch.indices]);
    expect(orderOf(3)).toEqual(order);
    expect(orderOf(4)).not.toEqual(order);
  });

  it("normalize pixels to mean 0 and deviation 1 over the data set, and keep each label with its image", () => {
    const { images, labels } = imageExamples(mnist.train).batch(Int32Array.of(7, 0));
    expect(images.shape).toEqual([2, 1, 28, 28]);
    expect(images.dtype).toBe("float32");
    expect([...labels]).toEqual([mnist.train.labels[7], mnist.train.labels[0]]);
    const pixel = mnist.train.images[7 * 784 + 400];
    expect(images.data()[400]).toBeCloseTo((pixel / 255 - 0.1307) / 0.3081, 6);
  });

  it("refuse a batch size that is not a positive integer", () => {
    const examples = imageExamples(mnist.test);
    expect(() => [...batches(examples, { batchSize: 0 })]).toThrow("batchSize is 0, expected a positive integer");
  });

  it("go on after those that are skipped, which are not made", () => {
    const made: number[] = [];
    const examples = {
      count: 10,
      batch: (places: Int32Array) => {
        made.push(...places);
        return places;
      },
    };
    const all = [...batches(examples, { batchSize: 3, random: random(1) })].map(({ batch }) => [...batch]);
    made.length = 0;
    const rest = [...batches(examples, { batchSize: 3, random: random(1), skip: 2 })].map(({ batch }) => [...batch]);
    expect(rest).toEqual(all.slice(2));
    expect(made).toEqual(all.slice(2).flat());
    expect([...batches(examples, { batchSize: 3, skip: 4 })]).toEqual([]);
  });

  it("of a split come from the chosen places alone", () => {
    const split = selected(imageExamples(mnist.test), Int32Array.of(9, 4, 7));
    expect(split.count).toBe(3);
    expect([...split.batch(Int32Array.of(2, 0)).indices]).toEqual([7, 9]);
  });
});

describe("MnistNetwork", () => {
  const run = taskOf({ seed: 5 });

  it("has the sizes of the published network, its layer's data fixed", () => {
    const shapes = [...run.network.parameters()].map(([name, { shape }]) => `${name} ${shape.join("x")}`);
    expect(shapes).toEqual([
      "features.0.weight 20x1x5x5",
      "features.0.bias 20",
      "features.3.weight 50x20x5x5",
      "features.3.bias 50",
      "features.7.weight 200x800",
      "features.7.bias 200",
      "classifier.weight 10x200",
      "classifier.bias 10",
    ]);
    const quadratic = run.network.quadratic as OptNetEq;
    expect(quadratic.A.shape).toEqual([50, 200]);
    expect(quadratic.G.shape).toEqual([50, 200]);
    expect([...quadratic.b.data()]).toEqual(new Array(50).fill(1));
    expect(quadratic.Q.data()[0]).toBe(0.1);
  });

  it("learns A, and only A of the layer, when it is asked to", () => {
    const learned = taskOf({ layer: "learned-A" }).network;
    expect([...learned.parameters().keys()].filter((name) => name.startsWith("quadratic"))).toEqual(["quadratic.A"]);
  });

  it("gives log-probabilities whose exponentials sum to one", () => {
    const { images } = imageExamples(mnist.test).batch(Int32Array.of(0, 1, 2));
    const probabilities = run.network.forward(images).exp();
    expect(probabilities.shape).toEqual([3, 10]);
    for (const sum of (probabilities.sum(1) as Tensor).data()) expect(sum).toBeCloseTo(1, 5);
  });

  it("puts out points that satisfy the layer's constraints to the tolerance", () => {
    const { network } = taskOf({ differentiation: "implicit" });
    network.forward(imageExamples(mnist.test).batch(Int32Array.of(0, 1)).images);
    const solution = network.quadratic?.lastSolution;
    expect(solution?.status).toEqual(["solved", "solved"]);
    expect(Math.max(...(solution?.residuals.primal ?? [1]))).toBeLessThan(1e-4);
  });

  it("is the same network for the same seed, and another for another", () => {
    const weights = (seed: number) =>
      new MnistNetwork(random(seed), null).parameters().get("classifier.weight")?.toArray();
    expect(weights(1)).toEqual(weights(1));
    expect(weights(1)).not.toEqual(weights(2));
  });
});

describe("training on MNIST", () => {
  it.each([
    ["alternating", 60],
    ["implicit", 30],
  ] as const)(
    "lowers the loss by half (%s, %i steps), all of it finite, and twice the same for one seed",
    async (differentiation, count) => {
      const settings = { differentiation, seed: 11 };
      const events = await collect(taskOf(settings), { maxSteps: count });
      const steps = events.filter(isStep);
      expect(steps).toHaveLength(count);
      expect(lossesOf(events).every(Number.isFinite)).toBe(true);
      expect(mean(lossesOf(steps.slice(-10)))).toBeLessThan(0.5 * mean(lossesOf(steps.slice(0, 10))));
      expect(events.at(-1)).toMatchObject({ kind: "evaluation", step: count, count: 200 });
      expect(events.at(-1)?.measures.accuracy).toBeGreaterThan(0.75);
      expect(steps.every(({ layer }) => layer?.masked.length === 0 && layer.iterations > 0)).toBe(true);
      const again = await collect(taskOf(settings), { maxSteps: 10 });
      expect(lossesOf(again.filter(isStep))).toEqual(lossesOf(steps.slice(0, 10)));
    },
  );

  it.each(["unrolled", "learned-A", "optnet"] as const)("takes steps that lower the loss (%s)", async (what) => {
    const settings = what === "unrolled" ? { differentiation: what } : { layer: what };
    const losses = lossesOf((await collect(taskOf(settings), { maxSteps: 20 })).filter(isStep));
    expect(losses.every(Number.isFinite)).toBe(true);
    expect(mean(losses.slice(-5))).toBeLessThan(mean(losses.slice(0, 5)));
  });

  it("goes on from a checkpoint as if it had not stopped", async () => {
    const settings = { seed: 2, layer: "learned-A" } as const;
    const whole = await collect(taskOf(settings), { maxSteps: 8 });
    const begun = taskOf(settings);
    await collect(begun, { maxSteps: 5 });
    const bytes = encodeCheckpoint(begun.network, begun.optimizer, 5, { ...begun.settings });
    const resumed = taskOf(settings);
    const checkpoint = decodeCheckpoint(bytes, "checkpoint");
    restore(checkpoint, resumed.network, resumed.optimizer, "checkpoint");
    const rest = await collect(resumed, { maxSteps: 8, past: { stepsTaken: checkpoint.stepsTaken, evaluations: [] } });
    expect(lossesOf(rest)).toEqual(lossesOf(whole.slice(5)));
    expect(checkpoint.settings).toEqual(begun.settings);
  });

  it("lets the learning rate fall to zero over the last part of the run, and nowhere else", async () => {
    const factors: number[] = [];
    const tiny = { train: first(mnist.train, 10 * 8), test: first(mnist.test, 8) };
    const task = taskOf({ layer: "none", batchSize: 8 }, tiny);
    task.optimizer.step = (factor = 1) => {
      factors.push(factor);
    };
    await collect(task, { schedule: cooldown(0.4) });
    expect(factors.slice(0, 6)).toEqual(new Array(6).fill(1));
    expect(factors.slice(6)).toEqual([0.8, 0.6, 0.4, 0.2]);
    factors.length = 0;
    await collect(task);
    expect(factors).toEqual(new Array(10).fill(1));
  });

  it("stops after the step under way when its signal aborts", async () => {
    const controller = new AbortController();
    const events: TrainingEvent[] = [];
    const options = { epochs: 1, batchSize: 64, seed: 0, signal: controller.signal };
    for await (const event of train(taskOf({ layer: "none" }), options)) {
      events.push(event);
      if (event.step === 3) controller.abort();
    }
    expect(events.map(({ kind, step }) => [kind, step])).toEqual([
      ["step", 1],
      ["step", 2],
      ["step", 3],
    ]);
  });
});
