import type { SparseAssessment } from "./residuals.ts";

/** The largest residual over the size of its terms; NaN where the point is not finite. */
export function relativeResidual(assessment: SparseAssessment): number {
  const { primal, dual, gap, primalScale, dualScale, gapScale } = assessment;
  return Math.max(primal / primalScale, dual / dualScale, gap / gapScale);
}
