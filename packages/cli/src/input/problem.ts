import type { Differentiation } from "@solvegrad/models";
import {
  type Datum,
  type DifferentiationRule,
  type Explanation,
  type ExplanationNames,
  explain,
  GradientError,
  isUsable,
  type KnownProblem,
  type Solution,
  type SolveOptions,
  type Solver,
  type Vjp,
  withFiniteGradients,
} from "@solvegrad/optlayers";
import { type CompareOptions, type Comparison, compareProblem } from "../comparison/compare-problem.ts";
import type { SparseColumns } from "./sparse-columns.ts";

/** How to solve and to differentiate, as the options of the command line say. */
export interface Method {
  readonly differentiation: Differentiation;
  readonly tolerance: number;
}

/** A solution and, where it was asked for and there is one, the gradient of cotangent'x by the names of the file. */
export interface Answer {
  readonly solution: Solution;
  readonly rule: string;
  readonly vjp: Vjp<string> | null;
  /** Why there is no gradient although there is a solution. */
  readonly failure?: string;
}

/** A validated problem of any kind: its sizes, its data by name, and what can be done with it. */
export interface Problem {
  readonly n: number;
  readonly batch: number;
  readonly batched: boolean;
  readonly data: Readonly<Record<string, Datum>>;
  /** The data that the file states in compressed columns, and where their entries are in the datum's numbers. */
  readonly columns: Readonly<Record<string, StatedColumns>>;
  readonly answer: (
    method: Method,
    cotangent: Float64Array | null,
    wanted: readonly string[],
    options: SolveOptions,
  ) => Answer;
  /** An item of a solution. */
  readonly explain: (solution: Solution, item: number, names: ExplanationNames) => Explanation;
  readonly compare: (cotangent: Float64Array, options: CompareOptions) => Promise<Comparison | null>;
}

export interface StatedColumns {
  readonly columns: SparseColumns;
  /** The place of entry k of the file among the numbers of one item of the datum. */
  readonly place: (k: number) => number;
}

/** What makes a validated program of one kind a `Problem`. */
export interface ProblemParts<P extends KnownProblem, N extends string> {
  readonly program: P;
  /** The datum of the program that each name of the file stands for. */
  readonly data: Readonly<Record<string, N>>;
  readonly columns?: Readonly<Record<string, StatedColumns>>;
  readonly method: (method: Method) => {
    readonly solver: Solver<P>;
    readonly differentiation: DifferentiationRule<P, N>;
  };
}

export function problemOf<P extends KnownProblem, N extends string>(parts: ProblemParts<P, N>): Problem {
  const { program, data: names, columns = {} } = parts;
  const { n, batch, batched } = program;
  const data = program as unknown as Readonly<Record<N, Datum>>;
  return {
    ...{ n, batch, batched, columns },
    data: Object.fromEntries(Object.entries(names).map(([name, own]) => [name, data[own]])),
    answer: (method, cotangent, wanted, options) => answer(parts, method, cotangent, wanted, options),
    explain: (solution, item, rowNames) => explain(program, solution, { item, names: rowNames }),
    compare: (cotangent, options) => compareProblem(program, cotangent, options),
  };
}

/** Solves the program by a method of its kind, and differentiates where there is a cotangent and an item that was solved. */
function answer<P extends KnownProblem, N extends string>(
  { program, data, method: choose }: ProblemParts<P, N>,
  method: Method,
  cotangent: Float64Array | null,
  wanted: readonly string[],
  options: SolveOptions,
): Answer {
  const { solver, differentiation } = choose(method);
  const solution = solver.solve(program, options);
  const differentiable = cotangent !== null && solution.status.some(isUsable);
  if (!differentiable) return { solution, rule: differentiation.name, vjp: null };
  try {
    const own = wanted.map((name) => data[name]);
    const rule = withFiniteGradients(differentiation);
    const { gradients, report } = rule.vjp(program, solution, { x: cotangent }, { wanted: own });
    const named = wanted.map((name) => [name, gradients[data[name]]]);
    return { solution, rule: rule.name, vjp: { gradients: Object.fromEntries(named), report } };
  } catch (error) {
    if (!(error instanceof GradientError)) throw error;
    return { solution, rule: differentiation.name, vjp: null, failure: error.message };
  }
}
