import type { QuadraticProgram } from "../problem/quadratic-program.ts";
import { CondensedKkt } from "./condensed-kkt.ts";
import type { KktMethod } from "./kkt-method.ts";
import { SchurKkt } from "./schur-kkt.ts";

/**
 * The Schur complement in the multipliers where Q is safely positive definite and there are not many more rows than
 * variables (with shared Q, A, G it is formed once for the whole batch); otherwise the system condensed to x.
 */
export function kktMethod(problem: QuadraticProgram): KktMethod {
  const fewRows = problem.p + problem.m <= 2 * problem.n;
  return (fewRows ? SchurKkt.of(problem) : null) ?? new CondensedKkt(problem);
}
