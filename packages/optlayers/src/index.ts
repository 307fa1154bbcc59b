export {
  type ComparableProblem,
  type ComparisonOptions,
  type CompleteComparison,
  compareGradients,
  type GradientComparison,
  type RuleComparison,
} from "./compare/compare-gradients.ts";
export {
  compareLayers,
  type LayerComparison,
  type LayerComparisonOptions,
  type LayerRow,
  type LayerUnderTest,
} from "./compare/compare-layers.ts";
export type { GradientDistance } from "./compare/distance.ts";
export { formatComparison } from "./compare/format-comparison.ts";
export { type IterationStudyOptions, iterationStudy } from "./compare/iteration-study.ts";
export { type ConvergenceOptions, type ConvergencePoint, jacobianConvergence } from "./compare/jacobian-convergence.ts";
export { type LayerStudyPoint, layerStudy } from "./compare/layer-study.ts";
export {
  type ComparisonMethods,
  comparisonMethods,
  type KnownProblem,
  type Method,
  methodsFor,
  type NameOf,
  type ProblemKinds,
} from "./compare/problem-kinds.ts";
export { differentiationRules } from "./compare/rule-list.ts";
export {
  studyTolerances,
  type TruncationOptions,
  type TruncationPoint,
  truncationStudy,
} from "./compare/truncation-study.ts";
export {
  type AdjointOptions,
  alternating,
  type ForwardOptions,
  type ForwardRule,
} from "./differentiate/alternating.ts";
export { boxProjectionImplicit } from "./differentiate/box-projection.ts";
export {
  asBoxProjectionRule,
  asBoxProjectionSolver,
  boxProjectionAsSparse,
} from "./differentiate/box-projection-as-sparse.ts";
export { type ConvexRule, convexAlternating, convexImplicit } from "./differentiate/convex-through-model.ts";
export { convexUnrolled } from "./differentiate/convex-unrolled.ts";
export {
  type EntropicAlternatingOptions,
  type EntropicAlternatingRule,
  entropicAlternating,
} from "./differentiate/entropic-alternating.ts";
export { entropicImplicit } from "./differentiate/entropic-implicit.ts";
export { entropicUnrolled } from "./differentiate/entropic-unrolled.ts";
export { type FiniteGradientsOptions, withFiniteGradients } from "./differentiate/finite-gradients.ts";
export type { BackwardMethod } from "./differentiate/fixed-point/adjoints.ts";
export { type ImplicitOptions, implicit, quadraticTables } from "./differentiate/implicit.ts";
export { type KktAnswer, type KktRule, type KktSolve, type KktTables, kktRule } from "./differentiate/kkt-rule.ts";
export { type AdjointPoint, pullBack } from "./differentiate/pullback.ts";
export type {
  Cotangent,
  DataCotangents,
  DataTangents,
  DifferentiationReport,
  DifferentiationRule,
  Jacobian,
  Jvp,
  SolutionPart,
  SolutionTangent,
  Vjp,
  VjpOptions,
} from "./differentiate/rule.ts";
export { setImplicit } from "./differentiate/set/implicit.ts";
export { type SetUnrolledOptions, setUnrolled } from "./differentiate/set/unrolled.ts";
export type { SmoothUnrolledOptions } from "./differentiate/smooth/unrolled.ts";
export { type DataOf, solutionJacobian, withJvp } from "./differentiate/solution-jacobian.ts";
export type { SparseItemRule, SparseRule } from "./differentiate/sparse/over-batch.ts";
export type {
  SparseCotangent,
  SparseDataCotangents,
  SparseDataTangents,
  SparseDatumName,
  SparseJvp,
  SparseVjp,
} from "./differentiate/sparse/sparse-rule.ts";
export { type SparseAlternatingOptions, sparseAlternating } from "./differentiate/sparse-alternating.ts";
export { sparseImplicitJvp, sparseImplicitVjp } from "./differentiate/sparse-implicit.ts";
export { sparseImplicit, sparseRules } from "./differentiate/sparse-rules.ts";
export { type SparseUnrolledOptions, sparseUnrolled } from "./differentiate/sparse-unrolled.ts";
export { asSparsemaxRule, asSparsemaxSolver } from "./differentiate/sparsemax-as-quadratic.ts";
export { sparsemaxImplicit } from "./differentiate/sparsemax-implicit.ts";
export { type UnrolledOptions, unrolled } from "./differentiate/unrolled.ts";
export {
  type DatumFacts,
  DatumRangeError,
  DatumTypeError,
  GradientError,
  LayerError,
  OptimizationError,
  OptionError,
} from "./errors.ts";
export { type ExplainOptions, explain } from "./explain/explain.ts";
export type {
  BindingConstraint,
  BoundRange,
  Conflict,
  ConflictingRow,
  EndlessDescent,
  ExplainedConstraint,
  Explanation,
  RangeEnd,
} from "./explain/explanation.ts";
export { type FormatOptions, formatExplanation } from "./explain/format-explanation.ts";
export type { ExplanationNames } from "./explain/side.ts";
export { type Degeneracy, degeneracyOf, type SeenSolution } from "./kkt/degeneracy.ts";
export { degeneracyOfSparse } from "./kkt/sparse-degeneracy.ts";
export {
  type BoxProjectionLayerOptions,
  type BoxProjectionLayerResult,
  boxProjectionLayer,
} from "./layers/box-projection.ts";
export type { ConstraintShift } from "./layers/closest.ts";
export { type ConvexLayerOptions, type ConvexLayerResult, convexLayer } from "./layers/convex.ts";
export {
  type DifferentiatedSparse,
  type DifferentiateSparseOptions,
  differentiateSparse,
} from "./layers/differentiate-sparse.ts";
export {
  type FixedPointBackward,
  type FixedPointLayerDefinition,
  fixedPointLayer,
} from "./layers/fixed-point.ts";
export {
  type CheckedEntry,
  type CheckedOutputs,
  gradcheckLayer,
  type KinkEntry,
  type LayerGradcheck,
  LayerGradcheckError,
  type LayerGradcheckOptions,
} from "./layers/gradcheck-layer.ts";
export { type ImplicitLayerDefinition, implicitLayer, type Optimality } from "./layers/implicit-layer.ts";
export { type ProjectionLayerOptions, type ProjectionLayerResult, projectionLayer } from "./layers/projection.ts";
export { type QuadraticLayerOptions, type QuadraticLayerResult, quadraticLayer } from "./layers/quadratic.ts";
export { type AdjointSolver, denseAdjoint } from "./layers/root-adjoint.ts";
export { type SetLayerOptions, type SetLayerResult, setLayer } from "./layers/set.ts";
export type { Smoothing } from "./layers/smoothing.ts";
export { type SoftmaxLayerOptions, type SoftmaxLayerResult, softmaxLayer } from "./layers/softmax.ts";
export {
  type SparseQuadraticLayerOptions,
  type SparseQuadraticLayerResult,
  sparseQuadraticLayer,
} from "./layers/sparse-quadratic.ts";
export { type SparsemaxLayerOptions, type SparsemaxLayerResult, sparsemaxLayer } from "./layers/sparsemax.ts";
export {
  type BoxProjection,
  type BoxProjectionData,
  type BoxProjectionName,
  boxProjection,
  boxProjectionNames,
} from "./problem/box-projection.ts";
export {
  type ConvexName,
  type ConvexProgram,
  type ConvexProgramData,
  convexNames,
  convexProgram,
  type ThetaName,
} from "./problem/convex-program.ts";
export {
  type EntropyName,
  type EntropyProgram,
  type EntropyProgramData,
  entropyNames,
  entropyProgram,
} from "./problem/entropy-program.ts";
export { MpsError, type MpsFormat } from "./problem/mps-lines.ts";
export {
  type Datum,
  type DatumName,
  datumNames,
  itemOf,
  type QuadraticProgram,
} from "./problem/quadratic-program.ts";
export type { DatumInput, NestedNumbers } from "./problem/read-datum.ts";
export { type MpsProblem, readMps } from "./problem/read-mps.ts";
export { type QuadraticProgramData, quadraticProgram } from "./problem/read-quadratic-program.ts";
export { sparseQuadraticBatch } from "./problem/read-sparse-quadratic-batch.ts";
export {
  type SparseQuadraticProgramData,
  sparseQuadraticProgram,
} from "./problem/read-sparse-quadratic-program.ts";
export {
  type SetDatumName,
  type SetProgram,
  type SetProgramData,
  setProgram,
} from "./problem/set-program.ts";
export {
  type ObjectiveFunction,
  type ObjectiveShape,
  SmoothObjective,
  type SmoothPoint,
} from "./problem/smooth-objective.ts";
export { type SparseQuadraticBatch, sparseDatumNames } from "./problem/sparse-quadratic-batch.ts";
export type { MatrixInput, SparseMatrixInput, SparseQuadraticBatchData } from "./problem/sparse-quadratic-data.ts";
export type { SparsePoint, SparseQuadraticProgram } from "./problem/sparse-quadratic-program.ts";
export {
  type SparsemaxData,
  type SparsemaxName,
  type SparsemaxProblem,
  sparsemaxAsQuadratic,
  sparsemaxNames,
  sparsemaxProblem,
} from "./problem/sparsemax-problem.ts";
export { affine } from "./sets/affine.ts";
export { ball } from "./sets/ball.ts";
export { box } from "./sets/box.ts";
export type { ConvexSet, SetItem, SetLetter, SetParameter, Tangent } from "./sets/convex-set.ts";
export { simplex } from "./sets/simplex.ts";
export { type AdmmOptions, admm } from "./solvers/admm.ts";
export { type AndersonOptions, anderson, type FixedPoint, type FixedPointMap } from "./solvers/anderson.ts";
export { assessConvex } from "./solvers/convex/model.ts";
export { type ConvexAdmmOptions, convexAdmm } from "./solvers/convex-admm.ts";
export { type ConvexInteriorPointOptions, convexInteriorPoint } from "./solvers/convex-interior-point.ts";
export { type EntropicAdmmOptions, entropicAdmm } from "./solvers/entropic-admm.ts";
export { type EntropicInteriorPointOptions, entropicInteriorPoint } from "./solvers/entropic-interior-point.ts";
export { assessEntropy } from "./solvers/entropy/residuals.ts";
export { type InteriorPointOptions, interiorPoint } from "./solvers/interior-point.ts";
export { type ProjectedGradientOptions, projectedGradient } from "./solvers/projected-gradient.ts";
export { type Assessment, assess, judge, type PrimalDualPoint } from "./solvers/residuals.ts";
export { type SemismoothNewtonOptions, semismoothNewton } from "./solvers/semismooth-newton.ts";
export { type SimplexProjectionOptions, simplexProjection } from "./solvers/simplex-projection.ts";
export {
  type Certificate,
  type IterationProgress,
  isUsable,
  type Residuals,
  type Solution,
  type SolveOptions,
  type Solver,
  type Status,
} from "./solvers/solver.ts";
export { checkedDirection, checkedPrimal, type SparseCertificate } from "./solvers/sparse/certificates.ts";
export { assessSparse, type SparseAssessment } from "./solvers/sparse/residuals.ts";
export { type SparseAdmmOptions, sparseAdmm } from "./solvers/sparse-admm.ts";
export { type SparseBatchSolution, sparseBatchSolver } from "./solvers/sparse-batch.ts";
export {
  type SparseInteriorPointOptions,
  type SparseSolution,
  type SparseSolveOptions,
  type SparseSolver,
  sparseInteriorPoint,
} from "./solvers/sparse-interior-point.ts";
