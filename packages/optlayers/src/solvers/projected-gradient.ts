import { dot, maxAbs } from "../arrays.ts";
import { checkChoice, checkCount, checkFraction, checkPositive, checkTimeLimit } from "../check-options.ts";
import { objectiveOf, type SetObjective } from "../problem/set-objective.ts";
import { parametersOf, type SetProgram, startOf } from "../problem/set-program.ts";
import { type SetItem, setItems } from "../sets/convex-set.ts";
import { interruption } from "./interruption.ts";
import { fixedPointResidual, naturalStep, type SetScales, scalesOf } from "./projected-gradient-residual.ts";
import { judge } from "./residuals.ts";
import type { Solution, SolveOptions, Solver, Status } from "./solver.ts";

export interface ProjectedGradientOptions {
  /** "accelerated" (FISTA with restarts, the default) or "plain". */
  readonly method?: "accelerated" | "plain";
  /** The step t; by default found by backtracking from the curvature met. A fixed one should be 1/L, or the plain method's below 2/L. */
  readonly step?: number;
  /** Bound on the relative residual (`fixedPointResidual`); 1e-9 by default. */
  readonly tolerance?: number;
  /** 20,000 by default. */
  readonly maxIterations?: number;
  /** Milliseconds after which unfinished items get the status `time_limit`; none by default. */
  readonly timeLimit?: number;
}

/** What projected gradient leaves for its unrolled rule: the last step of every item. */
export interface ProjectedGradientState {
  readonly kind: "projected_gradient";
  readonly step: Float64Array;
}

/**
 * Projected gradient for a smooth convex f over a set with a cheap projection,
 *
 *     x+ = P(v - t grad f(v)),    v = x  or, accelerated,  v = x + (theta_k-1 - 1) / theta_k (x - x_previous)
 *
 * (FISTA, Beck and Teboulle 2009), whose momentum starts afresh where it points uphill (O'Donoghue and Candes, "Adaptive
 * restart for accelerated gradient schemes", 2015). The step is halved, or more, until the curvature along d = x+ - v fits it,
 * d'(grad f(x+) - grad f(v)) <= |d|^2 / t: differences of gradients, which keep their digits near the solution where those of
 * f do not. After a restart it is tried larger.
 *
 * Statuses are judged by the residual |x - P(x - grad f(x))|, scaled and recomputed from the returned point. An item whose set is
 * empty is `primal_infeasible`; the set itself is the proof. Throws an `OptionError` for an option outside its range.
 */
export function projectedGradient(options: ProjectedGradientOptions = {}): Solver<SetProgram> {
  const settings = validated(options);
  return {
    name: "projected gradient",
    solve: (problem, solveOptions = {}) => new Run(problem, settings, solveOptions).solve(),
  };
}

type Settings = Required<Omit<ProjectedGradientOptions, "step">> & Pick<ProjectedGradientOptions, "step">;

function validated(options: ProjectedGradientOptions): Settings {
  const { method = "accelerated", step, tolerance = 1e-9, maxIterations = 20_000, timeLimit = Infinity } = options;
  checkChoice("method", method, ["accelerated", "plain"]);
  if (step !== undefined) checkPositive("step", step);
  checkFraction("tolerance", tolerance);
  checkCount("maxIterations", maxIterations);
  checkTimeLimit(timeLimit);
  return { method, step, tolerance, maxIterations, timeLimit };
}

/** The iteration, all items in step with each other; those that have ended stay where they are. */
class Run {
  private readonly problem: SetProgram;
  private readonly settings: Settings;
  private readonly options: SolveOptions;
  private readonly objective: SetObjective;
  private readonly sets: readonly SetItem[];
  private readonly items: readonly DescentItem[];
  private readonly begin = performance.now();

  constructor(problem: SetProgram, settings: Settings, options: SolveOptions) {
    this.problem = problem;
    this.settings = settings;
    this.options = options;
    this.objective = objectiveOf(problem);
    const { n, batch } = problem;
    this.sets = setItems(problem.set, parametersOf(problem), n, batch);
    const scales = scalesOf(problem, this.objective, this.sets);
    const start = options.warmStart?.x ?? startOf(problem);
    this.items = this.sets.map((set, i) => new DescentItem(set, scales[i], start.slice(i * n, (i + 1) * n), settings));
  }

  solve(): Solution {
    const { settings, items } = this;
    const interrupted = interruption(this.options, settings.timeLimit);
    this.evaluate((item) => item.x).forEach((gradient, i) => {
      items[i].begin(gradient);
    });
    if (settings.step === undefined) this.firstSteps();
    let iteration = 0;
    let ending: Ending = "max_iterations";
    for (; iteration < settings.maxIterations && items.some((item) => item.isOpen); iteration++) {
      if (interrupted()) {
        ending = "time_limit";
        break;
      }
      this.iterate();
      const dual = items.reduce((largest, item) => Math.max(largest, item.isOpen ? item.residual : 0), 0);
      const unfinished = items.filter((item) => item.isOpen).length;
      this.options.onIteration?.({ iteration: iteration + 1, primal: 0, dual, unfinished });
    }
    return this.solution(ending);
  }

  /** A small step tells the curvature along the gradient. */
  private firstSteps(): void {
    const probes = this.items.map((item) => item.probe());
    const gradients = this.evaluate((_, i) => probes[i]);
    this.items.forEach((item, i) => {
      item.firstStep(probes[i], gradients[i]);
    });
  }

  private iterate(): void {
    const pending = new Set(this.items.filter((item) => item.isOpen));
    while (pending.size > 0) {
      const arrivals = this.evaluate((item) => (pending.has(item) ? item.arrive() : item.x));
      this.items.forEach((item, i) => {
        if (pending.has(item) && item.accept(arrivals[i])) pending.delete(item);
      });
    }
    if (this.settings.method === "plain") return;
    const gradients = this.evaluate((item) => item.v);
    this.items.forEach((item, i) => {
      if (item.isOpen) item.departFrom(gradients[i]);
    });
  }

  /** grad f of every item at a point of its own, in one evaluation. */
  private evaluate(pointOf: (item: DescentItem, i: number) => Float64Array): Float64Array[] {
    const { n, batch } = this.problem;
    const rows = new Float64Array(batch * n);
    this.items.forEach((item, i) => {
      rows.set(pointOf(item, i), i * n);
    });
    const gradients = this.objective.gradient(rows);
    return this.items.map((_, i) => gradients.slice(i * n, (i + 1) * n));
  }

  private solution(ending: Ending): Solution {
    const { problem, items, settings, sets } = this;
    const { n, batch } = problem;
    const x = new Float64Array(batch * n);
    items.forEach((item, i) => {
      x.set(item.x, i * n);
    });
    const gradients = this.objective.gradient(x);
    const residuals = { primal: new Float64Array(batch), dual: new Float64Array(batch), gap: new Float64Array(batch) };
    const status = items.map((item, i): Status => {
      const [own, gradient] = [x, gradients].map((rows) => rows.subarray(i * n, (i + 1) * n));
      if (sets[i].isEmpty) return "primal_infeasible";
      const { relative, absolute, outside } = fixedPointResidual(sets[i], own, gradient, item.scales);
      residuals.dual[i] = absolute;
      residuals.primal[i] = outside;
      return judge(relative, settings.tolerance, Number.isFinite(relative) ? ending : "numerical_error");
    });
    const empty = new Float64Array(0);
    const state: ProjectedGradientState = {
      kind: "projected_gradient",
      step: Float64Array.from(items, (item) => item.step),
    };
    return {
      solver: "projected gradient",
      ...{ x, nu: empty, lambda: empty, s: empty, objective: this.objective.value(x), status, residuals, state },
      iterations: Int32Array.from(items, (item) => item.iterations),
      milliseconds: performance.now() - this.begin,
      certificates: new Array(batch).fill(null),
    };
  }
}

type Ending = "max_iterations" | "time_limit";

/** Steps below this share of x are rounding: the curvature along them says nothing. */
const rounding = 1e-13;

/** One item: x with its gradient, the point v where the step begins with its own, and the step t. */
class DescentItem {
  x: Float64Array;
  v: Float64Array;
  step: number;
  residual = Infinity;
  iterations = 0;
  isOpen = true;
  readonly scales: SetScales;
  private readonly set: SetItem;
  private readonly settings: Settings;
  private gradient = new Float64Array(0) as Float64Array;
  private arrival: Float64Array;
  private theta = 1;

  constructor(set: SetItem, scales: SetScales, start: Float64Array, settings: Settings) {
    this.set = set;
    this.scales = scales;
    this.settings = settings;
    this.step = settings.step ?? 1;
    this.x = start;
    this.isOpen = !set.isEmpty;
    if (this.isOpen) set.project(start, start);
    this.v = this.x;
    this.arrival = this.x;
  }

  begin(gradient: Float64Array): void {
    this.gradient = gradient;
    this.measure(gradient);
  }

  private measure(gradient: Float64Array): void {
    if (!this.isOpen) return;
    this.residual = fixedPointResidual(this.set, this.x, gradient, this.scales).relative;
    this.isOpen = !(this.residual <= this.settings.tolerance / 2) && Number.isFinite(this.residual);
  }

  /** A point near to x on the way down. */
  probe(): Float64Array {
    const length = 1e-3 * naturalStep(this.x, this.gradient, this.scales).step;
    const point = this.x.map((value, j) => value - length * this.gradient[j]);
    if (this.isOpen) this.set.project(point, point);
    return point;
  }

  firstStep(probe: Float64Array, gradient: Float64Array): void {
    let change = 0;
    let distance = 0;
    for (let j = 0; j < probe.length; j++) {
      change += (gradient[j] - this.gradient[j]) ** 2;
      distance += (probe[j] - this.x[j]) ** 2;
    }
    const natural = naturalStep(this.x, this.gradient, this.scales).step;
    this.step = change > 0 && distance > 0 ? Math.sqrt(distance / change) : natural;
  }

  /** P(v - t grad f(v)). */
  arrive(): Float64Array {
    this.arrival = this.v.map((value, j) => value - this.step * this.gradient[j]);
    this.set.project(this.arrival, this.arrival);
    return this.arrival;
  }

  /** Moves x to the arrival, if the step fits the curvature on the way; shortens it otherwise. */
  accept(gradient: Float64Array): boolean {
    let curvature = 0;
    let square = 0;
    for (let j = 0; j < gradient.length; j++) {
      const d = this.arrival[j] - this.v[j];
      curvature += d * (gradient[j] - this.gradient[j]);
      square += d * d;
    }
    const isTiny = Math.sqrt(square) <= rounding * Math.max(maxAbs(this.x), this.scales.x);
    const fits = curvature * this.step <= square * (1 + 1e-9);
    if (this.settings.step === undefined && !isTiny && !fits) {
      this.step = Math.min(this.step / 2, Number.isFinite(curvature) ? (0.95 * square) / curvature : Infinity);
      return false;
    }
    this.move(gradient);
    return true;
  }

  private move(gradient: Float64Array): void {
    const { x, v, arrival } = this;
    let uphill = 0;
    for (let j = 0; j < x.length; j++) uphill += (v[j] - arrival[j]) * (arrival[j] - x[j]);
    const next = (1 + Math.sqrt(1 + 4 * this.theta ** 2)) / 2;
    const restart = uphill > 0 || this.settings.method === "plain";
    const beta = restart ? 0 : (this.theta - 1) / next;
    this.theta = restart ? 1 : next;
    if (uphill > 0 && this.settings.step === undefined) this.step *= 1.2;
    this.v = beta === 0 ? arrival : arrival.map((value, j) => value + beta * (value - x[j]));
    this.x = arrival;
    this.gradient = gradient;
    this.iterations++;
    this.measure(gradient);
  }

  /** The gradient at v; where that is outside the domain of f, the step begins at x. */
  departFrom(gradient: Float64Array): void {
    if (Number.isFinite(dot(gradient, gradient))) this.gradient = gradient;
    else this.v = this.x;
  }
}
