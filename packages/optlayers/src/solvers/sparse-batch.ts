import { addProduct } from "@solvegrad/linalg";
import type { SparseQuadraticBatch } from "../problem/sparse-quadratic-batch.ts";
import type { SparsePoint, SparseQuadraticProgram } from "../problem/sparse-quadratic-program.ts";
import type { Certificate, Solution, SolveOptions, Solver } from "./solver.ts";
import type { SparseSolution, SparseSolver } from "./sparse-interior-point.ts";

/**
 * What a solver found for a batch of sparse QPs. Multipliers are positive at upper and negative at lower bounds; `s` is the
 * distance of Gx to its nearer bound (the largest number there is for a row without bounds).
 */
export interface SparseBatchSolution extends Solution {
  /** The multipliers of the bounds of x: batch x n. */
  readonly zeta: Float64Array;
  /** Every item as its solver returned it, with its certificate and what it leaves for a derivative. */
  readonly items: readonly SparseSolution[];
}

/**
 * A solver of batches out of one of single problems: item after item, each from its own part of the warm start. Items that
 * share a pattern share its analysis, where the solver keeps one. After an abort the items that are left get the status of an
 * interrupted solve.
 */
export function sparseBatchSolver(solver: SparseSolver): Solver<SparseQuadraticBatch, SparseBatchSolution> {
  return { name: solver.name, solve: (problem, options) => solveItems(problem, solver, options) };
}

function solveItems(
  problem: SparseQuadraticBatch,
  solver: SparseSolver,
  { warmStart, timeLimit = Infinity, ...options }: SolveOptions = {},
): SparseBatchSolution {
  const begin = performance.now();
  const timeLeft = () => Math.max(begin + timeLimit - performance.now(), Number.MIN_VALUE);
  const { n, p, m, batch } = problem;
  const rows = (width: number) => new Float64Array(batch * width);
  const result = { x: rows(n), nu: rows(p), lambda: rows(m), zeta: rows(n), s: rows(m) };
  const items = problem.items.map((item, i) => {
    const found = solver.solve(item, {
      ...options,
      warmStart: startOf(problem, warmStart, i),
      timeLimit: timeLeft(),
    });
    result.x.set(found.x, i * n);
    result.nu.set(found.nu, i * p);
    result.lambda.set(found.lambda, i * m);
    result.zeta.set(found.zeta, i * n);
    result.s.set(slackOf(item, found.x), i * m);
    return found;
  });
  const measure = (of: (item: SparseSolution) => number) => Float64Array.from(items, of);
  return {
    solver: solver.name,
    ...result,
    objective: measure(({ objective }) => objective),
    status: items.map(({ status }) => status),
    residuals: {
      primal: measure(({ residuals }) => residuals.primal),
      dual: measure(({ residuals }) => residuals.dual),
      gap: measure(({ residuals }) => residuals.gap),
    },
    iterations: Int32Array.from(items, ({ iterations }) => iterations),
    milliseconds: performance.now() - begin,
    certificates: items.map(certificateOf),
    items,
  };
}

/** Item i of an earlier solution with as many numbers; nothing where it has none. */
function startOf(
  { n, p, m, batch }: SparseQuadraticBatch,
  earlier: Solution | undefined,
  i: number,
): SparsePoint | undefined {
  if (!earlier || earlier.x.length !== batch * n || earlier.nu.length !== batch * p) return undefined;
  if (earlier.lambda.length !== batch * m || earlier.zeta?.length !== batch * n) return undefined;
  return {
    x: earlier.x.subarray(i * n, (i + 1) * n),
    nu: earlier.nu.subarray(i * p, (i + 1) * p),
    lambda: earlier.lambda.subarray(i * m, (i + 1) * m),
    zeta: earlier.zeta.subarray(i * n, (i + 1) * n),
  };
}

/** min(u - Gx, Gx - l). */
function slackOf({ m, G, l, u }: SparseQuadraticProgram, x: Float64Array): Float64Array {
  const Gx = new Float64Array(m);
  addProduct(1, G, x, Gx);
  return Gx.map((value, i) => Math.min(u[i] - value, value - l[i], Number.MAX_VALUE));
}

/** Bounds that cross prove infeasibility without multipliers: that certificate stands with its item alone. */
function certificateOf({ certificate }: SparseSolution): Certificate | null {
  return certificate && "crossed" in certificate ? null : certificate;
}
