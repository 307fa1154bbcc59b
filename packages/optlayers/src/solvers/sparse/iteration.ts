import type { SparsePoint } from "../../problem/sparse-quadratic-program.ts";
import type { KktSystem } from "./kkt-system.ts";
import { Newton } from "./newton.ts";
import { type SparseAssessment, SparseAssessor } from "./residuals.ts";
import { emptyPoint, type ScaledProgram, unscale } from "./scaled-program.ts";
import { startFromLeastSquares, startInsideOf } from "./starting-point.ts";

/** How the iteration ended. */
export type SparseOutcome = "converged" | "stalled" | "max_iterations" | "time_limit";

export interface SparseRun {
  readonly newton: Newton;
  readonly outcome: SparseOutcome;
  readonly point: SparsePoint;
  readonly iterations: number;
}

export interface SparseSettings {
  readonly maxIterations: number;
  /** Whether a point is good enough to stop at. */
  readonly accepts: (assessment: SparseAssessment) => boolean;
  readonly interrupted: () => boolean;
  /** Called after every iteration. */
  readonly onIteration?: (assessment: SparseAssessment) => void;
  /** May find the solution at a point of the iteration. */
  readonly finish?: (iterations: number, newton: Newton) => SparsePoint | null;
}

/**
 * Where the iteration starts: inside of an earlier solution, or at a least-squares point, with multipliers this much farther inside
 * than slacks (100 by default: most problems with large multipliers need it).
 */
export type SparseStart = { readonly point: SparsePoint } | { readonly firstMultiplier?: number };

/** Share of the way to the boundary that a step takes. */
const stepShare = 0.99;
/** Corrections of centrality an iteration. */
const maxCorrections = 3;
/** Iterations without a better point, or with hardly a step, after which the iteration is given up. */
const patience = 15;
const worthwhile = 0.7;
const shortSteps = 8;
const shortLength = 0.03;
/** Relative residual over which a linear solve is repeated with another regularization. */
const acceptedLinearResidual = 1e-9;
const regularizations = [1e-8, 1e-10, 1e-12, 1e-14];

/**
 * Mehrotra's predictor-corrector method (1992) from an infeasible start, with Gondzio's corrections of centrality (1996), on
 * scaled data. Each iteration measures the point in the original problem; the best one seen is returned.
 */
export function iterateSparse(
  program: ScaledProgram,
  system: KktSystem,
  start: SparseStart,
  settings: SparseSettings,
): SparseRun {
  const iteration = new Iteration(program, system, start);
  let best = iteration.measure(emptyPoint(program.original));
  let spare = emptyPoint(program.original);
  const progress = new Progress();
  let short = 0;
  const end = (outcome: SparseOutcome, iterations: number): SparseRun => ({
    newton: iteration.newton,
    outcome,
    point: best.point,
    iterations,
  });
  for (let count = 0; ; count++) {
    const current = count === 0 ? best : iteration.measure(spare);
    if (current.worst < best.worst) [best, spare] = [current, best.point];
    const idle = progress.idleAfter(count, current.assessment, iteration.newton.boxes.complementarity());
    if (count > 0) settings.onIteration?.(current.assessment);
    if (settings.accepts(current.assessment)) return end("converged", count);
    if (count >= settings.maxIterations) return end("max_iterations", count);
    if (settings.interrupted()) return end("time_limit", count);
    if (!Number.isFinite(current.worst) || idle > patience || short > shortSteps) return end("stalled", count);
    const finished = settings.finish?.(count, iteration.newton) ?? null;
    if (finished !== null)
      return { newton: iteration.newton, outcome: "converged", point: finished, iterations: count };
    const length = iteration.advance();
    if (length === null) return end("stalled", count);
    short = length < shortLength ? short + 1 : 0;
  }
}

/** Whether anything still falls: infeasibility may grow while the complementarity shrinks, and the other way round. */
class Progress {
  private readonly lowest = [Infinity, Infinity, Infinity];
  private last = 0;

  /** How many iterations ago one of the measures fell under a `worthwhile` share of its lowest value so far. */
  idleAfter(count: number, { primal, dual }: SparseAssessment, mu: number): number {
    // below its rounding error, complementarity falls for ever and means nothing
    [primal, dual, Math.max(mu, 1e-20)].forEach((value, k) => {
      if (!(value < worthwhile * this.lowest[k])) return;
      this.lowest[k] = value;
      this.last = count;
    });
    return count - this.last;
  }
}

interface Measured {
  readonly point: SparsePoint;
  readonly assessment: SparseAssessment;
  readonly worst: number;
}

interface Lengths {
  readonly primal: number;
  readonly dual: number;
  readonly shorter: number;
}

class Iteration {
  readonly newton: Newton;
  private readonly program: ScaledProgram;
  private readonly linear: boolean;
  private readonly assessor: SparseAssessor;
  private level = 0;

  constructor(program: ScaledProgram, system: KktSystem, start: SparseStart) {
    this.program = program;
    this.newton = new Newton(program, system);
    if ("point" in start) startInsideOf(this.newton, start.point);
    else startFromLeastSquares(this.newton, start.firstMultiplier ?? 100);
    this.linear = program.Q.data.every((value) => value === 0);
    this.assessor = new SparseAssessor(program.original);
  }

  /** The present point, written to `point`. */
  measure(point: SparsePoint): Measured {
    unscale(this.program, this.newton.x, this.newton.y, point);
    const assessment = this.assessor.assess(point);
    return { point, assessment, worst: Math.max(assessment.primal, assessment.dual, assessment.gap) };
  }

  /** One iteration; its step length, or null where no step can be computed. */
  advance(): number | null {
    const { newton } = this;
    if (!this.predict()) return null;
    const mu = newton.boxes.complementarity();
    const target = mu * (1 - this.lengths().shorter) ** 3;
    newton.compute((next, predictor) => next.aimWithCorrection(target, predictor));
    if (this.lengths().shorter < 0.1) this.tryCentring(Math.max(target, 0.3 * mu));
    for (let k = 0; k < maxCorrections && this.lengths().shorter < 0.95; k++) {
      if (!this.tryCorrection(target)) break;
    }
    const { primal, dual, shorter } = this.lengths();
    const share = newton.boxes.bounds === 0 ? 1 : stepShare;
    newton.advance(share * primal, share * dual);
    return shorter;
  }

  /** The affine step; where its linear system is solved badly, with the regularization that solves it best. */
  private predict(): boolean {
    let bestResidual = Infinity;
    let bestLevel = this.level;
    for (let k = 0; k < regularizations.length; k++) {
      const level = (this.level + k) % regularizations.length;
      const residual = this.affineStep(level);
      if (residual < bestResidual) [bestResidual, bestLevel] = [residual, level];
      if (bestResidual <= acceptedLinearResidual) break;
    }
    const again = bestResidual > acceptedLinearResidual;
    this.level = bestLevel;
    return Number.isFinite(bestResidual) && (!again || this.affineStep(bestLevel) < Infinity);
  }

  private affineStep(level: number): number {
    const { newton } = this;
    if (!newton.factor(regularizations[level])) return Infinity;
    newton.compute((next) => next.aimAt(0));
    return Number.isFinite(newton.linearResidual) ? newton.linearResidual : Infinity;
  }

  /** A step towards the centre alone, where the corrector's is cut short: whichever is longer stays. */
  private tryCentring(target: number): void {
    const before = this.lengths().shorter;
    this.newton.compute((next) => next.aimAt(target));
    if (!(this.lengths().shorter > before)) this.newton.undo();
  }

  /** One correction of centrality; false where it does not lengthen the step. */
  private tryCorrection(target: number): boolean {
    const { newton } = this;
    const { primal, dual, shorter } = this.lengths();
    const [aimedPrimal, aimedDual] = [Math.min(1, 1.08 * primal + 0.08), Math.min(1, 1.08 * dual + 0.08)];
    newton.compute((next, present) => next.aimAtCentrality(target, newton.boxes, present, aimedPrimal, aimedDual));
    if (this.lengths().shorter > 1.01 * shorter + 0.005) return true;
    newton.undo();
    return false;
  }

  /** A linear program's primal and dual steps are independent; Q ties them together. */
  private lengths(): Lengths {
    const { primal, dual } = this.newton.stepLengths();
    const shorter = Math.min(primal, dual);
    return this.linear ? { primal, dual, shorter } : { primal: shorter, dual: shorter, shorter };
  }
}
