import { random, tensor } from "@solvegrad/autograd";
import { interiorPoint, quadraticLayer } from "@solvegrad/optlayers";
import type { Cell, Experiment, ResultFigure } from "./experiment.ts";
import { statusWords } from "./layer-times.ts";
import { measureEach } from "./measure-each.ts";

/** A piecewise linear function c + s x + sum_i a_i max(x - k_i, 0). */
export interface PiecewiseLinear {
  readonly intercept: number;
  readonly slope: number;
  readonly knots: Float64Array;
  /** How much the slope changes at each knot. */
  readonly changes: Float64Array;
}

/**
 * The values of a piecewise linear function at many x as the solutions of one QP layer in (t, z), t_i = max(x - k_i, 0)
 * (OptNet, Theorem 2):
 *
 *     minimize 1/2 |t - (x - k)|^2   subject to  t >= 0,  z - a't = c + s x
 *
 * k knots take k + 1 variables and 2 k + 2 parameters. z has no cost and is determined by its equality.
 */
export function piecewiseLinearLayer({ intercept, slope, knots, changes }: PiecewiseLinear, x: Float64Array) {
  const k = knots.length;
  const n = k + 1;
  const Q = new Float64Array(n * n);
  const G = new Float64Array(k * n);
  for (let i = 0; i < k; i++) {
    Q[i * n + i] = 1;
    G[i * n + i] = -1;
  }
  const q = new Float64Array(x.length * n);
  x.forEach((at, item) => {
    for (let i = 0; i < k; i++) q[item * n + i] = knots[i] - at;
  });
  const A = Float64Array.from({ length: n }, (_, i) => (i < k ? -changes[i] : 1));
  const { x: solved, solution } = quadraticLayer(
    {
      Q: tensor(Q, { shape: [n, n] }),
      q: tensor(q, { shape: [x.length, n] }),
      A: tensor(A, { shape: [1, n] }),
      b: tensor(
        x.map((at) => intercept + slope * at),
        { shape: [x.length, 1] },
      ),
      G: tensor(G, { shape: [k, n] }),
      h: new Float64Array(k),
    },
    { solver: interiorPoint({ tolerance: 1e-10 }), onFailure: "mask" },
  );
  const values = solved.data();
  return { values: Float64Array.from(x, (_, item) => values[item * n + k]), status: solution.status };
}

export function piecewiseLinearValue({ intercept, slope, knots, changes }: PiecewiseLinear, x: number): number {
  return knots.reduce((sum, knot, i) => sum + changes[i] * Math.max(x - knot, 0), intercept + slope * x);
}

const points = 401;

/** OptNet's Theorem 2 shown: functions with more and more kinks, each as one QP layer. */
export const piecewiseLinear: Experiment = {
  name: "piecewise-linear",
  title: "Any piecewise linear function as a quadratic layer",
  source: "OptNet, Theorem 2",
  sizes: { letters: ["kinks"], defaults: [[1], [2], [4], [8], [16]] },
  takes: ["sizes", "seed"],
  async run({ sizes = piecewiseLinear.sizes?.defaults ?? [], seed = 0 }, progress, signal) {
    const x = Float64Array.from({ length: points }, (_, i) => -2 + (4 * i) / (points - 1));
    const measure = async ([kinks]: readonly number[]) => {
      const f = randomFunction(kinks, seed + kinks);
      const { values, status } = piecewiseLinearLayer(f, x);
      const exact = x.map((at) => piecewiseLinearValue(f, at));
      return { kinks, values, exact, status: statusWords(status) };
    };
    const words = ([kinks]: readonly number[]) => `${kinks} kinks`;
    const { results, complete } = await measureEach(sizes, words, measure, { progress, signal });
    const tables = [{ columns, rows: results.map(row), caption: caption(seed) }];
    return { tables, figures: results.slice(-1).map((last) => figure(x, last)), complete };
  },
};

interface Shown {
  readonly kinks: number;
  /** At every x: of the layer, and of the function. */
  readonly values: Float64Array;
  readonly exact: Float64Array;
  readonly status: string;
}

function row({ kinks, values, exact, status }: Shown): Cell[] {
  const error = values.reduce((most, value, i) => Math.max(most, Math.abs(value - exact[i])), 0);
  return [kinks, kinks + 1, 2 * kinks + 2, error, status];
}

function figure(x: Float64Array, { kinks, values, exact }: Shown): ResultFigure {
  const series = (label: string, y: Float64Array, every: number) => ({
    label,
    points: Array.from(y, (value, i) => [x[i], value] as const).filter((_, i) => i % every === 0),
    pointsOnly: every > 1,
  });
  return {
    title: `${kinks} kinks`,
    x: { label: "x" },
    y: { label: "value" },
    series: [series("the function", exact, 1), series("the layer", values, 11)],
    caption: "A random piecewise linear function, and the layer's values at some of the points.",
  };
}

function randomFunction(kinks: number, seed: number): PiecewiseLinear {
  const generator = random(seed);
  const slopes = generator.normal([kinks + 1]).data();
  return {
    intercept: 0,
    slope: slopes[0],
    knots: Float64Array.from(generator.uniform([kinks], { low: -1.5, high: 1.5 }).data()).sort(),
    changes: Float64Array.from({ length: kinks }, (_, i) => slopes[i + 1] - slopes[i]),
  };
}

const columns = [
  { title: "kinks", unit: "count" },
  { title: "variables", unit: "count" },
  { title: "parameters", unit: "count" },
  { title: "largest error", unit: "error" },
  { title: "status", unit: "text" },
] as const;

function caption(seed: number): string {
  return (
    `Random piecewise linear functions (seed ${seed}) with k kinks as a QP layer in t and z: minimize 1/2 |t - (x - knots)|^2 subject to t >= 0 and z = c + s x + a't, solved to 1e-10. ` +
    `The largest difference of z and the function over ${points} points. The theorem is the paper's: a layer with O(k) parameters is enough.`
  );
}
