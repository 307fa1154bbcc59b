import { checkCount, checkPositive, checkTimeLimit } from "../check-options.ts";
import { activeSet } from "../kkt/active-set.ts";
import { type EntropyProgram, entropyNames } from "../problem/entropy-program.ts";
import { itemOf } from "../problem/quadratic-program.ts";
import { type EntropicRun, type EntropicSettings, iterateEntropic } from "./entropic-iteration.ts";
import { entropyInfeasibility } from "./entropy-infeasibility.ts";
import { type EntropyPoint, entropyItem, finishOnRows } from "./entropy-item.ts";
import { assessEntropy } from "./entropy-residuals.ts";
import { judge, type PrimalDualPoint } from "./residuals.ts";
import { type Certificate, isUsable, type Solution, type SolveOptions, type Solver, type Status } from "./solver.ts";

export interface EntropicInteriorPointOptions {
  /** Largest relative residual (primal, dual and gap, as `assess` measures them) of a solved item. Default 1e-9. */
  readonly tolerance?: number;
  /** Default 200. */
  readonly maxIterations?: number;
  /** Milliseconds after which unfinished items end as `time_limit`. Default: none. */
  readonly timeLimit?: number;
}

/**
 * The interior-point solver of entropy programs: `iterateEntropic` for every item, and Newton's method on the active rows
 * to the last digit, which is kept where it lowers the recomputed residuals. An earlier solution of the same shapes is
 * tried there first: for the same problem, or one near enough to have the same active rows, nothing else is needed.
 *
 * An item that does not converge is put to the interior point for QPs, whose certificate tells that no x >= 0 satisfies the
 * constraints: nu and lambda >= 0 with A'nu + G'lambda >= 0 and b'nu + h'lambda < 0. No entropy program is unbounded.
 *
 * Throws an `OptionError` for an option outside its range; never for a hard problem.
 */
export function entropicInteriorPoint(options: EntropicInteriorPointOptions = {}): Solver<EntropyProgram> {
  const { tolerance = 1e-9, maxIterations = 200, timeLimit = Number.POSITIVE_INFINITY } = options;
  checkPositive("tolerance", tolerance);
  checkCount("maxIterations", maxIterations);
  checkTimeLimit(timeLimit);
  return {
    name: "entropic interior point",
    solve: (problem, { warmStart, signal } = {}) => {
      const deadline = performance.now() + timeLimit;
      const interrupted = () => signal?.aborted === true || performance.now() > deadline;
      return solve(problem, { tolerance: tolerance / 10, maxIterations, interrupted }, tolerance, warmStart);
    },
  };
}

/** The steps of Newton's method at the end: its convergence is quadratic. */
const finishingSteps = 10;

function solve(
  problem: EntropyProgram,
  settings: EntropicSettings,
  tolerance: number,
  warmStart: SolveOptions["warmStart"],
): Solution {
  const begin = performance.now();
  const { batch } = problem;
  const best = emptyPoint(problem);
  const iterations = new Int32Array(batch);
  const outcome: (EntropicRun["outcome"] | Status)[] = [];
  const certificates: (Certificate | null)[] = new Array(batch).fill(null);
  const items = Array.from({ length: batch }, (_, i) => oneItem(problem, i));
  items.forEach((single, i) => {
    const found =
      fromEarlier(single, itemOfSolution(problem, warmStart, i), tolerance) ?? fromScratch(single, settings);
    iterations[i] = found.iterations;
    outcome.push(found.outcome);
    copyInto(best, problem, i, found.point);
    if (found.outcome === "converged" || found.outcome === "time_limit") return;
    certificates[i] = entropyInfeasibility(single);
    if (certificates[i]) outcome[i] = "primal_infeasible";
  });
  const { residuals, objective, relative } = assessEntropy(problem, best);
  const status = outcome.map((own, i): Status => {
    if (own === "primal_infeasible") return own;
    return judge(relative[i], tolerance, own === "max_iterations" || own === "time_limit" ? own : "numerical_error");
  });
  const milliseconds = performance.now() - begin;
  const solver = "entropic interior point";
  return { solver, ...best, objective, status, residuals, iterations, milliseconds, certificates };
}

/** A point in the units of the data; s too. */
type DataPoint = PrimalDualPoint & { readonly s: Float64Array };

function emptyPoint({ n, p, m, batch }: EntropyProgram): DataPoint {
  const [x, nu, lambda, s] = [n, p, m, m].map((width) => new Float64Array(batch * width));
  return { x, nu, lambda, s };
}

function copyInto(all: DataPoint, { n, p, m }: EntropyProgram, i: number, own: DataPoint): void {
  all.x.set(own.x, i * n);
  all.nu.set(own.nu, i * p);
  all.lambda.set(own.lambda, i * m);
  all.s.set(own.s, i * m);
}

/** The problem of one item, without batch dimensions. */
function oneItem(problem: EntropyProgram, i: number): EntropyProgram {
  const data = entropyNames.map((name) => [
    name,
    { ...problem[name], values: itemOf(problem[name], i), batched: false },
  ]);
  return { ...problem, ...Object.fromEntries(data), batch: 1, batched: false };
}

interface Found {
  readonly point: DataPoint;
  readonly iterations: number;
  readonly outcome: EntropicRun["outcome"];
}

function fromScratch(single: EntropyProgram, settings: EntropicSettings): Found {
  const { point, iterations, outcome } = iterateEntropic(entropyItem(single, 0), settings);
  const rough = inDataUnits(single, point);
  const finished = outcome === "converged" ? finish(single, rough).point : rough;
  const better = relativeResidual(single, finished) < relativeResidual(single, rough);
  return { point: better ? finished : rough, iterations, outcome };
}

/** The solution by way of an earlier one, null where that does not lead to it directly. */
function fromEarlier(single: EntropyProgram, earlier: DataPoint | null, tolerance: number): Found | null {
  if (earlier === null) return null;
  const { point, steps } = finish(single, earlier);
  if (!(relativeResidual(single, point) <= tolerance)) return null;
  return { point, iterations: steps, outcome: "converged" };
}

function itemOfSolution({ n, p, m, batch }: EntropyProgram, all: Solution | undefined, i: number): DataPoint | null {
  if (!all || all.x.length !== batch * n || all.nu.length !== batch * p || all.lambda.length !== batch * m) return null;
  const x = all.x.subarray(i * n, (i + 1) * n);
  if (!isUsable(all.status[i]) || !x.every((value) => value >= 0)) return null;
  const rows = (values: Float64Array, width: number) => values.subarray(i * width, (i + 1) * width);
  return { x, nu: rows(all.nu, p), lambda: rows(all.lambda, m), s: rows(all.s, m) };
}

/** Newton's method with the equalities and the inequalities that are active at this point. */
function finish(single: EntropyProgram, rough: DataPoint): { point: DataPoint; steps: number } {
  const { p, m } = single;
  const item = entropyItem(single, 0);
  const { D } = activeSet({ ...single, q: single.y }, rough, Int32Array.of(0), 0);
  const rows = Array.from({ length: p + m }, (_, row) => row).filter((row) => row < p || D[row - p] === 0);
  const z = new Float64Array(p + m);
  for (let row = 0; row < p + m; row++) z[row] = (row < p ? rough.nu[row] : rough.lambda[row - p]) / item.scale[row];
  const { point, steps } = finishOnRows(item, rows, { x: rough.x, z, s: rough.s }, finishingSteps);
  const finished = inDataUnits(single, point);
  const { slack } = assessEntropy(single, finished);
  for (let i = 0; i < m; i++) finished.s[i] = D[i] === 0 ? 0 : Math.max(slack[i], 0);
  return { point: finished, steps };
}

function inDataUnits(single: EntropyProgram, { x, z, s }: EntropyPoint): DataPoint {
  const { p } = single;
  const { scale } = entropyItem(single, 0);
  const dual = z.map((value, row) => value * scale[row]);
  return { x, nu: dual.subarray(0, p), lambda: dual.subarray(p), s: s.map((value, i) => value / scale[p + i]) };
}

function relativeResidual(single: EntropyProgram, point: PrimalDualPoint): number {
  return assessEntropy(single, point).relative[0];
}
