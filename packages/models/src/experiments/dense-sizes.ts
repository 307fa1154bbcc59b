import { denseLayer } from "./dense-methods.ts";
import type { Cell, Experiment } from "./experiment.ts";
import { type LayerTime, layerTimes } from "./layer-times.ts";
import { tableOfEach } from "./measure-each.ts";
import { denseData } from "./random-programs.ts";

/** Table 1 of Alt-Diff, seconds in all: n, m, p; OptNet, CvxpyLayer, Alt-Diff, and the cosine of its gradient. */
const published = new Map<
  string,
  readonly [optNet: number, cvxpyLayer: number | null, altDiff: number, cosine: number]
>([
  ["1500, 500, 200", [0.81, 25.34, 0.71, 0.999]],
  ["3000, 1000, 500", [9.48, 212.86, 5.75, 0.999]],
  ["5000, 2000, 1000", [40.72, 1056.18, 20.2, 0.999]],
  ["10000, 5000, 2000", [317.78, null, 154.52, 0.998]],
]);

const tolerance = 1e-3;

/** Table 1 of Alt-Diff: one dense QP of each size, forward and backward, implicit and alternating. */
export const denseSizes: Experiment = {
  name: "table-1",
  title: "Dense quadratic layers by size",
  source: "Alt-Diff, Table 1",
  sizes: {
    letters: ["n", "m", "p"],
    defaults: [
      [500, 150, 60],
      [1500, 500, 200],
    ],
  },
  takes: ["sizes", "seed"],
  async run({ sizes = denseSizes.sizes?.defaults ?? [], seed = 0 }, progress, signal) {
    const measure = async (size: readonly number[]) => {
      const [n, m, p] = size;
      const times = await layerTimes(methods, denseData(n, m, p, seed), { signal });
      return times.map((time) => row(size.join(", "), time));
    };
    return tableOfEach({ columns, caption: caption(seed) }, sizes, (size) => `n, m, p = ${size.join(", ")}`, measure, {
      progress,
      signal,
    });
  },
};

const methods = {
  implicit: denseLayer("implicit", tolerance),
  alternating: denseLayer("alternating", tolerance),
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
  { title: "paper: CvxpyLayer s", unit: "seconds", published: true },
  { title: "paper: cosine", unit: "cosine", published: true },
] as const;

function row(size: string, { method, forward, backward, cosine, status }: LayerTime): Cell[] {
  const [optNet, cvxpyLayer, altDiff, paperCosine] = published.get(size) ?? [null, null, null, null];
  const isAlternating = method === "alternating";
  return [
    ...[size, method, forward, backward, forward + backward, cosine, status],
    ...(isAlternating ? [altDiff, null, paperCosine] : [optNet, cvxpyLayer, null]),
  ];
}

function caption(seed: number): string {
  return (
    `Random dense QPs of n variables, m inequalities and p equalities: Q = R'R, and R, q, A, b, G, h standard normal (seed ${seed}), tolerance 1e-3. ` +
    "Implicit: interior point, KKT conditions (in the paper OptNet). Alternating: ADMM and its recursion in adjoint mode (in the paper Alt-Diff, which carries the Jacobian). " +
    "Forward is a call of the layer with its checks of the data, backward the gradient of one loss in all data; medians of up to three runs. " +
    "Cosine: of that gradient with the implicit one. The paper's times are of its authors' machine."
  );
}
