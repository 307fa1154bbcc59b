import {
  checkChoice,
  checkCount,
  checkFraction,
  checkPositive,
  checkRelaxation,
  checkTimeLimit,
} from "../check-options.ts";
import type { SparsePoint, SparseQuadraticProgram } from "../problem/sparse-quadratic-program.ts";
import { interruption } from "./interruption.ts";
import { judge } from "./residuals.ts";
import type { Status } from "./solver.ts";
import { type AdmmFactor, AdmmIteration, type AdmmResiduals } from "./sparse/admm-iteration.ts";
import {
  checkedDirection,
  checkedPrimal,
  crossedBounds,
  type SparseCertificate,
  sparseCertificate,
} from "./sparse/certificates.ts";
import { KktSystem, type SparseState } from "./sparse/kkt-system.ts";
import { polishSparse } from "./sparse/polish.ts";
import { relativeResidual } from "./sparse/relative-residual.ts";
import { assessSparse, type SparseAssessment } from "./sparse/residuals.ts";
import { type ScaledProgram, scaledProgram } from "./sparse/scaled-program.ts";
import { fits, type SparseSolution, type SparseSolveOptions, type SparseSolver } from "./sparse-interior-point.ts";

export interface SparseAdmmOptions {
  /** Largest relative residual (primal, dual and gap, as `assessSparse` measures them) of a solved item. Default 1e-6. */
  readonly tolerance?: number;
  /** Over-relaxation alpha in (0, 2). Default 1.6. */
  readonly relaxation?: number;
  /** The first penalty, in scaled units. Default 0.1. */
  readonly rho?: number;
  /** Whether rho follows the balance of the residuals. Default true. */
  readonly adaptiveRho?: boolean;
  /** Whether the active set of the iterate is tried for the exact solution. Default true. */
  readonly polish?: boolean;
  /** Default 20000. */
  readonly maxIterations?: number;
  /** Iterations between two looks at the residuals. Default 10. */
  readonly checkEvery?: number;
  /** Milliseconds after which the status is `time_limit`; none by default. */
  readonly timeLimit?: number;
}

/** What sparse ADMM leaves for a rule: besides what every sparse solver leaves, the factor of its last iteration. */
export interface SparseAdmmState extends SparseState {
  readonly admm: AdmmFactor;
  readonly relaxation: number;
}

/** The factor that ADMM left for this problem, where it was ADMM that solved it. */
export function admmFactorOf(problem: SparseQuadraticProgram, state: SparseState | undefined): AdmmFactor | null {
  return state?.program.original === problem && "admm" in state ? (state as SparseAdmmState).admm : null;
}

/**
 * The alternating direction method of multipliers for sparse QPs and LPs, in the manner of OSQP (Stellato et al. 2020): one
 * sparse LDL' factorization of the quasi-definite KKT matrix serves all iterations; the penalty rho follows the balance of
 * the residuals, by numeric refactorizations of the pattern that is analysed once; rows with l = u weigh more, and bounds of x
 * are no rows. Data are equilibrated. Where the active set looks settled the exact solution on it is tried.
 *
 * It stops on residuals recomputed from data and point. Infeasible and unbounded problems end with a certificate that has
 * been checked, from the changes of the iterates (Banjac et al. 2019). A warm start with the problem's own solution takes no iteration.
 *
 * Throws an `OptionError` for an option out of range; never for a hard problem.
 */
export function sparseAdmm(options: SparseAdmmOptions = {}): SparseSolver {
  const settings = validated(options);
  return { name: "sparse admm", solve: (problem, solveOptions) => solve(problem, settings, solveOptions) };
}

type Settings = Required<SparseAdmmOptions>;

function validated(options: SparseAdmmOptions): Settings {
  const settings: Settings = {
    tolerance: options.tolerance ?? 1e-6,
    relaxation: options.relaxation ?? 1.6,
    rho: options.rho ?? 0.1,
    adaptiveRho: options.adaptiveRho ?? true,
    polish: options.polish ?? true,
    maxIterations: options.maxIterations ?? 20_000,
    checkEvery: options.checkEvery ?? 10,
    timeLimit: options.timeLimit ?? Infinity,
  };
  checkFraction("tolerance", settings.tolerance);
  checkRelaxation(settings.relaxation);
  checkPositive("rho", settings.rho);
  checkChoice("adaptiveRho", String(settings.adaptiveRho), ["true", "false"]);
  checkChoice("polish", String(settings.polish), ["true", "false"]);
  checkCount("maxIterations", settings.maxIterations);
  checkCount("checkEvery", settings.checkEvery);
  checkTimeLimit(settings.timeLimit);
  return settings;
}

function solve(problem: SparseQuadraticProgram, settings: Settings, options: SparseSolveOptions = {}): SparseSolution {
  const begin = performance.now();
  const interrupted = interruption(options, settings.timeLimit);
  const run = new AdmmRun(problem, settings, options.warmStart);
  const outcome = run.iterate(interrupted, options.onIteration);
  const { point, assessment } = run.best;
  const own = judge(relativeResidual(assessment), settings.tolerance, outcome.status);
  const certificate = own === "solved" || own === "time_limit" ? null : (outcome.certificate ?? run.prove(interrupted));
  return {
    solver: "sparse admm",
    ...point,
    status: certificate?.kind ?? own,
    objective: assessment.objective,
    residuals: assessment,
    iterations: run.iterations,
    milliseconds: performance.now() - begin,
    certificate,
    state: run.state(),
  };
}

/** How an iteration ended. */
interface Outcome {
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
class AdmmRun {
  iterations = 0;
  best: Measured;
  private readonly problem: SparseQuadraticProgram;
  private readonly settings: Settings;
  private readonly program: ScaledProgram;
  private readonly iteration: AdmmIteration;
  private finish: KktSystem | null = null;
  private nextPenalty = 20;
  private nextPolish = 0;
  private nextMeasure = 0;
  private last: SparsePoint;

  constructor(problem: SparseQuadraticProgram, settings: Settings, start: SparsePoint | undefined) {
    this.problem = problem;
    this.settings = settings;
    this.program = scaledProgram(problem);
    const usable = start !== undefined && fits(problem, start) ? start : undefined;
    this.iteration = new AdmmIteration(this.program, settings.rho, settings.relaxation, usable);
    this.last = usable ?? this.iteration.point();
    this.best = { point: this.last, assessment: assessSparse(problem, this.last) };
  }

  iterate(interrupted: () => boolean, onIteration: SparseSolveOptions["onIteration"]): Outcome {
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

  private ended(status: Outcome["status"]): Outcome {
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
    const certificate = this.certificate(point);
    this.last = point;
    if (certificate || relativeResidual(this.best.assessment) <= this.settings.tolerance) return certificate;
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
    const { tolerance } = this.settings;
    this.keep(polishSparse(this.program, this.finish, point, this.iteration.activeGuess(), tolerance, interrupted));
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
