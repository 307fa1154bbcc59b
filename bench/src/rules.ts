/**
 * Forward and backward milliseconds, iterations and memory of the differentiation rules on random QPs, the layer of Alt-Diff's image
 * classifier first (section F.2: 200 variables, 50 equalities, 50 inequalities, Q = I/10, batch 64, uniform A, G, h, b = 1).
 *
 *     npm run bench:rules
 */
import { eye, random } from "@solvegrad/autograd";
import { activeKernels } from "@solvegrad/linalg";
import {
  admm,
  alternating,
  type DatumName,
  type DifferentiationRule,
  implicit,
  interiorPoint,
  type QuadraticProgram,
  quadraticProgram,
  type Solver,
  unrolled,
} from "@solvegrad/optlayers";
import { median } from "./median.ts";

interface Workload {
  readonly title: string;
  readonly problem: QuadraticProgram;
  /** The data whose gradients are taken. */
  readonly wanted: readonly DatumName[];
  /** Of the solver; the rules are truncated alike. */
  readonly tolerance: number;
  readonly repetitions: number;
}

function imageLayer(wanted: readonly DatumName[], tolerance: number): Workload {
  const generator = random(1);
  const [n, p, m, batch] = [200, 50, 50, 64];
  const Q = Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => (i === j ? 0.1 : 0)));
  const problem = quadraticProgram({
    Q,
    // activations after a ReLU
    q: generator.normal([batch, n]).relu(),
    A: generator.uniform([p, n]),
    b: new Array<number>(p).fill(1),
    G: generator.uniform([m, n]),
    h: generator.uniform([m]),
  });
  const title = `image layer, n = ${n}, p = ${p}, m = ${m}, batch ${batch}, tolerance ${tolerance}, gradients of ${wanted}`;
  return { title, problem, wanted, tolerance, repetitions: 15 };
}

/** One dense random QP with a feasible point, Q = XX'/n + I/10. */
function denseProgram(n: number, p: number, m: number, batch: number, repetitions: number): Workload {
  const generator = random(2);
  const X = generator.normal([n, n]);
  const feasible = generator.normal([n]);
  const A = generator.normal([p, n]);
  const G = generator.normal([m, n]);
  const problem = quadraticProgram({
    Q: X.matmul(X.transpose()).div(n).add(eye(n).mul(0.1)),
    q: batch > 1 ? generator.normal([batch, n]) : generator.normal([n]),
    A,
    b: A.matmul(feasible),
    G,
    h: G.matmul(feasible).add(generator.uniform([m])),
  });
  const title = `dense, n = ${n}, p = ${p}, m = ${m}, batch ${batch}, tolerance 1e-3, all gradients`;
  return { title, problem, wanted: ["Q", "q", "A", "b", "G", "h"], tolerance: 1e-3, repetitions };
}

interface Contender {
  readonly title: string;
  readonly solver: Solver;
  readonly rule: DifferentiationRule;
}

function contenders(tolerance: number): Contender[] {
  const truncated = { truncate: tolerance };
  return [
    { title: "ADMM, alternating", solver: admm({ tolerance }), rule: alternating(truncated) },
    {
      title: "ADMM, alternating, plain recursion",
      solver: admm({ tolerance }),
      rule: alternating({ ...truncated, acceleration: "none" }),
    },
    { title: "ADMM, implicit", solver: admm({ tolerance }), rule: implicit() },
    { title: "ADMM, unrolled", solver: admm({ tolerance }), rule: unrolled({ tolerance }) },
    { title: "interior point, implicit", solver: interiorPoint(), rule: implicit() },
  ];
}

interface Measurement {
  readonly forward: number;
  readonly backward: number;
  readonly solved: number;
  readonly iterations: number;
  readonly backwardIterations: number;
  readonly megabytes: number;
}

/** Medians over the repetitions; q is moved a little before each, as a training step would. */
function measure({ problem, wanted, repetitions }: Workload, { solver, rule }: Contender): Measurement {
  const generator = random(3);
  const { n, batch } = problem;
  const runs: Measurement[] = [];
  for (let k = 0; k <= repetitions; k++) {
    const noise = generator.normal([batch * n]).data();
    const moved = {
      ...problem,
      q: { ...problem.q, values: problem.q.values.map((value, j) => value + noise[j] / 10) },
    };
    const cotangent = { x: Float64Array.from(generator.normal([batch * n]).data()) };
    const start = performance.now();
    const solution = solver.solve(moved);
    const solveEnd = performance.now();
    const { report } = rule.vjp(moved, solution, cotangent, { wanted });
    const end = performance.now();
    // the first one warms the engine up
    if (k === 0) continue;
    runs.push({
      forward: solveEnd - start,
      backward: end - solveEnd,
      solved: solution.status.filter((status) => status === "solved").length,
      iterations: Math.max(...solution.iterations),
      backwardIterations: report.iterations,
      megabytes: report.peakBytes / 1e6,
    });
  }
  const middle = (of: (run: Measurement) => number) => median(runs.map(of));
  return {
    forward: middle((run) => run.forward),
    backward: middle((run) => run.backward),
    solved: Math.min(...runs.map((run) => run.solved)),
    iterations: middle((run) => run.iterations),
    backwardIterations: middle((run) => run.backwardIterations),
    megabytes: middle((run) => run.megabytes),
  };
}

function line(title: string, cells: readonly string[]): string {
  return `  ${title.padEnd(36)}${cells.map((cell) => cell.padStart(12)).join("")}`;
}

function main(): void {
  console.log(`kernels: ${activeKernels().description}`);
  const workloads = [
    imageLayer(["q"], 1e-3),
    imageLayer(["q", "A"], 1e-3),
    imageLayer(["q"], 1e-6),
    denseProgram(60, 20, 40, 64, 5),
    denseProgram(500, 100, 200, 1, 5),
    denseProgram(1500, 200, 500, 1, 2),
  ];
  for (const workload of workloads) {
    console.log(`\n${workload.title}`);
    console.log(line("", ["forward ms", "backward ms", "iterations", "backward", "rule MB", "solved"]));
    for (const contender of contenders(workload.tolerance)) {
      const { forward, backward, iterations, backwardIterations, megabytes, solved } = measure(workload, contender);
      const cells = [forward.toFixed(1), backward.toFixed(1), String(iterations), String(backwardIterations)];
      console.log(line(contender.title, [...cells, megabytes.toFixed(2), `${solved}/${workload.problem.batch}`]));
    }
  }
}

main();
