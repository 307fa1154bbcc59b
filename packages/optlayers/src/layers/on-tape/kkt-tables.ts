import type { EntropyName, EntropyProgram } from "../../problem/entropy-program.ts";
import type { DatumName, QuadraticProgram } from "../../problem/quadratic-program.ts";
import { type LinearTerm, operatorOf } from "./kkt-operator.ts";
import { entropyLagrangian, quadraticLagrangian } from "./lagrangian.ts";
import type { KktTable } from "./recorded-backward.ts";

const rightHandSides = [
  { name: "b", sign: 1 },
  { name: "h", sign: 1 },
] as const satisfies LinearTerm<"b" | "h">[];

export const quadraticKkt: KktTable<QuadraticProgram, DatumName> = {
  lagrangian: quadraticLagrangian,
  quadratic: true,
  operator: (problem, solution, rule) =>
    operatorOf(problem, solution, rule, [{ name: "q", sign: -1 }, ...rightHandSides]),
};

/** The Hessian is diag(1/x). */
export const entropyKkt: KktTable<EntropyProgram, EntropyName> = {
  lagrangian: entropyLagrangian,
  quadratic: false,
  operator: (problem, solution, rule) =>
    operatorOf(problem, solution, rule, [{ name: "y", sign: 1 }, ...rightHandSides]),
};
