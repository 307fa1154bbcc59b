import type {
  Cotangent,
  DataCotangents,
  DifferentiationReport,
  DifferentiationRule,
  Vjp,
} from "../differentiate/rule.ts";
import { DatumRangeError } from "../errors.ts";
import type { DatumName, QuadraticProgram } from "../problem/quadratic-program.ts";
import { type QuadraticProgramData, quadraticProgram } from "../problem/read-quadratic-program.ts";
import type { Solution, Solver } from "../solvers/solver.ts";
import { commonData, distanceBetween, distanceOverall, type GradientDistance, lengthOverall } from "./distance.ts";
import { type KnownProblem, methodsFor, type NameOf } from "./problem-kinds.ts";

export interface ComparisonOptions<P = QuadraticProgram, N extends string = DatumName> {
  /** The rules to compare; those of `comparisonMethods` for the kind by default. */
  readonly rules?: readonly DifferentiationRule<P, N>[];
  /** Default: the kind's own, to 1e-10 (interior point for a QP). */
  readonly solver?: Solver<P>;
  /** The rule that the others are measured against. Default: implicit. */
  readonly reference?: DifferentiationRule<P, N>;
  /** The data whose gradients are compared; all of them by default. */
  readonly wanted?: readonly N[];
}

/** What one rule gave, and how far it is from the reference. */
export interface RuleComparison<N extends string = DatumName> {
  readonly rule: string;
  readonly gradients: DataCotangents<N>;
  /** All data taken as one vector. */
  readonly overall: GradientDistance;
  readonly perDatum: Partial<Record<N, GradientDistance>>;
  readonly report: DifferentiationReport;
}

export interface GradientComparison<N extends string = DatumName> {
  /** One problem of its kind, in words. */
  readonly noun: string;
  readonly problem: { readonly n: number; readonly p: number; readonly m: number; readonly batch: number };
  /** The solution at which all rules were asked. */
  readonly solution: Solution;
  readonly reference: string;
  readonly rules: readonly RuleComparison<N>[];
}

/** A cotangent of x alone. */
type Numbers = Float64Array | readonly number[];

/** What a problem of any kind has. */
export interface ComparableProblem {
  readonly kind: string;
  readonly n: number;
  readonly batch: number;
}

/** Everything that a comparison of problems of a kind of the caller's own needs to know. */
export type CompleteComparison<P, N extends string> = ComparisonOptions<P, N> &
  Required<Pick<ComparisonOptions<P, N>, "rules" | "solver" | "reference">>;

/**
 * Asks several differentiation rules for the gradients of the loss c'x at one solution and measures them against a
 * reference, the implicit one by default: cosine and relative difference (overall and for each datum), iterations, milliseconds,
 * peak bytes.
 *
 * The cotangent is batch x n, one list of numbers, or has parts for nu and lambda too. Solver, rules and reference have defaults for every
 * kind of problem in `comparisonMethods`; for a kind of the caller's own they must be given. Throws what `quadraticProgram`
 * throws for bad data, and a `DatumRangeError` for a cotangent of another length or with numbers that are not finite.
 */
export function compareGradients<P extends KnownProblem>(
  problem: P,
  cotangent: Cotangent | Numbers,
  options?: ComparisonOptions<P, NameOf<P>>,
): GradientComparison<NameOf<P>>;
export function compareGradients(
  problem: QuadraticProgramData,
  cotangent: Cotangent | Numbers,
  options?: ComparisonOptions,
): GradientComparison;
export function compareGradients<P extends ComparableProblem, N extends string>(
  problem: P,
  cotangent: Cotangent | Numbers,
  options: CompleteComparison<P, N>,
): GradientComparison<N>;
export function compareGradients<P extends ComparableProblem, N extends string>(
  problem: P | QuadraticProgramData,
  cotangent: Cotangent | Numbers,
  options: ComparisonOptions<P, N> = {},
): GradientComparison<string> {
  if (!("kind" in problem)) {
    return compared(quadraticProgram(problem), cotangent, options as unknown as ComparisonOptions);
  }
  return compared(problem, cotangent, options);
}

function compared<P extends ComparableProblem, N extends string>(
  problem: P,
  cotangent: Cotangent | Numbers,
  { wanted, ...methods }: ComparisonOptions<P, N>,
): GradientComparison<N> {
  const c = isNumbers(cotangent) ? { x: Float64Array.from(cotangent) } : cotangent;
  checkCotangent("x", c.x, problem.batch, problem.n);
  const { noun, solver, reference, rules } = completed(problem, methods);
  const solution = solver.solve(problem);
  const { n, batch } = problem;
  const [p, m] = [solution.nu.length / batch, solution.lambda.length / batch];
  if (c.nu) checkCotangent("nu", c.nu, batch, p);
  if (c.lambda) checkCotangent("lambda", c.lambda, batch, m);
  const options = wanted ? { wanted } : {};
  const target = reference.vjp(problem, solution, c, options).gradients;
  return {
    ...{ noun, solution },
    problem: { n, p, m, batch },
    reference: reference.name,
    rules: rules.map((rule) => compareOne(rule.name, rule.vjp(problem, solution, c, options), target)),
  };
}

function isNumbers(cotangent: Cotangent | Numbers): cotangent is Numbers {
  return Array.isArray(cotangent) || ArrayBuffer.isView(cotangent);
}

/** What is missing of the methods is the kind's own. */
function completed<P extends ComparableProblem, N extends string>(
  problem: P,
  { solver, reference, rules }: ComparisonOptions<P, N>,
) {
  const noun = `problem of kind ${problem.kind}`;
  if (solver && reference && rules) return { noun, solver, reference, rules };
  const own = methodsFor<P, N>(problem);
  return {
    noun: own.noun,
    solver: solver ?? own.solver(),
    reference: reference ?? own.reference(),
    rules: rules ?? [...own.rules.values()].map((make) => make()),
  };
}

function checkCotangent(name: string, values: Float64Array | undefined, batch: number, width: number): void {
  if (values?.length === batch * width && values.every(Number.isFinite)) return;
  const expected = `${batch} x ${width} finite numbers`;
  const came = values ? `has ${values.length} entries, or some that are not finite` : "is missing";
  const facts = { argument: "cotangent", shape: values ? [values.length] : null, item: null, expected };
  throw new DatumRangeError(`the cotangent of ${name} ${came}; expected ${expected}`, facts);
}

function compareOne<N extends string>(
  rule: string,
  { gradients, report }: Vjp<N>,
  target: DataCotangents<N>,
): RuleComparison<N> {
  const perDatum: Partial<Record<N, GradientDistance>> = {};
  const whole = lengthOverall(target);
  for (const name of commonData(gradients, target)) {
    perDatum[name] = distanceBetween(gradients[name] ?? [], target[name] ?? [], whole);
  }
  return { rule, gradients, overall: distanceOverall(gradients, target), perDatum, report };
}
