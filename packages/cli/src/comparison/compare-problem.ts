import { setImmediate } from "node:timers/promises";
import {
  type ConvergencePoint,
  compareGradients,
  type GradientComparison,
  type GradientDistance,
  isUsable,
  iterationStudy,
  jacobianConvergence,
  type KnownProblem,
  methodsFor,
  type NameOf,
  OptimizationError,
  type RuleComparison,
  type Status,
  studyTolerances,
  type TruncationPoint,
  truncationStudy,
} from "@solvegrad/optlayers";
import { InputError } from "../exit.ts";

/** How one rule's gradients stand to the implicit ones, and what they cost. */
export interface ComparisonRow extends GradientDistance {
  readonly rule: string;
  /** |g - g implicit| / |g implicit| for each datum. */
  readonly relativeDifferences: Readonly<Record<string, number>>;
  readonly iterations: number;
  readonly milliseconds: number;
  readonly peakBytes: number;
  readonly notes: readonly string[];
}

/** Everything that a comparison shows, as plain data. */
export interface Comparison {
  readonly kind: string;
  readonly problem: { readonly batch: number; readonly n: number; readonly p: number; readonly m: number };
  readonly solver: string;
  readonly status: readonly Status[];
  readonly rules: readonly ComparisonRow[];
  /** Empty where an item of the batch has no solution; fewer points where the time was over. */
  readonly truncation: readonly TruncationPoint[];
  readonly convergence: readonly ConvergencePoint[];
  /** The datum whose Jacobian `convergence` is about. */
  readonly datum: string;
}

export interface CompareOptions {
  /** The rules by name; all of the kind by default. */
  readonly rules?: readonly string[];
  readonly signal?: AbortSignal;
  /** Milliseconds after which each of the two studies ends with the points that it has; 30 000 by default. */
  readonly timeLimit?: number;
}

/**
 * Compares the rules on a problem, and studies truncation and the convergence of the Jacobian. Between the parts other
 * work of the process gets its turn; null when the signal stops it. Throws an OptimizationError when no item of the
 * problem has a solution, an InputError for a rule that the kind does not have.
 */
export async function compareProblem<P extends KnownProblem>(
  program: P,
  cotangent: Float64Array,
  { rules: names, signal, timeLimit = 30_000 }: CompareOptions = {},
): Promise<Comparison | null> {
  const compared: GradientComparison<NameOf<P>> = compareGradients(program, cotangent, {
    rules: chosen(program, names),
  });
  const { problem, solution, rules } = compared;
  const { status, solver } = solution;
  if (!status.some(isUsable)) throw new OptimizationError(solver, status, [...status.keys()]);
  await setImmediate();
  if (signal?.aborted) return null;
  const studied = status.every((s) => s === "solved");
  const truncation = studied ? truncationStudy(program, { x: cotangent }, studyTolerances, { timeLimit }) : [];
  await setImmediate();
  if (signal?.aborted) return null;
  const datum = "q" in program ? "q" : "y";
  const convergence = studied ? convergenceOf(program, datum, timeLimit) : [];
  return { kind: program.kind, problem, solver, status, rules: rules.map(row), truncation, convergence, datum };
}

function chosen<P extends KnownProblem>(program: P, names: readonly string[] | undefined) {
  const { rules } = methodsFor<P, NameOf<P>>(program);
  return (names ?? [...rules.keys()]).map((name) => {
    const make = rules.get(name);
    if (make) return make();
    const known = [...rules.keys()].join(", ");
    throw new InputError(`--rules names ${JSON.stringify(name)}, expected some of ${known}`);
  });
}

/** For a QP as in the paper, the Jacobian carried along the iterations; for other kinds, that at the iterate where ADMM stops. */
function convergenceOf<P extends KnownProblem>(program: P, datum: string, timeLimit: number): ConvergencePoint[] {
  if (program.kind === "qp") return jacobianConvergence(program, "q");
  return iterationStudy(program, datum as NameOf<P>, { timeLimit });
}

function row<N extends string>({ rule, overall, perDatum, report }: RuleComparison<N>): ComparisonRow {
  const { iterations, milliseconds, peakBytes, notes } = report;
  const differences = Object.entries<GradientDistance | undefined>(perDatum).flatMap(([name, distance]) =>
    distance ? [[name, distance.relativeDifference]] : [],
  );
  const relativeDifferences = Object.fromEntries(differences);
  return { rule, ...overall, relativeDifferences, iterations, milliseconds, peakBytes, notes };
}
