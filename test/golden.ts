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
  readonly kind: string;
  readonly params: Partial<Record<Parameter, Numbers>>;
  readonly c: Numbers;
  readonly solution: { readonly x: Numbers; readonly nu: Numbers; readonly lam: Numbers; readonly obj: Numbers };
  readonly grad: Partial<Record<Parameter, Numbers>>;
}

/** The golden QPs, or none where the folder of golden data is not there. */
export function goldenQps(): GoldenQp[] {
  if (!existsSync(sample)) {
    console.warn(`the golden problems are skipped: ${sample} does not exist (SOLVEGRAD_DATA names another folder)`);
    return [];
  }
  const problems: GoldenQp[] = JSON.parse(readFileSync(sample, "utf8"));
  return problems.filter(({ kind }) => kind === "qp");
}

/** All numbers of a nested list, in order. */
export function flat(numbers: Numbers): number[] {
  return Array.isArray(numbers) ? numbers.flatMap(flat) : [numbers];
}

/** The extents of a nested list. */
export function shape(numbers: Numbers): number[] {
  return Array.isArray(numbers) ? [numbers.length, ...(numbers.length > 0 ? shape(numbers[0]) : [])] : [];
}
