/**
 * Milliseconds of processor time of a convex layer, forward and backward, by solver and rule: log sum exp(Cx + d) + 1/4 |x|^2 with
 * 20 terms in 50 variables under 50 inequalities, a batch of 16 with d and h of its own. Minima of five runs.
 *
 *     npm run bench:convex
 */
import { type Random, random, type Tensor } from "@solvegrad/autograd";
import { activeKernels } from "@solvegrad/linalg";
import {
  type ConvexProgram,
  type ConvexRule,
  convexAdmm,
  convexAlternating,
  convexImplicit,
  convexInteriorPoint,
  convexLayer,
  type Solver,
} from "@solvegrad/optlayers";

const [n, m, terms, batch, runs] = [50, 50, 20, 16, 5];

const contenders: readonly [string, Solver<ConvexProgram>, ConvexRule][] = [
  ["interior point, implicit", convexInteriorPoint(), convexImplicit()],
  ["interior point, alternating", convexInteriorPoint(), convexAlternating()],
  ["ADMM 1e-3, alternating 1e-3", convexAdmm({ tolerance: 1e-3 }), convexAlternating({ truncate: 1e-3 })],
  ["ADMM 1e-6, alternating 1e-6", convexAdmm(), convexAlternating({ truncate: 1e-6 })],
  ["ADMM 1e-6, implicit", convexAdmm(), convexImplicit()],
];

function objective(x: Tensor, C: Tensor, d: Tensor): Tensor {
  const exponents = x.matmul(C.transpose()).add(d);
  return exponents.exp().sum(-1).log().add(x.square().sum(-1).mul(0.25));
}

/** A random layer whose constraints share a feasible point with slack. */
function dataOf(generator: Random) {
  const inner = generator.normal([n]).mul(0.3);
  const G = generator.normal([m, n]);
  const theta = [generator.normal([terms, n]), generator.normal([batch, terms])];
  for (const leaf of theta) leaf.requiresGrad = true;
  return { objective, theta, G, h: generator.uniform([batch, m]).mul(0.4).add(G.matmul(inner)) };
}

function processorMilliseconds(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

console.log(`kernels: ${activeKernels().description}`);
console.log(`${["forward", "backward", "iterations"].map((heading) => heading.padStart(12)).join("")}  method`);
for (const [title, solver, differentiation] of contenders) {
  let forward = Infinity;
  let backward = Infinity;
  let iterations = 0;
  for (let run = 0; run < runs; run++) {
    let result: ReturnType<typeof convexLayer> | null = null;
    const data = dataOf(random(1));
    const solving = processorMilliseconds(() => {
      result = convexLayer(data, { solver, differentiation });
    });
    const { x, solution } = result ?? convexLayer(data, { solver, differentiation });
    forward = Math.min(forward, solving);
    backward = Math.min(
      backward,
      processorMilliseconds(() => x.square().sum().backward()),
    );
    iterations = Math.max(...solution.iterations);
  }
  const cells = [forward.toFixed(1), backward.toFixed(1), String(iterations)];
  console.log(`${cells.map((cell) => cell.padStart(12)).join("")}  ${title}`);
}
