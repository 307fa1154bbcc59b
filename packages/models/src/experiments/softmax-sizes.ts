import {
  entropicAdmm,
  entropicAlternating,
  entropicImplicit,
  entropicInteriorPoint,
  type SoftmaxLayerOptions,
  softmaxLayer,
} from "@solvegrad/optlayers";
import type { Cell, Experiment } from "./experiment.ts";
import { type LayerTime, layerTimes, type TimedLayer } from "./layer-times.ts";
import { tableOfEach } from "./measure-each.ts";
import { softmaxData } from "./random-programs.ts";

/** Table 6 of Alt-Diff, seconds in all, and the cosine of its gradient; its first row, "ineq." in our copy, is read as the variables. */
const published = new Map([
  ["100, 30, 10", { cvxpyLayer: 0.11, altDiff: 0.03, cosine: 0.999 }],
  ["300, 100, 20", { cvxpyLayer: 0.97, altDiff: 0.33, cosine: 0.996 }],
  ["500, 200, 20", { cvxpyLayer: 2.09, altDiff: 1.1, cosine: 0.999 }],
  ["1000, 500, 200", { cvxpyLayer: 9.67, altDiff: 5.02, cosine: 0.999 }],
]);

const tolerance = 1e-3;

const layer =
  (options: SoftmaxLayerOptions): TimedLayer =>
  ({ y, A, b, G, h }) =>
    softmaxLayer({ y, A, b, G, h }, { ...options, onFailure: "mask" });

const methods = {
  implicit: layer({ solver: entropicInteriorPoint(), differentiation: entropicImplicit() }),
  alternating: layer({
    solver: entropicAdmm({ tolerance }),
    differentiation: entropicAlternating({ truncate: tolerance }),
  }),
};

/** Table 6 of Alt-Diff: the constrained softmax layer. */
export const softmaxSizes: Experiment = {
  name: "table-6",
  title: "Constrained softmax layers by size",
  source: "Alt-Diff, Table 6",
  sizes: {
    letters: ["n", "m", "p"],
    defaults: [
      [100, 30, 10],
      [300, 100, 20],
      [500, 200, 20],
      [1000, 500, 200],
    ],
  },
  takes: ["sizes", "seed"],
  async run({ sizes = softmaxSizes.sizes?.defaults ?? [], seed = 0 }, progress, signal) {
    const measure = async (size: readonly number[]) => {
      const [n, m, p] = size;
      const times = await layerTimes(methods, softmaxData(n, m, p, seed), { signal });
      return times.map((time) => row(size.join(", "), time));
    };
    const words = (size: readonly number[]) => `n, m, p = ${size.join(", ")}`;
    return tableOfEach({ columns, caption: caption(seed) }, sizes, words, measure, { progress, signal });
  },
};

const columns = [
  { title: "n, m, p", unit: "text" },
  { title: "method", unit: "text" },
  { title: "forward s", unit: "seconds" },
  { title: "backward s", unit: "seconds" },
  { title: "total s", unit: "seconds" },
  { title: "cosine", unit: "cosine" },
  { title: "status", unit: "text" },
  { title: "paper: total s", unit: "seconds", published: true },
  { title: "paper: cosine", unit: "cosine", published: true },
] as const;

function row(size: string, { method, forward, backward, cosine, status }: LayerTime): Cell[] {
  const paper = published.get(size);
  const beside = method === "alternating" ? [paper?.altDiff, paper?.cosine] : [paper?.cvxpyLayer, null];
  return [
    ...[size, method, forward, backward, forward + backward, cosine, status],
    ...beside.map((cell) => cell ?? null),
  ];
}

function caption(seed: number): string {
  return (
    `minimize -y'x + sum x log x subject to Ax = b, Gx <= h; n variables, m inequalities, p equalities, dense and uniform with a common feasible point, y standard normal (seed ${seed}). ` +
    "Implicit: interior point, KKT conditions (in the paper CvxpyLayer). Alternating: ADMM with Newton steps and its recursion, both to 1e-3 (in the paper Alt-Diff). " +
    "Backward is the gradient of one loss in all data; medians of up to three runs. The paper's times are of whole Jacobians, on its authors' machine."
  );
}
