import type { QuadraticProgramData } from "../../src/index.ts";
import { dataFile, readJson } from "../random-programs.ts";

/** A QP of the golden sample with its exact solution and gradients, batches flattened. */
export interface GoldenProblem {
  readonly id: string;
  readonly params: QuadraticProgramData;
  readonly c: number[];
  readonly x: number[];
  readonly nu: number[];
  readonly lambda: number[];
  readonly grad: Readonly<Record<string, number[]>>;
}

/** A QP of the golden sample without a solution, or with a degenerate one. */
export interface LabelledProblem {
  readonly id: string;
  readonly params: QuadraticProgramData;
  readonly label: string;
}

interface RawProblem {
  readonly id: string;
  readonly kind: string;
  readonly label?: string;
  readonly params: QuadraticProgramData;
  readonly c: unknown;
  readonly solution?: Record<"x" | "nu" | "lam", unknown>;
  readonly grad: Readonly<Record<string, unknown>>;
}

function quadraticPrograms(): RawProblem[] {
  const file = dataFile("golden_sample/sample.json");
  return file ? (readJson(file) as RawProblem[]).filter(({ kind }) => kind === "qp") : [];
}

/** Whether the golden data are at hand: tests that need them are skipped where they are not. */
export const haveGolden = dataFile("golden_sample/sample.json") !== null;

export function goldenProblems(): GoldenProblem[] {
  return quadraticPrograms().flatMap(({ id, params, c, solution, grad, label }) => {
    if (!solution || label) return [];
    const gradients = Object.fromEntries(Object.entries(grad).map(([name, values]) => [name, flat(values)]));
    const { x, nu, lam } = solution;
    return [{ id, params, c: flat(c), x: flat(x), nu: flat(nu), lambda: flat(lam), grad: gradients }];
  });
}

export function labelledProblems(): LabelledProblem[] {
  return quadraticPrograms().flatMap(({ id, params, label }) => (label ? [{ id, params, label }] : []));
}

function flat(values: unknown): number[] {
  return (values as unknown[]).flat(Number.POSITIVE_INFINITY) as number[];
}
