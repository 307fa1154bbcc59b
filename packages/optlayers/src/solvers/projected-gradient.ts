import { checkChoice, checkCount, checkFraction, checkPositive, checkTimeLimit } from "../check-options.ts";
import { objectiveOf, type SetObjective } from "../problem/set-objective.ts";
import { parametersOf, type SetProgram, startOf } from "../problem/set-program.ts";
import { type SetItem, setItems } from "../sets/convex-set.ts";
import { DescentItem } from "./descent-item.ts";
import { earlierRow } from "./earlier-row.ts";
import { interruption } from "./interruption.ts";
import { fixedPointResidual, scalesOf } from "./projected-gradient/residual.ts";
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
    const start = startOf(problem);
    this.items = this.sets.map((set, i) => {
      const earlier = earlierRow(options.warmStart?.x, i, { batch, width: n });
      return new DescentItem(set, scales[i], earlier ?? start.slice(i * n, (i + 1) * n), settings);
    });
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
