import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./command-line.ts";

const folder = process.env.SOLVEGRAD_DATA ?? join(root, "../shared/data");
const sample = join(folder, "golden_sample/sample.json");

export type Numbers = number | Numbers[];
type Parameter = "Q" | "q" | "A" | "b" | "G" | "h";

/** A QP with its exact solution and gradients, in the names of the golden files (lam, obj, params). */
export interface GoldenQp {
  readonly id: string;
  readonly params: Partial<Record<Parameter, Numbers>>;
  readonly c: Numbers;
  readonly solution: { readonly x: Numbers; readonly nu: Numbers; readonly lam: Numbers };
  readonly grad: Partial<Record<Parameter, Numbers>>;
}

/** A QP without a solution, and why. */
export interface UnsolvableQp {
  readonly id: string;
  readonly label: "infeasible" | "unbounded";
  readonly params: Partial<Record<Parameter, Numbers>>;
}

interface GoldenProblem {
  readonly kind: string;
  readonly label?: string;
}

const problems: readonly GoldenProblem[] = existsSync(sample) ? JSON.parse(readFileSync(sample, "utf8")) : [];
if (problems.length === 0) {
  console.warn(`the golden problems are skipped: ${sample} does not exist (SOLVEGRAD_DATA names another folder)`);
}

/** The golden QPs that have a solution; none where the folder of golden data is not there. */
export const goldenQps = problems.filter(
  ({ kind, label }) => kind === "qp" && label === undefined,
) as readonly GoldenQp[];

/** The golden QPs that are infeasible or unbounded. */
export const unsolvableQps = problems.filter(
  ({ kind, label }) => kind === "qp" && (label === "infeasible" || label === "unbounded"),
) as readonly UnsolvableQp[];

/** All numbers of a nested list, in order. */
export function flat(numbers: Numbers): number[] {
  return Array.isArray(numbers) ? numbers.flatMap(flat) : [numbers];
}

/** The extents of a nested list. */
export function shape(numbers: Numbers): number[] {
  return Array.isArray(numbers) ? [numbers.length, ...(numbers.length > 0 ? shape(numbers[0]) : [])] : [];
}
