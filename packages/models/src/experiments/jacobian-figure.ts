import { jacobianConvergence, quadraticProgram } from "@solvegrad/optlayers";
import type { Experiment } from "./experiment.ts";
import { measureEach } from "./measure-each.ts";
import { denseData } from "./random-programs.ts";

const iterations = 300;

/** Figure 1 of Alt-Diff: the Jacobian that is carried along ADMM's iterations converges to that of the KKT conditions, as x does. */
export const jacobianFigure: Experiment = {
  name: "figure-1",
  title: "The Jacobian converges with the solution",
  source: "Alt-Diff, Figure 1",
  sizes: { letters: ["n", "m", "p"], defaults: [[100, 40, 20]] },
  takes: ["sizes", "seed"],
  async run({ sizes = jacobianFigure.sizes?.defaults ?? [], seed = 0 }, progress, signal) {
    const measure = async (size: readonly number[]) => {
      const [n, m, p] = size;
      const problem = quadraticProgram(denseData(n, m, p, seed));
      return { size, points: jacobianConvergence(problem, "b", { iterations, rho: n }) };
    };
    const words = (size: readonly number[]) => `n, m, p = ${size.join(", ")}`;
    const { results, complete } = await measureEach(sizes, words, measure, { progress, signal });
    const figures = results.map(({ size, points }) => ({
      title: `n, m, p = ${size.join(", ")}`,
      x: { label: "iteration" },
      y: { label: "relative error", scale: "log" as const },
      series: [
        { label: "x", points: points.map(({ iteration, solutionError }) => [iteration, solutionError] as const) },
        {
          label: "Jacobian of x with respect to b",
          points: points.map(({ iteration, jacobianError }) => [iteration, jacobianError] as const),
        },
      ],
      caption: caption(seed),
    }));
    const rows = results.flatMap(({ size, points }) =>
      points
        .filter(({ iteration }) => iteration === 1 || iteration % 50 === 0)
        .map(({ iteration, solutionError, jacobianError }) => [
          size.join(", "),
          iteration,
          solutionError,
          jacobianError,
        ]),
    );
    return { tables: [{ columns, rows, caption: "The same, in numbers." }], figures, complete };
  },
};

const columns = [
  { title: "n, m, p", unit: "text" },
  { title: "iteration", unit: "count" },
  { title: "error of x", unit: "error" },
  { title: "error of the Jacobian", unit: "error" },
] as const;

function caption(seed: number): string {
  return (
    `A random dense QP as in Table 1 (seed ${seed}). The paper's recursion (7) is carried along its ADMM (5) with rho = n from zero; ` +
    "errors are Euclidean norms relative to the exact solution and to the Jacobian from the KKT conditions. The paper has this as a picture, without numbers in our copy."
  );
}
