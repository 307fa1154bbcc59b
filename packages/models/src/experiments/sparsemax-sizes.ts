import type { Cell, Experiment } from "./experiment.ts";
import { type LayerTime, layerTimes } from "./layer-times.ts";
import { tableOfEach } from "./measure-each.ts";
import { sparsemaxData } from "./random-programs.ts";
import { generalSparse, structured } from "./sparsemax-methods.ts";

/** Table 4 of Alt-Diff, seconds in all, and the cosine of Alt-Diff's gradient. */
const published = new Map([
  [3000, { optNet: 18.46, cvxpyLayer: 3.61, altDiff: 3.16, cosine: 0.999 }],
  [5000, { optNet: 77.87, cvxpyLayer: 18.14, altDiff: 9.96, cosine: 0.998 }],
  [10000, { optNet: 834.59, cvxpyLayer: 123.79, altDiff: 58.51, cosine: 0.997 }],
  [20000, { optNet: null, cvxpyLayer: 1024.69, altDiff: 539.19, cosine: 0.998 }],
]);

const tolerance = 1e-3;

/** Table 4 of Alt-Diff: the constrained sparsemax layer, by its structure and by the solvers for general sparse QPs. */
export const sparsemaxSizes: Experiment = {
  name: "table-4",
  title: "Constrained sparsemax layers by size",
  source: "Alt-Diff, Table 4",
  sizes: { letters: ["n"], defaults: [[3000], [5000], [10000], [20000]] },
  takes: ["sizes", "seed"],
  async run({ sizes = sparsemaxSizes.sizes?.defaults ?? [], seed = 0 }, progress, signal) {
    const measure = async ([n]: readonly number[]) => {
      const { implicit, alternating } = generalSparse(n, tolerance);
      const methods = { structured, "sparse, implicit": implicit, "sparse, alternating": alternating };
      const times = await layerTimes(methods, sparsemaxData(n, seed), { signal });
      return times.map((time) => row(n, time));
    };
    return tableOfEach({ columns, caption: caption(seed) }, sizes, ([n]) => `n = ${n}`, measure, { progress, signal });
  },
};

const columns = [
  { title: "n", unit: "count" },
  { title: "method", unit: "text" },
  { title: "forward s", unit: "seconds" },
  { title: "backward s", unit: "seconds" },
  { title: "total s", unit: "seconds" },
  { title: "cosine", unit: "cosine" },
  { title: "status", unit: "text" },
  { title: "paper: total s", unit: "seconds", published: true },
  { title: "paper: its method", unit: "text", published: true },
  { title: "paper: cosine", unit: "cosine", published: true },
] as const;

function row(n: number, { method, forward, backward, cosine, status }: LayerTime): Cell[] {
  const paper = published.get(n);
  const beside: Record<string, Cell[]> = {
    structured: [paper?.cvxpyLayer ?? null, "CvxpyLayer (lsqr)", null],
    "sparse, implicit": [paper?.optNet ?? null, "OptNet", null],
    "sparse, alternating": [paper?.altDiff ?? null, "Alt-Diff", paper?.cosine ?? null],
  };
  return [
    n,
    method,
    forward,
    backward,
    forward + backward,
    cosine,
    status,
    ...(paper ? beside[method] : [null, "", null]),
  ];
}

function caption(seed: number): string {
  return (
    `Projections on a simplex with upper bounds, n variables and 2 n inequalities, y standard normal and u uniform from 1 / n to 100 / n (seed ${seed}). ` +
    "Structured: the exact threshold and its derivative. Sparse: the same layer stated as a general sparse QP, by interior point and the KKT conditions, or ADMM and its recursion, both to 1e-3. " +
    "Backward is the gradient of one loss in y and u; medians of up to three runs; cosine with the structured gradient. The paper's solvers are dense but for CvxpyLayer, on its authors' machine."
  );
}
