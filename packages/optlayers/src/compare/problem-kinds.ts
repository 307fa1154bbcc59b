import { alternating } from "../differentiate/alternating.ts";
import { boxProjectionImplicit } from "../differentiate/box-projection.ts";
import { asBoxProjectionRule, asBoxProjectionSolver } from "../differentiate/box-projection-as-sparse.ts";
import { type ConvexRule, convexAlternating, convexImplicit } from "../differentiate/convex-through-model.ts";
import { convexUnrolled } from "../differentiate/convex-unrolled.ts";
import { entropicAlternating } from "../differentiate/entropic-alternating.ts";
import { entropicImplicit } from "../differentiate/entropic-implicit.ts";
import { entropicUnrolled } from "../differentiate/entropic-unrolled.ts";
import { implicit } from "../differentiate/implicit.ts";
import type { DifferentiationRule } from "../differentiate/rule.ts";
import type { SparseRule } from "../differentiate/sparse/over-batch.ts";
import { sparseAlternating } from "../differentiate/sparse-alternating.ts";
import { sparseImplicit, sparseRules } from "../differentiate/sparse-rules.ts";
import { asSparsemaxRule, asSparsemaxSolver } from "../differentiate/sparsemax-as-quadratic.ts";
import { sparsemaxImplicit } from "../differentiate/sparsemax-implicit.ts";
import { unrolled } from "../differentiate/unrolled.ts";
import { OptionError } from "../errors.ts";
import type { BoxProjection, BoxProjectionName } from "../problem/box-projection.ts";
import type { ConvexName, ConvexProgram } from "../problem/convex-program.ts";
import type { EntropyName, EntropyProgram } from "../problem/entropy-program.ts";
import type { DatumName, QuadraticProgram } from "../problem/quadratic-program.ts";
import type { SparseDatumName, SparseQuadraticBatch } from "../problem/sparse-quadratic-batch.ts";
import type { SparsemaxName, SparsemaxProblem } from "../problem/sparsemax-problem.ts";
import { admm } from "../solvers/admm.ts";
import { convexAdmm } from "../solvers/convex-admm.ts";
import { convexInteriorPoint } from "../solvers/convex-interior-point.ts";
import { entropicAdmm } from "../solvers/entropic-admm.ts";
import { entropicInteriorPoint } from "../solvers/entropic-interior-point.ts";
import { interiorPoint } from "../solvers/interior-point.ts";
import { semismoothNewton } from "../solvers/semismooth-newton.ts";
import { simplexProjection } from "../solvers/simplex-projection.ts";
import type { Solver } from "../solvers/solver.ts";
import { sparseAdmm } from "../solvers/sparse-admm.ts";
import { sparseBatchSolver } from "../solvers/sparse-batch.ts";
import { sparseInteriorPoint } from "../solvers/sparse-interior-point.ts";
import { differentiationRules } from "./rule-list.ts";

/** The kinds of problems that a comparison knows methods for, each with the names of its data. */
export interface ProblemKinds {
  readonly qp: { readonly problem: QuadraticProgram; readonly name: DatumName };
  readonly sparsemax: { readonly problem: SparsemaxProblem; readonly name: SparsemaxName };
  readonly entropy: { readonly problem: EntropyProgram; readonly name: EntropyName };
  readonly convex: { readonly problem: ConvexProgram; readonly name: ConvexName };
  readonly box_projection: { readonly problem: BoxProjection; readonly name: BoxProjectionName };
  readonly sparse_qp_batch: { readonly problem: SparseQuadraticBatch; readonly name: SparseDatumName };
}
export type KnownProblem = ProblemKinds[keyof ProblemKinds]["problem"];
export type NameOf<P extends KnownProblem> = ProblemKinds[P["kind"]]["name"];

/** A solver and a rule that belong together. */
export interface Method<P, N extends string> {
  readonly solver: Solver<P>;
  readonly rule: DifferentiationRule<P, N>;
}

/** What a comparison takes for problems of one kind when it is told nothing. */
export interface ComparisonMethods<P, N extends string> {
  /** One problem of the kind, in words. */
  readonly noun: string;
  /** Solves to about 1e-10. */
  readonly solver: () => Solver<P>;
  /** What the others are measured against. */
  readonly reference: () => DifferentiationRule<P, N>;
  /** The rules, in the order of the table; one that is set here appears in every comparison. */
  readonly rules: Map<string, () => DifferentiationRule<P, N>>;
  /** ADMM and the alternating rule, both truncated at a tolerance. */
  readonly truncated: (tolerance: number) => Method<P, N>;
  /** The same, both stopped after so many iterations. */
  readonly stopped: (iterations: number) => Method<P, N>;
}

type MethodTable = {
  readonly [K in keyof ProblemKinds]: ComparisonMethods<ProblemKinds[K]["problem"], ProblemKinds[K]["name"]>;
};

const accurate = 1e-10;
/** A tolerance that is not met: the iterations decide. */
const never = 1e-15;

const truncatedAdmm = (tolerance: number) => admm({ tolerance, checkEvery: 1, polish: false });
const stoppedAdmm = (maxIterations: number) => admm({ tolerance: never, maxIterations, checkEvery: 1, polish: false });
const stoppedAlternating = (maxIterations: number) =>
  alternating({ truncate: never, maxIterations, acceleration: "none" });
const truncatedSparse = (tolerance: number) => {
  const solver = sparseBatchSolver(sparseAdmm({ tolerance, checkEvery: 1, polish: false }));
  return { solver, rule: sparseAlternating({ truncate: tolerance }) };
};
const stoppedSparse = (maxIterations: number) => {
  const solver = sparseBatchSolver(sparseAdmm({ tolerance: never, maxIterations, checkEvery: 1, polish: false }));
  return { solver, rule: sparseAlternating({ truncate: never, maxIterations }) };
};
type SparseMethod = ReturnType<typeof truncatedSparse>;

const asBoxProjection = ({ solver, rule }: SparseMethod) => ({
  solver: asBoxProjectionSolver(solver),
  rule: asBoxProjectionRule(rule),
});

/** The methods by the kind of the problem. */
export const comparisonMethods: MethodTable = {
  qp: {
    noun: "QP",
    solver: () => interiorPoint({ tolerance: accurate }),
    reference: () => implicit(),
    rules: differentiationRules,
    truncated: (tolerance) => ({ solver: truncatedAdmm(tolerance), rule: alternating({ truncate: tolerance }) }),
    stopped: (iterations) => ({ solver: stoppedAdmm(iterations), rule: stoppedAlternating(iterations) }),
  },
  sparsemax: {
    noun: "sparsemax problem",
    solver: () => simplexProjection(),
    reference: sparsemaxImplicit,
    rules: new Map([
      ["implicit", () => sparsemaxImplicit()],
      ["alternating", () => asSparsemaxRule(alternating())],
      ["unrolled", () => asSparsemaxRule(unrolled())],
    ]),
    truncated: (tolerance) => ({
      solver: asSparsemaxSolver(truncatedAdmm(tolerance)),
      rule: asSparsemaxRule(alternating({ truncate: tolerance })),
    }),
    stopped: (iterations) => ({
      solver: asSparsemaxSolver(stoppedAdmm(iterations)),
      rule: asSparsemaxRule(stoppedAlternating(iterations)),
    }),
  },
  entropy: {
    noun: "entropy program",
    solver: () => entropicInteriorPoint({ tolerance: accurate }),
    reference: entropicImplicit,
    rules: new Map<string, () => DifferentiationRule<EntropyProgram, EntropyName>>([
      ["implicit", () => entropicImplicit()],
      ["alternating", () => entropicAlternating()],
      ["unrolled", () => entropicUnrolled()],
    ]),
    truncated: (tolerance) => ({
      solver: entropicAdmm({ tolerance, polish: false }),
      rule: entropicAlternating({ truncate: tolerance }),
    }),
    stopped: (maxIterations) => ({
      solver: entropicAdmm({ tolerance: never, maxIterations, polish: false }),
      rule: entropicAlternating({ truncate: never, maxIterations }),
    }),
  },
  convex: {
    noun: "convex program",
    solver: () => convexInteriorPoint({ tolerance: accurate }),
    reference: convexImplicit,
    rules: new Map<string, () => ConvexRule>([
      ["implicit", () => convexImplicit()],
      ["alternating", () => convexAlternating()],
      ["unrolled", () => convexUnrolled()],
    ]),
    truncated: (tolerance) => ({
      solver: convexAdmm({ tolerance, polish: false }),
      rule: convexAlternating({ truncate: tolerance }),
    }),
    stopped: (maxIterations) => ({
      solver: convexAdmm({ tolerance: never, maxIterations, polish: false }),
      rule: convexAlternating({ truncate: never, maxIterations, acceleration: "none" }),
    }),
  },
  box_projection: {
    noun: "box projection",
    solver: () => semismoothNewton({ tolerance: accurate }),
    reference: boxProjectionImplicit,
    rules: new Map([
      ["implicit", () => boxProjectionImplicit()],
      ["alternating", () => asBoxProjectionRule(sparseRules.alternating())],
      ["unrolled", () => asBoxProjectionRule(sparseRules.unrolled())],
    ]),
    truncated: (tolerance) => asBoxProjection(truncatedSparse(tolerance)),
    stopped: (iterations) => asBoxProjection(stoppedSparse(iterations)),
  },
  sparse_qp_batch: {
    noun: "sparse QP",
    solver: () => sparseBatchSolver(sparseInteriorPoint({ tolerance: accurate })),
    reference: sparseImplicit,
    rules: new Map<string, () => SparseRule>(Object.entries(sparseRules)),
    truncated: truncatedSparse,
    stopped: stoppedSparse,
  },
};

/** The methods for a problem by its kind. Throws an `OptionError` for a kind that is not in the table. */
export function methodsFor<P extends { readonly kind: string }, N extends string>(problem: P): ComparisonMethods<P, N> {
  const table: Readonly<Record<string, unknown>> = comparisonMethods;
  const methods = table[problem.kind];
  if (!methods) {
    const known = Object.keys(comparisonMethods).join(", ");
    throw new OptionError(
      "rules",
      "missing",
      `solver, reference and rules for problems of kind ${problem.kind}, which is none of ${known}`,
    );
  }
  // the table's line for a kind is that of the problems which have it
  return methods as ComparisonMethods<P, N>;
}
