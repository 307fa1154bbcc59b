import { checkChoice } from "../check-options.ts";
import { withFiniteGradients } from "../differentiate/finite-gradients.ts";
import type { Cotangent, DataCotangents, DifferentiationReport } from "../differentiate/rule.ts";
import type { SparseRule } from "../differentiate/sparse/over-batch.ts";
import { sparseRules } from "../differentiate/sparse-rules.ts";
import { DatumRangeError } from "../errors.ts";
import { sparseQuadraticBatch } from "../problem/read-sparse-quadratic-batch.ts";
import {
  type SparseDatumName,
  type SparseQuadraticBatch,
  sparseDatumNames,
} from "../problem/sparse-quadratic-batch.ts";
import type { SparseQuadraticBatchData } from "../problem/sparse-quadratic-data.ts";
import type { SolveOptions } from "../solvers/solver.ts";
import { sparseAdmm } from "../solvers/sparse-admm.ts";
import { type SparseBatchSolution, sparseBatchSolver } from "../solvers/sparse-batch.ts";
import { type SparseSolver, sparseInteriorPoint } from "../solvers/sparse-interior-point.ts";

export interface DifferentiateSparseOptions extends SolveOptions {
  /** How to solve; by default the interior point for the implicit rule, ADMM for the other two. */
  readonly solver?: SparseSolver;
  /** Of the default solver: largest relative residual. */
  readonly tolerance?: number;
  /** "implicit" by default. */
  readonly rule?: "implicit" | "alternating" | "unrolled";
  /** The cotangents of x, nu, lambda and zeta, item after item; without any, there is no gradient. */
  readonly cotangent?: Partial<Cotangent>;
}

export interface DifferentiatedSparse {
  readonly problem: SparseQuadraticBatch;
  readonly solution: SparseBatchSolution;
  /**
   * The cotangents of the data that were given, under the names they came with (u's as h's where it came as h), in the order of the
   * caller's numbers: the entries of a sparse matrix, the rows of a dense one. Null without a cotangent.
   */
  readonly gradients: Partial<Record<SparseDatumName | "h", Float64Array>> | null;
  readonly report: DifferentiationReport | null;
}

/**
 * Solves sparse QPs and differentiates them by a rule of this name, on plain numbers: what `sparseQuadraticLayer` does without
 * Tensors. Never throws for a hard problem: see `solution.status`. Bad data are refused as by `sparseQuadraticBatch`; throws a
 * `DatumRangeError` for a cotangent of the wrong length, and a `GradientError` where the gradient is not finite.
 */
export function differentiateSparse(
  data: SparseQuadraticBatchData,
  { solver, tolerance, rule = "implicit", cotangent, ...solveOptions }: DifferentiateSparseOptions = {},
): DifferentiatedSparse {
  checkChoice("rule", rule, Object.keys(sparseRules));
  const problem = sparseQuadraticBatch(data);
  const fallback = rule === "implicit" ? sparseInteriorPoint({ tolerance }) : sparseAdmm({ tolerance });
  const solution = sparseBatchSolver(solver ?? fallback).solve(problem, solveOptions);
  if (!cotangent) return { problem, solution, gradients: null, report: null };
  const filled = { ...cotangent, x: cotangent.x ?? new Float64Array(problem.batch * problem.n) };
  checkLengths(problem, filled);
  const differentiation: SparseRule = sparseRules[rule]();
  const wanted = sparseDatumNames.filter((name) => data[name] !== undefined || (name === "u" && data.h !== undefined));
  const { gradients, report } = withFiniteGradients(differentiation).vjp(problem, solution, filled, { wanted });
  return { problem, solution, gradients: named(gradients, data), report };
}

function named({ u, ...rest }: DataCotangents<SparseDatumName>, { h }: SparseQuadraticBatchData) {
  if (!u) return rest;
  return h === undefined ? { ...rest, u } : { ...rest, h: u };
}

function checkLengths({ n, p, m, batch }: SparseQuadraticBatch, { x, nu, lambda, zeta }: Cotangent): void {
  const check = (name: string, values: Float64Array | undefined, length: number) => {
    if (values === undefined || values.length === length) return;
    const expected = `${length} numbers`;
    throw new DatumRangeError(`the cotangent of ${name} has ${values.length} entries; expected ${expected}`, {
      argument: name,
      shape: [values.length],
      item: null,
      expected,
    });
  };
  check("x", x, batch * n);
  check("nu", nu, batch * p);
  check("lambda", lambda, batch * m);
  check("zeta", zeta, batch * n);
}
