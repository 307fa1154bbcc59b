import { checkCount, checkFraction, checkPositive, checkRelaxation } from "../../check-options.ts";
import { OptionError } from "../../errors.ts";
import { type Datum, itemOf, type LinearConstraints } from "../../problem/quadratic-program.ts";
import { isUsable, type Solution } from "../../solvers/solver.ts";
import type { KktRule } from "../kkt-rule.ts";
import { checkedTangent } from "../pushforward.ts";
import type { Cotangent, DataCotangents, DataTangents, DifferentiationReport } from "../rule.ts";
import { settledMemory } from "../unrolled/tape.ts";
import { sweepBackwards, sweepForwards } from "./sweeps.ts";
import { SmoothTape, type SmoothTapeSettings, type SmoothUpdate } from "./tape.ts";

export interface SmoothUnrolledOptions {
  /** Iterations on the tape. Without it, as many as it takes until the state and its derivative settle. */
  readonly iterations?: number;
  /**
   * Where `iterations` is not given, the tape has twice as many as it takes until the state changes by less than this share of its
   * first change, and more where over 100 times this share of the cotangent is left at the start. Default 1e-10.
   */
  readonly tolerance?: number;
  /** Most iterations where `iterations` is not given. Default 2000. */
  readonly maxIterations?: number;
  /** Over-relaxation in (0, 2). Default 1.6. */
  readonly relaxation?: number;
  /** The penalty for solutions of other solvers than ADMM, which brings its own. Default: that of ADMM's start. */
  readonly rho?: number;
  /**
   * Stores the states of about sqrt(k) of the k iterations instead of all, and runs the others again on the way back: memory
   * grows with the square root of the iterations. The gradients are the same to rounding. Default false.
   */
  readonly checkpoints?: boolean;
}

/** How problems of the kind P, whose objectives have the data named M, are unrolled. */
export interface SmoothKind<P, M extends string> {
  /** The update for these items, and the data of the objective at its present x. */
  update(
    problem: P,
    solution: Solution,
    items: readonly number[],
    rho: number | undefined,
  ): SmoothUpdate & ObjectiveData<M>;
  names(problem: P): readonly M[];
}

/** How the data of an objective enter grad f at the x of an update. */
export interface ObjectiveData<M extends string> {
  /** Adds to the cotangents of these data those for a cotangent of grad f (batch x n). */
  addCotangents(slope: Float64Array, gradients: DataCotangents<M>): void;
  /** The tangent of grad f at fixed x (batch x n), null where the data stay. */
  slopeTangent(tangents: DataTangents<M>): Float64Array | null;
}

type ConstraintName = "A" | "b" | "G" | "h";

/**
 * Unrolling of ADMM with a smooth objective: the iterations are run from the cold start, and each is differentiated at its own
 * x and pattern, the minimization in the update of x by the implicit function theorem. The scaling of the rows, the penalty and
 * the start count as constants.
 */
export function smoothUnrolled<M extends string, P extends LinearConstraints & Readonly<Record<M, Datum>>>(
  kind: SmoothKind<P, M>,
  options: SmoothUnrolledOptions,
): KktRule<P, M | ConstraintName> {
  const { rho, ...settings } = validated(options);
  const tapeOf = (problem: P, solution: Solution) => {
    const items = [...solution.status.keys()].filter((i) => isUsable(solution.status[i]));
    const update = kind.update(problem, solution, items, rho);
    return { update, tape: new SmoothTape(update, settings) };
  };
  return {
    name: "unrolled",
    vjp(problem, solution, cotangent, { wanted } = {}) {
      const begin = performance.now();
      const asked: readonly (M | ConstraintName)[] = wanted ?? [...kind.names(problem), "A", "b", "G", "h"];
      const { update, tape } = tapeOf(problem, solution);
      let before = Infinity;
      runToSettle(tape, settings);
      for (; ; tape.run(2 * tape.iterations)) {
        const own: DataCotangents<M> = {};
        for (const name of kind.names(problem)) {
          if (asked.includes(name)) own[name] = new Float64Array(problem[name].values.length);
        }
        const rows = emptyRows(update);
        const memory = sweepBackwards(tape, endCotangent(problem, tape, cotangent), rows, (slope) => {
          update.addCotangents(slope, own);
        });
        const settled = memory <= settledMemory * settings.tolerance || memory > before / 2;
        const free = settings.iterations === undefined && 2 * tape.iterations <= settings.maxIterations;
        if (!settled && free) {
          before = memory;
          continue;
        }
        const constraints = constraintCotangents(problem, update, rows, asked);
        const gradients = { ...own, ...constraints } as DataCotangents<M | ConstraintName>;
        return { gradients, report: report(tape, memory, settings, begin) };
      }
    },
    jvp(problem, solution, tangents) {
      const begin = performance.now();
      const { update, tape } = tapeOf(problem, solution);
      runToSettle(tape, settings);
      const rows = rowTangents(problem, update, tangents);
      const end = sweepForwards(tape, { ...rows, slope: () => update.slopeTangent(tangents) });
      return { tangent: inDataUnits(problem, tape, end.x, end.t), report: report(tape, 0, settings, begin) };
    },
  };
}

/** Twice the iterations that the state takes to settle, for the derivative settles after it. */
function runToSettle(tape: SmoothTape, { iterations, maxIterations }: SmoothTapeSettings): void {
  tape.run(1);
  if (iterations === undefined) tape.run(Math.min(2 * tape.iterations, maxIterations));
}

function validated(options: SmoothUnrolledOptions): SmoothTapeSettings & { readonly rho: number | undefined } {
  const { iterations, tolerance = 1e-10, maxIterations = 2000, relaxation = 1.6, rho } = options;
  const { checkpoints = false } = options;
  if (iterations !== undefined) checkCount("iterations", iterations);
  if (rho !== undefined) checkPositive("rho", rho);
  checkCount("maxIterations", maxIterations);
  checkFraction("tolerance", tolerance);
  checkRelaxation(relaxation);
  if (typeof checkpoints !== "boolean") throw new OptionError("checkpoints", checkpoints, "true or false");
  return { iterations, tolerance, maxIterations, relaxation, rho, checkpoints };
}

function emptyRows({ rows, n }: SmoothUpdate) {
  return {
    K: rows.map(({ k }) => new Float64Array(k.length * n)),
    k: rows.map(({ k }) => new Float64Array(k.length)),
  };
}

/** Of x, and of t = (nu, w) / E where w > 0. */
function endCotangent({ p, m }: LinearConstraints, { update, last }: SmoothTape, cotangent: Cotangent) {
  const t = update.rows.map(({ scale }, i) =>
    scale.map((e, row) => {
      if (row < p) return e * (cotangent.nu?.[i * p + row] ?? 0);
      return last.t[i][row] > 0 ? e * (cotangent.lambda?.[i * m + row - p] ?? 0) : 0;
    }),
  );
  return { x: cotangent.x, t };
}

/** dx, and dnu = E dt, dlambda = E 1[w > 0] dt. */
function inDataUnits(
  { p, m, batch }: LinearConstraints,
  { update, last }: SmoothTape,
  x: Float64Array,
  t: readonly Float64Array[],
) {
  const nu = new Float64Array(batch * p);
  const lambda = new Float64Array(batch * m);
  for (const i of update.items) {
    update.rows[i].scale.forEach((e, row) => {
      if (row < p) nu[i * p + row] = e * t[i][row];
      else lambda[i * m + row - p] = last.t[i][row] > 0 ? e * t[i][row] : 0;
    });
  }
  return { x, nu, lambda };
}

/** Where the rows of a datum of the constraints stand among those of K. */
const places = { A: ["K", false], b: ["k", false], G: ["K", true], h: ["k", true] } as const;

/** From the scaled rows to the data: E Kbar and E kbar, summed where the batch shares the datum. */
function constraintCotangents<N extends string>(
  problem: LinearConstraints,
  update: SmoothUpdate,
  rows: ReturnType<typeof emptyRows>,
  wanted: readonly N[],
): DataCotangents<ConstraintName> {
  const gradients: DataCotangents<ConstraintName> = {};
  for (const name of ["A", "b", "G", "h"] as const) {
    if (!(wanted as readonly string[]).includes(name)) continue;
    const gradient = new Float64Array(problem[name].values.length);
    for (const i of update.items) addRows(problem, update, name, i, rows, gradient);
    gradients[name] = gradient;
  }
  return gradients;
}

function addRows(
  problem: LinearConstraints,
  { rows: scaled, n }: SmoothUpdate,
  name: ConstraintName,
  i: number,
  rows: ReturnType<typeof emptyRows>,
  gradient: Float64Array,
): void {
  const [part, below] = places[name];
  const width = part === "K" ? n : 1;
  const first = below ? problem.p : 0;
  const size = itemOf(problem[name], i).length;
  const at = problem[name].batched ? i * size : 0;
  for (let e = 0; e < size; e++) {
    gradient[at + e] += scaled[i].scale[first + Math.floor(e / width)] * rows[part][i][first * width + e];
  }
}

function rowTangents<N extends string>(problem: LinearConstraints, update: SmoothUpdate, tangents: DataTangents<N>) {
  const rows = emptyRows(update);
  const given: Partial<Record<string, Float64Array>> = tangents;
  for (const name of ["A", "b", "G", "h"] as const) {
    const tangent = checkedTangent(name, given[name], problem[name]);
    if (!tangent) continue;
    const [part, below] = places[name];
    const width = part === "K" ? update.n : 1;
    const first = below ? problem.p : 0;
    for (const i of update.items) {
      const own = itemOf({ ...problem[name], values: tangent }, i);
      own.forEach((value, e) => {
        rows[part][i][first * width + e] = update.rows[i].scale[first + Math.floor(e / width)] * value;
      });
    }
  }
  return rows;
}

function report(
  tape: SmoothTape,
  memory: number,
  { tolerance }: SmoothTapeSettings,
  begin: number,
): DifferentiationReport {
  const { iterations, bytes } = tape;
  const residual = tape.update.items.length > 0 ? tape.residual : 0;
  const notes: string[] = [];
  if (residual > tolerance) {
    notes.push(`The state still changed by ${residual.toExponential(1)} (relative) after ${iterations} iterations.`);
  }
  if (memory > settledMemory * tolerance) {
    notes.push(
      `The gradient has not settled: ${memory.toExponential(1)} of the cotangent is left at the start of ${iterations} iterations.`,
    );
  }
  const milliseconds = performance.now() - begin;
  return { iterations, milliseconds, peakBytes: bytes, residual: Math.max(residual, memory), notes };
}
