import { setImmediate } from "node:timers/promises";
import {
  type ConvergencePoint,
  compareGradients,
  type DatumName,
  datumNames,
  type GradientDistance,
  isUsable,
  jacobianConvergence,
  OptimizationError,
  type QuadraticProgram,
  type Status,
  type TruncationPoint,
  truncationStudy,
} from "@solvegrad/optlayers";

/** How one rule's gradients stand to the implicit ones, and what they cost. */
export interface ComparisonRow extends GradientDistance {
  readonly rule: string;
  /** |g - g implicit| / |g implicit| for each datum. */
  readonly relativeDifferences: Partial<Record<DatumName, number>>;
  readonly iterations: number;
  readonly milliseconds: number;
  readonly peakBytes: number;
  readonly notes: readonly string[];
}

/** Everything that a comparison shows, as plain data. */
export interface Comparison {
  readonly problem: { readonly batch: number; readonly n: number; readonly p: number; readonly m: number };
  readonly solver: string;
  readonly status: readonly Status[];
  readonly rules: readonly ComparisonRow[];
  /** Empty where an item of the batch has no solution. */
  readonly truncation: readonly TruncationPoint[];
  readonly convergence: readonly ConvergencePoint[];
}

/**
 * Compares the rules on a problem, and studies truncation and the convergence of the Jacobian. Between the parts other
 * work of the process gets its turn; null when the signal stops it. Throws an OptimizationError when no item of the
 * problem has a solution.
 */
export async function compareProblem(
  program: QuadraticProgram,
  cotangent: Float64Array,
  signal?: AbortSignal,
): Promise<Comparison | null> {
  const { problem, solution, rules } = compareGradients(program, cotangent);
  const { status, solver } = solution;
  if (!status.some(isUsable))
    throw new OptimizationError(
      solver,
      status,
      status.map((_, item) => item),
    );
  await setImmediate();
  if (signal?.aborted) return null;
  const studied = status.every((s) => s === "solved");
  const truncation = studied ? truncationStudy(program, { x: cotangent }) : [];
  await setImmediate();
  if (signal?.aborted) return null;
  const convergence = studied ? jacobianConvergence(program, "q") : [];
  return { problem, solver, status, rules: rules.map(row), truncation, convergence };
}

type RuleComparison = ReturnType<typeof compareGradients>["rules"][number];

function row({ rule, overall, perDatum, report }: RuleComparison): ComparisonRow {
  const { iterations, milliseconds, peakBytes, notes } = report;
  const differences = datumNames.flatMap((name) => (perDatum[name] ? [[name, perDatum[name].relativeDifference]] : []));
  const relativeDifferences = Object.fromEntries(differences);
  return { rule, ...overall, relativeDifferences, iterations, milliseconds, peakBytes, notes };
}
