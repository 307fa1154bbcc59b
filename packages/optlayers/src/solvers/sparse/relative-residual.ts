import type { SparseAssessment } from "./residuals.ts";

/** The largest residual over the size of its terms; NaN where the point is not finite. */
export function relativeResidual(assessment: SparseAssessment): number {
  const { primal, dual, gap, primalScale, dualScale, gapScale } = assessment;
  return Math.max(primal / primalScale, dual / dualScale, gap / gapScale);
}

/** An absolute bound on all residuals under which the relative ones meet the tolerance; never above the tolerance itself. */
export function absoluteTarget({ primalScale, dualScale, gapScale }: SparseAssessment, tolerance: number): number {
  return tolerance * Math.min(1, primalScale, dualScale, gapScale);
}

/** Whether no point in double precision can be expected to have smaller residuals. */
export function isAtRounding({ primal, dual, gap, primalScale, dualScale, gapScale }: SparseAssessment): boolean {
  return primal <= 1e-15 * primalScale && dual <= 1e-15 * dualScale && gap <= 1e-16 * gapScale;
}
