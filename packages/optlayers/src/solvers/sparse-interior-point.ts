import { checkChoice, checkCount, checkFraction, checkTimeLimit } from "../check-options.ts";
import type { SparsePoint, SparseQuadraticProgram } from "../problem/sparse-quadratic-program.ts";
import { interruption } from "./interruption.ts";
import { judge } from "./residuals.ts";
import type { SolveOptions, Status } from "./solver.ts";
import { activeBounds } from "./sparse/active-bounds.ts";
import { ActiveFace } from "./sparse/active-face.ts";
import { HELD, INACTIVE } from "./sparse/active-set.ts";
import { activeSetMethod } from "./sparse/active-set-method.ts";
import { type SparseCertificate, sparseCertificate } from "./sparse/certificates.ts";
import { finishSparse } from "./sparse/finish.ts";
import { iterateSparse, type SparseOutcome, type SparseStart } from "./sparse/iteration.ts";
import { KktSystem, type SparseState } from "./sparse/kkt-system.ts";
import { isAtRounding, relativeResidual } from "./sparse/relative-residual.ts";
import { assessSparse, type SparseAssessment, SparseAssessor } from "./sparse/residuals.ts";
import { emptyPoint, type ScaledProgram, scaledProgram } from "./sparse/scaled-program.ts";

export interface SparseInteriorPointOptions {
  /** Bound on the residuals of `assessSparse`; 1e-9 by default. */
  readonly tolerance?: number;
  /** Whether the tolerance bounds each residual over the size of its terms (relative, the default) or as it is. */
  readonly residuals?: "relative" | "absolute";
  /** 200 by default; most problems take 10 to 40. */
  readonly maxIterations?: number;
  /** Milliseconds after which the status is `time_limit`; none by default. */
  readonly timeLimit?: number;
}

/** What the solver found for a sparse QP. */
export interface SparseSolution extends SparsePoint {
  readonly solver: string;
  readonly status: Status;
  /** 1/2 x'Qx + q'x + constant. */
  readonly objective: number;
  /** Recomputed from the data and the returned point. */
  readonly residuals: SparseAssessment;
  readonly iterations: number;
  readonly milliseconds: number;
  readonly certificate: SparseCertificate | null;
  /** The scaled problem and the analysed KKT matrix, for a derivative. */
  readonly state?: SparseState;
}

export interface SparseSolveOptions extends Omit<SolveOptions, "warmStart"> {
  /** A point to start from, such as an earlier solution of a problem of the same shape. */
  readonly warmStart?: SparsePoint;
}

export interface SparseSolver {
  readonly name: string;
  solve(problem: SparseQuadraticProgram, options?: SparseSolveOptions): SparseSolution;
}

/**
 * A primal-dual interior-point method for sparse QPs and LPs: Ruiz equilibration, Mehrotra's predictor-corrector with
 * Gondzio's corrections of centrality, a regularized LDL' factorization of the quasi-definite KKT matrix in a
 * minimum-degree order with refinement against the unregularized one, a finish on the active set with residuals in twice
 * the precision, and certificates for problems that have no solution. Where Q's diagonal is positive, the active set method is tried
 * first, and again from guesses of the iteration: a few rounds of it may do.
 *
 * A warm start that solves the problem takes no iteration; from one that solves a nearby problem the active set method starts, then
 * the interior point, before both start afresh. Active-set rounds count as iterations.
 *
 * Q may be zero or singular, rows may be redundant, bounds one-sided, equal or absent. The status is judged by
 * residuals recomputed in the problem's own scale. Throws an `OptionError` for an option out of range.
 */
export function sparseInteriorPoint(options: SparseInteriorPointOptions = {}): SparseSolver {
  const settings = validated(options);
  return {
    name: "sparse interior point",
    solve: (problem, solveOptions) => solve(problem, settings, solveOptions),
  };
}

type Settings = Required<SparseInteriorPointOptions>;

function validated(options: SparseInteriorPointOptions): Settings {
  const { tolerance = 1e-9, residuals = "relative", maxIterations = 200, timeLimit = Infinity } = options;
  checkFraction("tolerance", tolerance);
  checkChoice("residuals", residuals, ["relative", "absolute"]);
  checkCount("maxIterations", maxIterations);
  checkTimeLimit(timeLimit);
  return { tolerance, residuals, maxIterations, timeLimit };
}

/** Largest residual, as the settings compare it with the tolerance; NaN where the point is not finite. */
function measured(assessment: SparseAssessment, { residuals }: Settings): number {
  const { primal, dual, gap } = assessment;
  return residuals === "absolute" ? Math.max(primal, dual, gap) : relativeResidual(assessment);
}

function solve(problem: SparseQuadraticProgram, settings: Settings, options: SparseSolveOptions = {}): SparseSolution {
  const begin = performance.now();
  const interrupted = interruption(options, settings.timeLimit);
  const { warmStart, onIteration } = options;
  const earlier = warmStart !== undefined && fits(problem, warmStart) ? warmStart : null;
  const result =
    (earlier && asItIs(problem, earlier, settings)) ??
    new Search(problem, settings, { interrupted, onIteration }).from(earlier);
  return { solver: "sparse interior point", ...result, milliseconds: performance.now() - begin };
}

type Found = Omit<SparseSolution, "solver" | "milliseconds">;

/** Whether a point has the problem's shapes and finite entries. */
function fits({ n, p, m }: SparseQuadraticProgram, { x, nu, lambda, zeta }: SparsePoint): boolean {
  if (x.length !== n || nu.length !== p || lambda.length !== m || zeta.length !== n) return false;
  return [x, nu, lambda, zeta].every((values) => values.every(Number.isFinite));
}

/** The earlier point where it solves this problem; with what its solver left behind, where the problem is the same. */
function asItIs(
  problem: SparseQuadraticProgram,
  earlier: SparsePoint & { readonly state?: SparseState },
  settings: Settings,
): Found | null {
  const residuals = assessSparse(problem, earlier);
  if (!(measured(residuals, settings) <= settings.tolerance)) return null;
  const { x, nu, lambda, zeta, state } = earlier;
  const copy = { x: x.slice(), nu: nu.slice(), lambda: lambda.slice(), zeta: zeta.slice() };
  const known = state?.program.original === problem ? { state } : {};
  return {
    ...copy,
    status: "solved",
    objective: residuals.objective,
    residuals,
    iterations: 0,
    certificate: null,
    ...known,
  };
}

/** Iterations of the interior point before the active set method is tried from its guess; it is tried again after twice as many. */
const firstFinish = 5;
/** Iterations that an interior point from an earlier solution may take: it is quick or of no use. */
const warmIterations = 30;
/** Where the multipliers start, in the first attempt and in the second: some problems are solved from one of them alone. */
const firstMultipliers = [100, 1] as const;

interface Watch {
  readonly interrupted: () => boolean;
  readonly onIteration: SparseSolveOptions["onIteration"];
}

/** The ways to a solution of one problem, in turn; each iteration of any of them counts. */
class Search {
  private readonly problem: SparseQuadraticProgram;
  private readonly settings: Settings;
  private readonly watch: Watch;
  private readonly program: ScaledProgram;
  private readonly system: KktSystem;
  private readonly face: ActiveFace;
  private readonly assessor: SparseAssessor;
  private readonly curved: boolean;
  private iterations = 0;

  constructor(problem: SparseQuadraticProgram, settings: Settings, watch: Watch) {
    this.problem = problem;
    this.settings = settings;
    this.watch = watch;
    this.program = scaledProgram(problem);
    this.system = new KktSystem(this.program);
    this.face = new ActiveFace(this.program, this.system);
    this.assessor = new SparseAssessor(problem);
    this.curved = hasPositiveDiagonal(problem);
  }

  from(earlier: SparsePoint | null): Found {
    return (earlier && this.near(earlier)) ?? (this.curved ? this.onActiveSet() : null) ?? this.byInteriorPoint();
  }

  /** What lies near to an earlier solution; null where that leads to nothing. */
  private near(earlier: SparsePoint): Found | null {
    const guess = activeBounds(this.problem, earlier).active;
    return this.onActiveSet(guess, earlier) ?? this.solvedBy({ point: earlier }, warmIterations);
  }

  /** The active set method's solution, from no inequality that is active, or from a guess. */
  private onActiveSet(guess = this.equalities(), start = emptyPoint(this.problem)): Found | null {
    const point = this.roundsFrom(guess, start);
    return point === null ? null : this.judged(point, "converged");
  }

  private roundsFrom(guess: Uint8Array, start: SparsePoint): SparsePoint | null {
    return activeSetMethod(this.face, guess, start, {
      maxRounds: this.settings.maxIterations - this.iterations,
      accepts: (point) => this.accepts(this.assessor.assess(point)),
      isFinal: (point) => this.isFinal(this.assessor.assess(point)),
      interrupted: this.watch.interrupted,
      onRound: (point) => this.count(() => this.assessor.assess(point())),
    });
  }

  /** Counts an iteration, and tells of it. */
  private count(measure: () => SparseAssessment): void {
    this.iterations++;
    const { onIteration } = this.watch;
    if (onIteration === undefined) return;
    const { primal, dual, gap } = measure();
    onIteration({ iteration: this.iterations, primal, dual, gap, unfinished: 1 });
  }

  /** The guess that only what must be active is. */
  private equalities(): Uint8Array {
    const { low, high } = this.program;
    return Uint8Array.from(low, (value, k) => (value === high[k] ? HELD : INACTIVE));
  }

  private byInteriorPoint(): Found {
    const first = this.attempt({ firstMultiplier: firstMultipliers[0] });
    if (first.status === "solved" || first.status === "time_limit" || isAtRounding(first.residuals)) return first;
    if (first.status !== "solved_inaccurate") {
      const certificate = sparseCertificate(this.problem, this.watch.interrupted);
      if (certificate !== null) return { ...first, status: certificate.kind, certificate };
    }
    const second = this.attempt({ firstMultiplier: firstMultipliers[1] });
    const better = measured(second.residuals, this.settings) < measured(first.residuals, this.settings);
    return { ...(better ? second : first), iterations: this.iterations };
  }

  private solvedBy(start: SparseStart, limit: number): Found | null {
    const result = this.attempt(start, limit);
    return result.status === "solved" || result.status === "time_limit" ? result : null;
  }

  /** One run of the interior point, finished. */
  private attempt(start: SparseStart, limit = this.settings.maxIterations): Found {
    const { interrupted } = this.watch;
    let nextFinish = firstFinish;
    const run = iterateSparse(this.program, this.system, start, {
      maxIterations: Math.min(limit, this.settings.maxIterations),
      accepts: (assessment) => this.accepts(assessment),
      interrupted,
      onIteration: (assessment) => this.count(() => assessment),
      finish: (count, newton) => {
        if (!this.curved || count < nextFinish) return null;
        nextFinish *= 2;
        return this.roundsFrom(newton.boxes.activeGuess(), emptyPoint(this.problem));
      },
    });
    return this.judged(finishSparse(this.program, run, this.settings.tolerance, interrupted), run.outcome);
  }

  /** Whether a point solves the problem, or none can solve it better. */
  private isFinal(assessment: SparseAssessment): boolean {
    return this.accepts(assessment) || isAtRounding(assessment);
  }

  private accepts(assessment: SparseAssessment): boolean {
    return measured(assessment, this.settings) <= this.settings.tolerance;
  }

  private judged(point: SparsePoint, outcome: SparseOutcome): Found {
    const residuals = this.assessor.assess(point);
    const ended = outcome === "converged" || outcome === "stalled" ? "numerical_error" : outcome;
    const status: Status = judge(measured(residuals, this.settings), this.settings.tolerance, ended);
    const state: SparseState = { program: this.program, system: this.system };
    const { iterations } = this;
    return { ...point, status, objective: residuals.objective, residuals, iterations, certificate: null, state };
  }
}

/** Whether every variable has curvature of its own: a face then hardly lacks a solution. */
function hasPositiveDiagonal({ n, Q }: SparseQuadraticProgram): boolean {
  for (let j = 0; j < n; j++) {
    // the diagonal is the last entry of a column of the upper triangle
    const last = Q.indptr[j + 1] - 1;
    if (last < Q.indptr[j] || Q.indices[last] !== j || !(Q.data[last] > 0)) return false;
  }
  return true;
}
