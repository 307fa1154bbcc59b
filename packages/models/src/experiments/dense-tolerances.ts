import { denseLayer } from "./dense-methods.ts";
import type { Cell, Experiment } from "./experiment.ts";
import { type LayerTime, layerTimes } from "./layer-times.ts";
import { tableOfEach } from "./measure-each.ts";
import { denseData } from "./random-programs.ts";

/** Table 2 of Alt-Diff: tolerance; seconds of OptNet, CvxpyLayer and Alt-Diff on its second size (n = 3000). */
const published = [
  { tolerance: 1e-1, optNet: 8.58, cvxpyLayer: 212.34, altDiff: 1.18 },
  { tolerance: 1e-2, optNet: 9.32, cvxpyLayer: 216.66, altDiff: 3.5 },
  { tolerance: 1e-3, optNet: 9.48, cvxpyLayer: 212.86, altDiff: 5.75 },
  { tolerance: 1e-4, optNet: 9.59, cvxpyLayer: 215.75, altDiff: 8.04 },
  { tolerance: 1e-5, optNet: 10.13, cvxpyLayer: 213.08, altDiff: 10.76 },
];

/** Table 2 of Alt-Diff: one dense QP at tolerances from 1e-1 to 1e-5. */
export const denseTolerances: Experiment = {
  name: "table-2",
  title: "Dense quadratic layer by tolerance",
  source: "Alt-Diff, Table 2",
  sizes: { letters: ["n", "m", "p"], defaults: [[1500, 500, 200]] },
  takes: ["sizes", "seed"],
  async run({ sizes = denseTolerances.sizes?.defaults ?? [], seed = 0 }, progress, signal) {
    const settings = sizes.flatMap((size) => published.map((paper) => ({ size, paper })));
    const measure = async ({ size, paper }: (typeof settings)[number]) => {
      const [n, m, p] = size;
      const methods = {
        exact: denseLayer("implicit", 1e-9),
        implicit: denseLayer("implicit", paper.tolerance),
        alternating: denseLayer("alternating", paper.tolerance),
      };
      const [, ...times] = await layerTimes(methods, denseData(n, m, p, seed), { signal });
      return times.map((time) => row(size.join(", "), paper, time));
    };
    const words = ({ size, paper }: (typeof settings)[number]) => `n = ${size[0]}, tolerance ${paper.tolerance}`;
    return tableOfEach({ columns, caption: caption(seed) }, settings, words, measure, { progress, signal });
  },
};

const columns = [
  { title: "n, m, p", unit: "text" },
  { title: "method", unit: "text" },
  { title: "tolerance", unit: "tolerance" },
  { title: "total s", unit: "seconds" },
  { title: "iterations", unit: "count" },
  { title: "gradient off by", unit: "error" },
  { title: "status", unit: "text" },
  { title: "paper: total s (n = 3000)", unit: "seconds", published: true },
  { title: "paper: CvxpyLayer s", unit: "seconds", published: true },
] as const;

function row(size: string, paper: (typeof published)[number], time: LayerTime): Cell[] {
  const { method, forward, backward, iterations, relativeDifference, status } = time;
  const isAlternating = method === "alternating";
  return [
    ...[size, method, paper.tolerance, forward + backward, iterations, relativeDifference, status],
    ...(isAlternating ? [paper.altDiff, null] : [paper.optNet, paper.cvxpyLayer]),
  ];
}

function caption(seed: number): string {
  return (
    `One random dense QP as in Table 1 (seed ${seed}), solved and differentiated to each tolerance; medians of up to three runs. ` +
    "The gradient's error is relative to the implicit gradient of the solution to 1e-9. In the paper implicit is OptNet and alternating Alt-Diff, with n = 3000, m = 1000, p = 500."
  );
}
