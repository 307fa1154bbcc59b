import { overBatch, type SparseRule } from "./sparse/over-batch.ts";
import { sparseAlternating } from "./sparse-alternating.ts";
import { sparseImplicitJvp, sparseImplicitVjp } from "./sparse-implicit.ts";
import { sparseUnrolled } from "./sparse-unrolled.ts";

/**
 * Differentiates sparse QPs through the KKT conditions of their active rows and bounds: one sparse factorization and
 * refined solves. See `sparseImplicitVjp` for the equations and for what it does where constraints are degenerate.
 */
export function sparseImplicit(): SparseRule {
  return overBatch("implicit", { vjp: sparseImplicitVjp, jvp: sparseImplicitJvp });
}

/** The rules for sparse QPs by name, in the order of a comparison. */
export const sparseRules = {
  implicit: () => sparseImplicit(),
  alternating: () => sparseAlternating(),
  unrolled: () => sparseUnrolled(),
} as const satisfies Record<string, () => SparseRule>;
