/**
 * Milliseconds of the constrained softmax layer on the random dense problems of Alt-Diff's Table 6, forward and the gradient of
 * one loss in every datum, by the interior point with the implicit rule and by ADMM with the alternating rule; beside them the
 * table's totals (seconds on its authors' machine, for the whole Jacobian).
 *
 *     npm run bench:softmax
 */
import { random } from "@solvegrad/autograd";
import { activeKernels } from "@solvegrad/linalg";
import {
  type DifferentiationRule,
  type EntropyName,
  type EntropyProgram,
  entropicAdmm,
  entropicAlternating,
  entropicImplicit,
  entropicInteriorPoint,
  entropyProgram,
  type Solver,
} from "@solvegrad/optlayers";

/** Table 6 of Sun et al. (2023): sizes, and seconds. */
const published = [
  { n: 100, m: 30, p: 10, altDiff: 0.03, cvxpyLayer: 0.11 },
  { n: 300, m: 100, p: 20, altDiff: 0.33, cvxpyLayer: 0.97 },
  { n: 500, m: 200, p: 20, altDiff: 1.1, cvxpyLayer: 2.09 },
  { n: 1000, m: 500, p: 200, altDiff: 5.02, cvxpyLayer: 9.67 },
];

interface Contender {
  readonly title: string;
  readonly solver: Solver<EntropyProgram>;
  readonly rule: DifferentiationRule<EntropyProgram, EntropyName>;
}

const contenders: readonly Contender[] = [
  { title: "interior point, implicit", solver: entropicInteriorPoint(), rule: entropicImplicit() },
  {
    title: "ADMM, alternating, 1e-3",
    solver: entropicAdmm({ tolerance: 1e-3 }),
    rule: entropicAlternating({ truncate: 1e-3 }),
  },
];

/** Uniform constraints that share a feasible point, as dense as the table's. */
function problemOf(n: number, m: number, p: number, seed: number): EntropyProgram {
  const generator = random(seed);
  const A = generator.uniform([p, n]);
  const G = generator.uniform([m, n]);
  const feasible = generator.uniform([n]);
  return entropyProgram({
    y: generator.normal([n]),
    A,
    b: A.matmul(feasible),
    G,
    h: G.matmul(feasible).add(generator.uniform([m])),
  });
}

console.log(`kernels: ${activeKernels().description}`);
const headings = ["n", "ineq.", "eq.", "forward ms", "backward ms", "iterations", "status"];
console.log(`${headings.map((heading) => heading.padStart(12)).join("")}  method`);
for (const { n, m, p, altDiff, cvxpyLayer } of published) {
  for (const { title, solver, rule } of contenders) {
    const runs = [1, 2, 3].map((seed) => {
      const problem = problemOf(n, m, p, seed);
      const cotangent = { x: Float64Array.from(random(seed).normal([n]).data()) };
      const start = performance.now();
      const solution = solver.solve(problem);
      const middle = performance.now();
      rule.vjp(problem, solution, cotangent);
      return { solution, forward: middle - start, backward: performance.now() - middle };
    });
    const [, last] = runs.sort((a, b) => a.forward + a.backward - b.forward - b.backward);
    const cells = [n, m, p, last.forward.toFixed(1), last.backward.toFixed(1), last.solution.iterations[0]];
    console.log(`${[...cells, last.solution.status[0]].map((cell) => String(cell).padStart(12)).join("")}  ${title}`);
  }
  console.log(`${" ".repeat(36)}${(1000 * altDiff).toFixed(0).padStart(12)}  Alt-Diff as published, in all`);
  console.log(`${" ".repeat(36)}${(1000 * cvxpyLayer).toFixed(0).padStart(12)}  CvxpyLayer as published, in all`);
}
