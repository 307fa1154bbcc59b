import type { DatumName } from "../../src/index.ts";
import type { NestedNumbers } from "../../src/problem/read-datum.ts";
import { dataFile, readJson } from "./data.ts";

/** A number, or numbers in nested lists. */
export type Numbers = number | NestedNumbers;

/** A problem of the golden sample with its exact solution and the gradients of c'x, in the names of its file. */
export interface GoldenProblem<Parameters, Solution> {
  readonly id: string;
  readonly params: Parameters;
  readonly c: NestedNumbers;
  readonly solution: Solution;
  readonly grad: { readonly [Name in keyof Parameters]: Numbers };
}

type QpParameters = { readonly [Name in "Q" | "q"]: NestedNumbers } & { readonly [Name in DatumName]?: NestedNumbers };

export type GoldenQp = GoldenProblem<QpParameters, { readonly [Name in "x" | "nu" | "lam"]: NestedNumbers }>;

/** A problem of vectors with lower and upper bounds. */
export type GoldenBounded<Name extends string> = GoldenProblem<
  { readonly [Key in Name]: number[] },
  { readonly [Key in "x" | "lam_lower" | "lam_upper"]: number[] } & { readonly nu: number | number[] }
>;

/** A QP without a solution, or with a degenerate one. */
export interface LabelledQp {
  readonly id: string;
  readonly params: QpParameters;
  readonly label: "infeasible" | "unbounded" | "degenerate";
}

const file = dataFile("golden_sample/sample.json");
const problems = file ? (readJson(file) as { readonly kind: string; readonly label?: string }[]) : [];

/** Whether the golden data are at hand: tests that need them are skipped where they are not. */
export const haveGolden = problems.length > 0;

function ofKind(wanted: string, labelled: boolean): unknown {
  return problems.filter(({ kind, label }) => kind === wanted && (label !== undefined) === labelled);
}

export const goldenQps = ofKind("qp", false) as readonly GoldenQp[];
export const labelledQps = ofKind("qp", true) as readonly LabelledQp[];

/** The problems of another kind with a solution. */
export function goldenOfKind<Name extends string>(kind: string): readonly GoldenBounded<Name>[] {
  return ofKind(kind, false) as readonly GoldenBounded<Name>[];
}

/** The QPs with a solution, their cotangents, solutions and gradients flattened and in the names of this package. */
export function goldenProblems() {
  return goldenQps.map(({ id, params, c, solution: { x, nu, lam }, grad }) => {
    const gradients = Object.entries(grad).map(([name, values]) => [name, flat(values)]);
    const expected: Record<string, number[]> = Object.fromEntries(gradients);
    return { id, params, c: flat(c), x: flat(x), nu: flat(nu), lambda: flat(lam), grad: expected };
  });
}

/** All numbers (or words) of nested lists, in order. */
export function flat(numbers: Numbers): number[] {
  return typeof numbers === "object" ? numbers.flatMap(flat) : [numbers];
}
