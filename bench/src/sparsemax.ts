/**
 * Milliseconds of the constrained sparsemax layer, forward and gradient of y and u, by the problem's structure; beside them
 * the totals of Alt-Diff's Table 4 (seconds on its authors' machine, forward and backward of the dense ADMM and of the others).
 *
 *     npm run bench:sparsemax
 */
import { random, tensor } from "@solvegrad/autograd";
import { boxProjectionLayer, sparsemaxLayer } from "@solvegrad/optlayers";
import { median } from "./median.ts";

/** Table 4 of Sun et al. (2023), in seconds. */
const published = new Map([
  [3000, { altDiff: 3.16, cvxpyLayer: 3.61, optNet: 18.46 }],
  [5000, { altDiff: 9.96, cvxpyLayer: 18.14, optNet: 77.87 }],
  [10000, { altDiff: 58.51, cvxpyLayer: 123.79, optNet: 834.59 }],
  [20000, { altDiff: 539.19, cvxpyLayer: 1024.69, optNet: null }],
]);

interface Times {
  readonly forward: number;
  readonly backward: number;
}

/** One training step's forward and backward pass on fresh data; in the general form the row 1'x = 1 is one of any signs. */
function measure(n: number, seed: number, general: boolean): Times {
  const generator = random(seed);
  const y = tensor(generator.normal([n]).data(), { requiresGrad: true });
  const u = tensor(generator.uniform([n], { low: 1 / n, high: 100 / n }).data(), { requiresGrad: true });
  const A = generator.normal([1, n]);
  const lower = new Float64Array(n);
  const cotangent = generator.normal([n]);
  const start = performance.now();
  const { x } = general ? boxProjectionLayer({ y, A, b: [0.5], lower, upper: u }) : sparsemaxLayer({ y, u });
  const middle = performance.now();
  x.backward(cotangent);
  return { forward: middle - start, backward: performance.now() - middle };
}

const headings = ["n", "forward ms", "backward ms", "first ms", "Alt-Diff s", "CvxpyLayer s", "OptNet s"];
console.log(headings.map((heading) => heading.padStart(13)).join(""));
for (const general of [false, true]) {
  if (general) console.log("\ngeneral form: a'x = 1/2 with a of any signs, 0 <= x <= u");
  for (const n of [3000, 5000, 10000, 20000, 100_000, 1_000_000]) console.log(line(n, general));
}

function line(n: number, general: boolean): string {
  const [first, ...warm] = Array.from({ length: n < 1e6 ? 15 : 7 }, (_, k) => measure(n, k + 1, general));
  const { altDiff, cvxpyLayer, optNet } = (general ? undefined : published.get(n)) ?? {};
  const cells = [
    String(n),
    median(warm.map(({ forward }) => forward)).toFixed(2),
    median(warm.map(({ backward }) => backward)).toFixed(2),
    (first.forward + first.backward).toFixed(2),
    ...[altDiff, cvxpyLayer, optNet].map((seconds) => seconds?.toFixed(2) ?? "-"),
  ];
  return cells.map((cell) => cell.padStart(13)).join("");
}
