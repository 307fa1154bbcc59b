import type { SparsePoint, SparseQuadraticProgram } from "../../problem/sparse-quadratic-program.ts";
import { judge } from "../residuals.ts";
import type { Status } from "../solver.ts";
import type { SparseInteriorPointOptions, SparseSolution, SparseSolveOptions } from "../sparse-interior-point.ts";
import { activeBounds } from "./active-bounds.ts";
import { ActiveFace } from "./active-face.ts";
import { HELD, INACTIVE } from "./active-set.ts";
import { activeSetMethod } from "./active-set-method.ts";
import { sparseCertificate } from "./certificates.ts";
import { finishSparse } from "./finish.ts";
import { iterateSparse, type SparseOutcome, type SparseStart } from "./iteration.ts";
import { KktSystem, type SparseState } from "./kkt-system.ts";
import { absoluteTarget, isAtRounding, relativeResidual } from "./relative-residual.ts";
import { type SparseAssessment, SparseAssessor } from "./residuals.ts";
import { emptyPoint, type ScaledProgram, scaledProgram } from "./scaled-program.ts";

type Settings = Required<SparseInteriorPointOptions>;

/** A solution, but for who found it and how long it took. */
export type SparseAnswer = Omit<SparseSolution, "solver" | "milliseconds">;

/** Largest residual, as the settings compare it with the tolerance; NaN where the point is not finite. */
export function largestResidual(assessment: SparseAssessment, { residuals }: Pick<Settings, "residuals">): number {
  const { primal, dual, gap } = assessment;
  return residuals === "absolute" ? Math.max(primal, dual, gap) : relativeResidual(assessment);
}

/** Iterations of the interior point before the active set method is tried from its guess; it is tried again after twice as many. */
const firstFinish = 5;
/** Iterations that an interior point from an earlier solution may take: it is quick or of no use. */
const warmIterations = 30;
/** Where the multipliers start, attempt by attempt: some problems are solved from one of them alone. */
const [firstMultiplier, ...otherMultipliers] = [100, 1e5, 1];

/** Who stops a solve, and who is told of it. */
interface Watch {
  readonly interrupted: () => boolean;
  readonly onIteration: SparseSolveOptions["onIteration"];
}

/** The ways to a solution of one problem, in turn; each iteration of any of them counts. */
export class SparseSearch {
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

  from(earlier: SparsePoint | null): SparseAnswer {
    return (earlier && this.near(earlier)) ?? (this.curved ? this.onActiveSet() : null) ?? this.byInteriorPoint();
  }

  /** What lies near to an earlier solution; null where that leads to nothing. */
  private near(earlier: SparsePoint): SparseAnswer | null {
    const guess = activeBounds(this.problem, earlier).active;
    return this.onActiveSet(guess, earlier) ?? this.solvedBy({ point: earlier }, warmIterations);
  }

  /** The active set method's solution, from no inequality that is active, or from a guess. */
  private onActiveSet(guess = this.equalities(), start = emptyPoint(this.problem)): SparseAnswer | null {
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

  private byInteriorPoint(): SparseAnswer {
    let best = this.attempt({ firstMultiplier });
    if (this.isOver(best)) return best;
    if (best.status !== "solved_inaccurate") {
      const certificate = sparseCertificate(this.problem, this.watch.interrupted);
      if (certificate !== null) return { ...best, status: certificate.kind, certificate };
    }
    for (const multiplier of otherMultipliers) {
      const next = this.attempt({ firstMultiplier: multiplier });
      const better = largestResidual(next.residuals, this.settings) < largestResidual(best.residuals, this.settings);
      best = { ...(better ? next : best), iterations: this.iterations };
      if (this.isOver(best) || this.watch.interrupted()) break;
    }
    return best;
  }

  /** Whether another attempt is out of the question. */
  private isOver({ status, residuals }: SparseAnswer): boolean {
    return status === "solved" || status === "time_limit" || isAtRounding(residuals);
  }

  private solvedBy(start: SparseStart, limit: number): SparseAnswer | null {
    const result = this.attempt(start, limit);
    return result.status === "solved" || result.status === "time_limit" ? result : null;
  }

  /** One run of the interior point, finished. */
  private attempt(start: SparseStart, limit = this.settings.maxIterations): SparseAnswer {
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
    return this.judged(finishSparse(this.program, run, this.targetAt(run.point), interrupted), run.outcome);
  }

  /** What the residuals of a finish are to fall below. */
  private targetAt(point: SparsePoint): number {
    const { residuals, tolerance } = this.settings;
    return residuals === "absolute" ? tolerance : absoluteTarget(this.assessor.assess(point), tolerance);
  }

  /** Whether a point solves the problem, or none can solve it better. */
  private isFinal(assessment: SparseAssessment): boolean {
    return this.accepts(assessment) || isAtRounding(assessment);
  }

  private accepts(assessment: SparseAssessment): boolean {
    return largestResidual(assessment, this.settings) <= this.settings.tolerance;
  }

  private judged(point: SparsePoint, outcome: SparseOutcome): SparseAnswer {
    const residuals = this.assessor.assess(point);
    const ended = outcome === "converged" || outcome === "stalled" ? "numerical_error" : outcome;
    const status: Status = judge(largestResidual(residuals, this.settings), this.settings.tolerance, ended);
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
