import {
  Linear,
  type Module,
  mseLoss,
  type Random,
  ReLU,
  random,
  Sequential,
  type Tensor,
  tensor,
} from "@solvegrad/autograd";
import type { Examples } from "../training/examples.ts";
import { NetworkOptimizer } from "../training/network-optimizer.ts";
import { cosine } from "../training/schedule.ts";
import type { Task } from "../training/task.ts";
import type { Cell, Experiment, ResultSeries } from "./experiment.ts";
import { MaxOfPlanes } from "./max-of-planes.ts";
import { medianOf } from "./median.ts";
import { type TrainingCurve, trainingCurves } from "./training-curves.ts";

/** The three planes, one a row: their maximum has creases that end in the middle, and those of a two-layer ReLU net go right across. */
const planes = [
  [1, 0],
  [-0.5, Math.sqrt(0.75)],
  [-0.5, -Math.sqrt(0.75)],
];

const widths = [4, 8, 16, 32, 64, 128];
const [trainCount, testCount, batchSize] = [2000, 1000, 50];

/** OptNet's Theorem 3 shown: the maximum of three planes, learned by a layer of five variables, and by two-layer ReLU nets. */
export const threePlanes: Experiment = {
  name: "three-planes",
  title: "The maximum of three planes, learned",
  source: "OptNet, Theorem 3",
  sizes: { letters: ["width"], defaults: widths.map((width) => [width]) },
  takes: ["sizes", "epochs", "examples", "seeds", "seed"],
  async run(options, progress, signal) {
    const {
      sizes = threePlanes.sizes?.defaults ?? [],
      epochs = 40,
      examples = trainCount,
      seeds = 3,
      seed = 0,
    } = options;
    const settings = contenders(sizes.map(([width]) => width)).flatMap((contender) =>
      Array.from({ length: seeds }, (_, k) => ({ ...contender, seed: seed + k })).map((one) => ({
        ...one,
        ...{ task: () => planesTask(one.network(random(one.seed)), examples), epochs, batchSize },
        ...{ schedule: cosine(), evaluationBatchSize: testCount },
      })),
    );
    const { curves, complete } = await trainingCurves(settings, { progress, signal });
    const rows = summaries(curves);
    const words = caption(epochs, examples, seeds);
    return { tables: [{ columns, rows: rows.map(row), caption: words }], figures: [figure(rows)], complete };
  },
};

interface Contender {
  readonly label: string;
  readonly network: (random: Random) => Module;
}

function contenders(widths: readonly number[]): Contender[] {
  const net = (width: number) => (random: Random) => {
    const options = { random, dtype: "float64" } as const;
    return new Sequential(new Linear(2, width, options), new ReLU(), new Linear(width, 1, options));
  };
  return [
    { label: "layer of 5 variables", network: (random) => new MaxOfPlanes(random) },
    ...widths.map((width) => ({ label: `ReLU net, width ${width}`, network: net(width) })),
  ];
}

interface Samples {
  /** (B, 2). */
  readonly x: Tensor;
  /** (B, 1). */
  readonly f: Tensor;
}

function planesTask(network: Module, examples: number): Task<Samples> {
  return {
    name: "three-planes",
    settings: {},
    network,
    optimizer: new NetworkOptimizer(network, { learningRate: 0.02 }),
    train: samples(examples, 1),
    test: samples(testCount, 2),
    headline: { measure: "largest", words: "largest error", better: "lower", share: false },
    loss({ x, f }) {
      const answers = network.forward(x);
      const loss = mseLoss(answers, f);
      const largest = Float64Array.from(answers.sub(f).data()).reduce((most, e) => Math.max(most, Math.abs(e)), 0);
      return { loss, measures: { largest } };
    },
  };
}

/** Uniform points of the square [-1, 1]^2 and the largest plane there. */
function samples(count: number, seed: number): Examples<Samples> {
  const x = random(seed).uniform([count, 2], { low: -1, high: 1 }).data();
  const valueAt = (i: number) => Math.max(...planes.map(([a, b]) => a * x[2 * i] + b * x[2 * i + 1]));
  return {
    count,
    batch: (places) => ({
      x: tensor(
        Float64Array.from({ length: 2 * places.length }, (_, k) => x[2 * places[k >> 1] + (k & 1)]),
        {
          shape: [places.length, 2],
        },
      ),
      f: tensor(Float64Array.from(places, valueAt), { shape: [places.length, 1] }),
    }),
  };
}

interface Summary {
  readonly label: string;
  readonly parameters: number;
  /** Root mean squared error, and largest error, on the test points: of each seed, in order. */
  readonly deviations: readonly number[];
  readonly largest: readonly number[];
}

/** The curves of each network's seeds together; those that the signal cut off before their first evaluation are left out. */
function summaries(curves: readonly TrainingCurve[]): Summary[] {
  return [...new Set(curves.map(({ label }) => label))].flatMap((label) => {
    const ends = curves.filter((curve) => curve.label === label).flatMap(({ points }) => points.at(-1)?.test ?? []);
    if (ends.length === 0) return [];
    const width = Number(label.match(/width (\d+)/)?.[1] ?? 0);
    return {
      label,
      parameters: width > 0 ? 4 * width + 1 : 12,
      deviations: ends.map(({ loss }) => Math.sqrt(loss)).sort((a, b) => a - b),
      largest: ends.map(({ measures }) => measures.largest).sort((a, b) => a - b),
    };
  });
}

const columns = [
  { title: "network", unit: "text" },
  { title: "parameters", unit: "count" },
  { title: "root mean square", unit: "error" },
  { title: "largest error", unit: "error" },
  { title: "of the best seed", unit: "error" },
  { title: "of the worst", unit: "error" },
] as const;

function row({ label, parameters, deviations, largest }: Summary): Cell[] {
  return [label, parameters, medianOf(deviations), medianOf(largest), largest[0], largest[largest.length - 1]];
}

function figure(rows: readonly Summary[]) {
  const points = (chosen: readonly Summary[]): ResultSeries["points"] =>
    chosen.map(({ parameters, largest }) => [parameters, medianOf(largest)]);
  const isNet = ({ label }: Summary) => label.startsWith("ReLU");
  return {
    title: "Largest error by parameters",
    x: { label: "parameters", scale: "log" as const },
    y: { label: "largest error on the test points", scale: "log" as const },
    series: [
      { label: "layer of 5 variables", points: points(rows.filter((one) => !isNet(one))) },
      { label: "two-layer ReLU nets", points: points(rows.filter(isNet)) },
    ],
    caption: "Medians over the seeds.",
  };
}

function caption(epochs: number, examples: number, seeds: number): string {
  return (
    `max(a_1'x, a_2'x, a_3'x) on the square [-1, 1]^2, a_i of length one at 120 degrees, learned from ${examples} random points and tested on ${testCount}: ${epochs} epochs, batches of ${batchSize}, Adam at 0.02 falling along a cosine; medians over ${seeds} ${seeds === 1 ? "seed" : "seeds"}. ` +
    "The layer: z and the heights u = W x + w of four planes as variables, minimize 1/2 (z + 10)^2 subject to u <= z, with W and w learned from four directions at right angles, turned at random. " +
    "The theorem is the paper's: the layer can be exact, a two-layer ReLU net cannot."
  );
}
