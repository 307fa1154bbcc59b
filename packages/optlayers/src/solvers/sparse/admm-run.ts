import type { SparsePoint, SparseQuadraticProgram } from "../../problem/sparse-quadratic-program.ts";
import type { Status } from "../solver.ts";
import type { SparseAdmmOptions } from "../sparse-admm.ts";
import { fits, type SparseSolveOptions } from "../sparse-interior-point.ts";
import { AdmmIteration, type AdmmResiduals } from "./admm-iteration.ts";
import type { SparseAdmmState } from "./admm-state.ts";
import {
  checkedDirection,
  checkedPrimal,
  crossedBounds,
  type SparseCertificate,
  sparseCertificate,
} from "./certificates.ts";
import { KktSystem } from "./kkt-system.ts";
import { polishSparse } from "./polish.ts";
import { absoluteTarget, relativeResidual } from "./relative-residual.ts";
import { assessSparse, type SparseAssessment } from "./residuals.ts";
import { type ScaledProgram, scaledProgram } from "./scaled-program.ts";

/** How an iteration ended. */
export interface AdmmOutcome {
  readonly status: Exclude<Status, "solved" | "solved_inaccurate">;
  readonly certificate: SparseCertificate | null;
}

interface Measured {
  readonly point: SparsePoint;
  readonly assessment: SparseAssessment;
}

/** A new penalty differs by this factor from the old one, and each period is this much longer than the one before. */
const worthwhile = 5;
const longer = 1.5;
const [smallestRho, largestRho] = [1e-6, 1e6];
/** Scaled residuals below this many tolerances may mean that the problem's own are below one. */
const promise = 100;
/** Relative residual from which on the active set may be that of the solution. */
const polishBelow = 1e-2;
/** From here on it is tried anyway: iterates that circle far around the solution of a linear program may have its active set. */
const unconditionalPolish = 100;

/** One solve: the iteration, what it was last measured at, and when it looks for more. */
export class AdmmRun {
  iterations = 0;
  best: Measured;
  private readonly problem: SparseQuadraticProgram;
  private readonly settings: Required<SparseAdmmOptions>;
  private readonly program: ScaledProgram;
  private readonly iteration: AdmmIteration;
  private finish: KktSystem | null = null;
  private nextPenalty = 20;
  private nextPolish = 0;
  private nextMeasure = 0;
  private last: SparsePoint;

  constructor(problem: SparseQuadraticProgram, settings: Required<SparseAdmmOptions>, start: SparsePoint | undefined) {
    this.problem = problem;
    this.settings = settings;
    this.program = scaledProgram(problem);
    const usable = start !== undefined && fits(problem, start) ? start : undefined;
    this.iteration = new AdmmIteration(this.program, settings.rho, settings.relaxation, usable);
    this.last = usable ?? this.iteration.point();
    this.best = { point: this.last, assessment: assessSparse(problem, this.last) };
  }

  iterate(interrupted: () => boolean, onIteration: SparseSolveOptions["onIteration"]): AdmmOutcome {
    const { maxIterations, checkEvery, tolerance } = this.settings;
    const crossed = crossedBounds(this.problem);
    if (crossed) return { status: "primal_infeasible", certificate: crossed };
    while (relativeResidual(this.best.assessment) > tolerance) {
      if (this.iterations >= maxIterations) return this.ended("max_iterations");
      if (interrupted()) return this.ended("time_limit");
      if (!this.iteration.factor.regular) return this.ended("numerical_error");
      const steps = Math.min(checkEvery, maxIterations - this.iterations);
      for (let k = 0; k < steps; k++) this.iteration.step();
      this.iterations += steps;
      const residuals = this.iteration.residuals();
      const certificate = this.isWorthMeasuring(residuals) ? this.look(interrupted) : null;
      if (certificate) return { status: certificate.kind, certificate };
      if (this.settings.adaptiveRho && this.iterations >= this.nextPenalty) this.adaptPenalty(residuals);
      const { primal, dual } = residuals;
      onIteration?.({ iteration: this.iterations, primal, dual, unfinished: 1 });
    }
    return { status: "numerical_error", certificate: null };
  }

  private ended(status: AdmmOutcome["status"]): AdmmOutcome {
    this.keep(this.iteration.point());
    return { status, certificate: null };
  }

  /** Measuring in twice the precision costs about ten iterations: it waits for scaled residuals that promise something, or for its turn. */
  private isWorthMeasuring({ primal, dual, primalScale, dualScale }: AdmmResiduals): boolean {
    const promising = promise * this.settings.tolerance;
    const near = primal <= promising * (1 + primalScale) && dual <= promising * (1 + dualScale);
    if (!near && this.iterations < this.nextMeasure) return false;
    this.nextMeasure = 1.2 * this.iterations;
    return true;
  }

  /** Measures the iterate, and tries what may end the iteration. */
  private look(interrupted: () => boolean): SparseCertificate | null {
    const point = this.iteration.point();
    this.keep(point);
    if (relativeResidual(this.best.assessment) <= this.settings.tolerance) return null;
    const certificate = this.certificate(point);
    this.last = point;
    if (certificate) return certificate;
    if (this.settings.polish && this.iterations >= this.nextPolish) this.tryActiveSet(point, interrupted);
    return null;
  }

  private keep(point: SparsePoint): void {
    const assessment = assessSparse(this.problem, point);
    const better = !(relativeResidual(assessment) >= relativeResidual(this.best.assessment));
    if (better) this.best = { point, assessment };
  }

  /** The changes of the iterates tend to a proof where there is no solution. */
  private certificate(point: SparsePoint): SparseCertificate | null {
    const change = (now: Float64Array, before: Float64Array) => now.map((value, k) => value - before[k]);
    const { nu, lambda, zeta, x } = this.last;
    return (
      checkedPrimal(this.problem, change(point.nu, nu), change(point.lambda, lambda), change(point.zeta, zeta)) ??
      checkedDirection(this.problem, change(point.x, x))
    );
  }

  /** The exact solution on the active set of the iterate; where that was wrong, the next try comes after twice the iterations. */
  private tryActiveSet(point: SparsePoint, interrupted: () => boolean): void {
    const settled = relativeResidual(this.best.assessment) < polishBelow;
    if (!settled && this.iterations < unconditionalPolish) return;
    this.nextPolish = 2 * this.iterations;
    this.finish ??= new KktSystem(this.program);
    const target = absoluteTarget(this.best.assessment, this.settings.tolerance);
    this.keep(polishSparse(this.program, this.finish, point, this.iteration.activeGuess(), target, { interrupted }));
  }

  /** rho times the root of the balance of the scaled residuals, where that is worth a factorization. */
  private adaptPenalty({ primal, dual, primalScale, dualScale }: AdmmResiduals): void {
    const balance = (primal * dualScale) / (dual * primalScale);
    if (!(balance > 0 && balance < Infinity)) return;
    const old = this.iteration.factor.rho;
    const rho = Math.min(Math.max(old * Math.sqrt(balance), smallestRho), largestRho);
    if (rho < old * worthwhile && rho > old / worthwhile) return;
    this.iteration.setPenalty(rho);
    this.nextPenalty = longer * this.iterations;
  }

  /** A proof that there is no solution, from problems of its own, where the iteration found neither a solution nor a proof. */
  prove(interrupted: () => boolean): SparseCertificate | null {
    return relativeResidual(this.best.assessment) < 1e-4 ? null : sparseCertificate(this.problem, interrupted);
  }

  state(): SparseAdmmState {
    this.finish ??= new KktSystem(this.program);
    const { program, finish: system, iteration } = this;
    return { program, system, admm: iteration.factor, relaxation: this.settings.relaxation };
  }
}
