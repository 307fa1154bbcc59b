/**
 * Milliseconds of a sparse QP on a chain, solve and VJP: y moved as little as possible so that neighbours differ by at most r,
 *
 *     minimize 1/2 |x - y|^2  subject to  |x_(i+1) - x_i| <= r,
 *
 * for two kinds of y: a random walk, and independent noise, which binds more and longer. Four ways:
 *
 *     first     the process's first solve of the pattern, with compilation, scaling and analysis
 *     fresh     new y on the same matrices, from no earlier solution
 *     nearby    y moved by a thousandth of its size, from the solution before (a training loop)
 *     again     the same problem from its own solution
 *
 * The last column is the median of `fresh` over the time of one product with each stored entry of the KKT matrix, on the same
 * machine at the same time: what any iterative method pays at least once an iteration, whatever the machine.
 *
 *     npm run bench:chain [-- n]
 */
import { random } from "@solvegrad/autograd";
import { addProduct, addTransposedProduct, fromTriplets, type Triplet } from "@solvegrad/linalg";
import {
  type SparseQuadraticProgram,
  type SparseSolution,
  sparseImplicitVjp,
  sparseInteriorPoint,
  sparseQuadraticProgram,
} from "@solvegrad/optlayers";
import { median } from "./median.ts";

const n = Number(process.argv[2] ?? 10_000);
const limit = 0.5;
const runs = 25;
const solver = sparseInteriorPoint();

const entries = Array.from({ length: n }, (_, i) => i);
const Q = fromTriplets(
  [n, n],
  entries.map((i): Triplet => [i, i, 1]),
);
const G = fromTriplets(
  [n - 1, n],
  entries.slice(1).flatMap((i): Triplet[] => [
    [i - 1, i - 1, -1],
    [i - 1, i, 1],
  ]),
);
const bound = (value: number) => new Float64Array(n - 1).fill(value);

interface Measured {
  readonly solution: SparseSolution;
  readonly solve: number;
  readonly vjp: number;
}

function programOf(y: Float64Array): SparseQuadraticProgram {
  return sparseQuadraticProgram({ Q, q: y.map((value) => -value), G, l: bound(-limit), u: bound(limit) });
}

/** One step of a training loop: the problem of y, its solution and the gradient of |x|^2 / 2. */
function measure(y: Float64Array, warmStart?: SparseSolution): Measured {
  const begin = performance.now();
  const problem = programOf(y);
  const solution = solver.solve(problem, warmStart ? { warmStart } : {});
  const middle = performance.now();
  if (solution.status !== "solved") throw new Error(`a chain of ${n} ended ${solution.status}`);
  const { report } = sparseImplicitVjp(problem, solution, { x: solution.x });
  if (!(report.residual < 1e-9)) throw new Error(`the VJP of a chain of ${n} has a residual of ${report.residual}`);
  return { solution, solve: middle - begin, vjp: performance.now() - middle };
}

function inputs(kind: "walk" | "noise", seed: number): Float64Array {
  const steps = Float64Array.from(random(seed).normal([n]).data());
  if (kind === "noise") return steps;
  let sum = 0;
  return steps.map((step) => {
    sum += step * limit;
    return sum;
  });
}

/** Milliseconds of a product with Q, G and G'. */
function productTime(): number {
  const [x, y] = [new Float64Array(n).fill(1), new Float64Array(n - 1)];
  const times = Array.from({ length: 60 }, () => {
    const begin = performance.now();
    addProduct(1, Q, x, x);
    addProduct(1, G, x, y);
    addTransposedProduct(1, G, y, x);
    x.fill(1);
    return performance.now() - begin;
  });
  return median(times.slice(20));
}

function row(title: string, measured: readonly Measured[], product?: number): void {
  const total = median(measured.map(({ solve, vjp }) => solve + vjp));
  const cells = [
    median(measured.map(({ solve }) => solve)).toFixed(1),
    median(measured.map(({ vjp }) => vjp)).toFixed(1),
    total.toFixed(1),
    Math.min(...measured.map(({ solve, vjp }) => solve + vjp)).toFixed(1),
    String(median(measured.map(({ solution }) => solution.iterations))),
    product === undefined ? "" : (total / product).toFixed(0),
  ];
  console.log(`${title.padEnd(16)}${cells.map((cell) => cell.padStart(11)).join("")}`);
}

console.log(`chain of ${n}, medians of ${runs} in ms (the first: one)\n`);
const headings = ["solve", "VJP", "both", "least", "iterations", "products"];
console.log(`${"".padEnd(16)}${headings.map((heading) => heading.padStart(11)).join("")}`);
for (const kind of ["walk", "noise"] as const) {
  row(`${kind}, first`, [measure(inputs(kind, 1))]);
  const fresh = Array.from({ length: runs }, (_, k) => measure(inputs(kind, k + 2)));
  row(`${kind}, fresh`, fresh, productTime());
  const y = inputs(kind, 1);
  let { solution } = measure(y);
  const nearby = Array.from({ length: runs }, (_, k) => {
    const change = random(1000 + k)
      .normal([n])
      .data();
    y.forEach((_value, i) => {
      y[i] += change[i] / 1000;
    });
    const measured = measure(y, solution);
    solution = measured.solution;
    return measured;
  });
  row(`${kind}, nearby`, nearby);
  row(
    `${kind}, again`,
    Array.from({ length: runs }, () => measure(y, solution)),
  );
}
