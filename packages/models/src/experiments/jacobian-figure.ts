import { type ConvergencePoint, jacobianConvergence, quadraticProgram } from "@solvegrad/optlayers";
import type { Cell, Experiment, ResultFigure } from "./experiment.ts";
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
    const tables = [{ columns, rows: results.flatMap(rows), caption: "The same, in numbers." }];
    return { tables, figures: results.map((result) => figure(result, caption(seed))), complete };
  },
};

interface Convergence {
  readonly size: readonly number[];
  readonly points: readonly ConvergencePoint[];
}

function figure({ size, points }: Convergence, caption: string): ResultFigure {
  const errors = (of: (point: ConvergencePoint) => number) =>
    points.map((point) => [point.iteration, of(point)] as const);
  return {
    title: `n, m, p = ${size.join(", ")}`,
    x: { label: "iteration" },
    y: { label: "relative error", scale: "log" },
    series: [
      { label: "x", points: errors(({ solutionError }) => solutionError) },
      { label: "Jacobian of x with respect to b", points: errors(({ jacobianError }) => jacobianError) },
    ],
    caption,
  };
}

function rows({ size, points }: Convergence): Cell[][] {
  return points
    .filter(({ iteration }) => iteration === 1 || iteration % 50 === 0)
    .map(({ iteration, solutionError, jacobianError }) => [size.join(", "), iteration, solutionError, jacobianError]);
}

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
