import { implicit } from "../differentiate/implicit.ts";
import type { Cotangent, DataCotangents, DifferentiationReport, DifferentiationRule } from "../differentiate/rule.ts";
import { DatumRangeError } from "../errors.ts";
import type { DatumName, QuadraticProgram } from "../problem/quadratic-program.ts";
import { type QuadraticProgramData, quadraticProgram } from "../problem/read-quadratic-program.ts";
import { interiorPoint } from "../solvers/interior-point.ts";
import type { Solution, Solver } from "../solvers/solver.ts";
import { commonData, distanceBetween, distanceOverall, type GradientDistance, lengthOverall } from "./distance.ts";
import { differentiationRules } from "./rule-list.ts";

export interface ComparisonOptions {
  /** The rules to compare; those of `differentiationRules` by default. */
  readonly rules?: readonly DifferentiationRule[];
  /** Default: interior point to 1e-10. */
  readonly solver?: Solver;
  /** The rule that the others are measured against. Default: implicit. */
  readonly reference?: DifferentiationRule;
  /** The data whose gradients are compared; all of them by default. */
  readonly wanted?: readonly DatumName[];
}

/** What one rule gave, and how far it is from the reference. */
export interface RuleComparison {
  readonly rule: string;
  readonly gradients: DataCotangents;
  /** All data taken as one vector. */
  readonly overall: GradientDistance;
  readonly perDatum: Partial<Record<DatumName, GradientDistance>>;
  readonly report: DifferentiationReport;
}

export interface GradientComparison {
  readonly problem: { readonly n: number; readonly p: number; readonly m: number; readonly batch: number };
  /** The solution at which all rules were asked. */
  readonly solution: Solution;
  readonly reference: string;
  readonly rules: readonly RuleComparison[];
}

/**
 * Asks several differentiation rules for the gradients of the loss c'x at one solution and measures them against the
 * implicit one: cosine and relative difference (overall and for each datum), iterations, milliseconds, peak bytes.
 *
 * The cotangent is batch x n, or has parts for nu and lambda too. Throws what `quadraticProgram` throws for bad data, and
 * a `DatumRangeError` for a cotangent of another length or with numbers that are not finite.
 */
export function compareGradients(
  problem: QuadraticProgram | QuadraticProgramData,
  cotangent: Cotangent | Float64Array,
  options: ComparisonOptions = {},
): GradientComparison {
  const program = "kind" in problem ? problem : quadraticProgram(problem);
  const c = cotangent instanceof Float64Array ? { x: cotangent } : cotangent;
  checkCotangent(program, c);
  const rules = options.rules ?? [...differentiationRules.values()].map((make) => make());
  const reference = options.reference ?? implicit();
  const wanted = options.wanted ? { wanted: options.wanted } : {};
  const solution = (options.solver ?? interiorPoint({ tolerance: 1e-10 })).solve(program);

  const target = reference.vjp(program, solution, c, wanted).gradients;
  const { n, p, m, batch } = program;
  return {
    problem: { n, p, m, batch },
    solution,
    reference: reference.name,
    rules: rules.map((rule) => compareOne(rule.name, rule.vjp(program, solution, c, wanted), target)),
  };
}

function checkCotangent({ batch, n, p, m }: QuadraticProgram, { x, nu, lambda }: Cotangent): void {
  const check = (name: string, values: Float64Array | undefined, width: number) => {
    if (values?.length === batch * width && values.every(Number.isFinite)) return;
    const expected = `${batch} x ${width} finite numbers`;
    const came = values ? `has ${values.length} entries, or some that are not finite` : "is missing";
    const facts = { argument: "cotangent", shape: values ? [values.length] : null, item: null, expected };
    throw new DatumRangeError(`the cotangent of ${name} ${came}; expected ${expected}`, facts);
  };
  check("x", x, n);
  if (nu) check("nu", nu, p);
  if (lambda) check("lambda", lambda, m);
}

function compareOne(
  rule: string,
  { gradients, report }: ReturnType<DifferentiationRule["vjp"]>,
  target: DataCotangents,
): RuleComparison {
  const perDatum: Partial<Record<DatumName, GradientDistance>> = {};
  const whole = lengthOverall(target);
  for (const name of commonData(gradients, target)) {
    perDatum[name] = distanceBetween(gradients[name] ?? [], target[name] ?? [], whole);
  }
  return { rule, gradients, overall: distanceOverall(gradients, target), perDatum, report };
}
