import type { Cell, Experiment } from "./experiment.ts";
import { type LayerTime, layerTimes } from "./layer-times.ts";
import { tableOfEach } from "./measure-each.ts";
import { sparsemaxData } from "./random-programs.ts";
import { generalSparse, structured } from "./sparsemax-methods.ts";

/** Table 5 of Alt-Diff: tolerance, and seconds of OptNet, CvxpyLayer and Alt-Diff with n = 10,000. */
const published = [
  { tolerance: 1e-1, optNet: 768.01, cvxpyLayer: 121.99, altDiff: 47.31 },
  { tolerance: 1e-2, optNet: 808.81, cvxpyLayer: 121.84, altDiff: 57.46 },
  { tolerance: 1e-3, optNet: 834.59, cvxpyLayer: 123.79, altDiff: 58.51 },
  { tolerance: 1e-4, optNet: 880.27, cvxpyLayer: 123.02, altDiff: 71.18 },
  { tolerance: 1e-5, optNet: 1026.85, cvxpyLayer: 129.8, altDiff: 81.99 },
];

/** Table 5 of Alt-Diff: the constrained sparsemax layer of one size at tolerances from 1e-1 to 1e-5. */
export const sparsemaxTolerances: Experiment = {
  name: "table-5",
  title: "Constrained sparsemax layer by tolerance",
  source: "Alt-Diff, Table 5",
  sizes: { letters: ["n"], defaults: [[10000]] },
  takes: ["sizes", "seed"],
  async run({ sizes = sparsemaxTolerances.sizes?.defaults ?? [], seed = 0 }, progress, signal) {
    const settings = sizes.flatMap(([n]) => published.map((paper) => ({ n, paper })));
    const measure = async ({ n, paper }: (typeof settings)[number]) => {
      const methods = { structured, ...generalSparse(n, paper.tolerance) };
      const times = await layerTimes(methods, sparsemaxData(n, seed), { signal });
      return times.filter(({ method }) => method !== "structured").map((time) => row(n, paper, time));
    };
    const words = ({ n, paper }: (typeof settings)[number]) => `n = ${n}, tolerance ${paper.tolerance}`;
    return tableOfEach({ columns, caption: caption(seed) }, settings, words, measure, { progress, signal });
  },
};

const columns = [
  { title: "n", unit: "count" },
  { title: "method", unit: "text" },
  { title: "tolerance", unit: "tolerance" },
  { title: "total s", unit: "seconds" },
  { title: "iterations", unit: "count" },
  { title: "gradient off by", unit: "error" },
  { title: "status", unit: "text" },
  { title: "paper: total s (n = 10000)", unit: "seconds", published: true },
  { title: "paper: CvxpyLayer s", unit: "seconds", published: true },
] as const;

function row(n: number, paper: (typeof published)[number], time: LayerTime): Cell[] {
  const { method, forward, backward, iterations, relativeDifference, status } = time;
  const isAlternating = method === "alternating";
  return [
    ...[n, `sparse, ${method}`, paper.tolerance, forward + backward, iterations, relativeDifference, status],
    ...(isAlternating ? [paper.altDiff, null] : [paper.optNet, paper.cvxpyLayer]),
  ];
}

function caption(seed: number): string {
  return (
    `The layer of Table 4 as a general sparse QP (seed ${seed}) to each tolerance; medians of up to three runs. The gradient's error is relative to the exact one of the structure, which has no tolerance. ` +
    "In the paper implicit is OptNet, and alternating Alt-Diff."
  );
}
