import type { Tensor } from "@solvegrad/autograd";
import type { DifferentiationRule } from "../../differentiate/rule.ts";
import type { Datum } from "../../problem/quadratic-program.ts";
import type { Solution } from "../../solvers/solver.ts";
import { type BatchShape, type DifferentiableDatum, dataOnTape } from "./data-on-tape.ts";
import { type KktOnTape, type KktOperator, recordedCotangents } from "./kkt-on-tape.ts";
import type { Lagrangian } from "./lagrangian.ts";

/** What a kind of problem must say so that its layer may be differentiated more than once; see `recordedCotangents`. */
export interface KktTable<P, N extends string> {
  readonly lagrangian: Lagrangian<N>;
  /** Whether the KKT matrix does not depend on x. */
  readonly quadratic: boolean;
  /** The solution of the KKT system of the active rows, as the rule gives it: for data that enter linearly, `operatorOf`. */
  operator(problem: P, solution: Solution, rule: DifferentiationRule<P, N>): KktOperator;
}

/** The cotangents of the data as Tensor ops on a layer's outputs, on cotangents of these, and on the data. */
export function recordedBackward<N extends string, P extends BatchShape & Readonly<Record<N, Datum>>>(
  table: KktTable<P, N>,
  { names, problem }: { readonly names: readonly N[]; readonly problem: P },
  solution: Solution,
  rule: DifferentiationRule<P, N>,
  inputs: readonly DifferentiableDatum<N>[],
  outputs: readonly Tensor[],
  cotangents: readonly (Tensor | null)[],
): Tensor[] {
  const rows = (part: Tensor) => part.to("float64").reshape([problem.batch, part.size / problem.batch]);
  const [x, nu, lambda, zeta] = outputs.map(rows);
  const system: KktOnTape<N> = {
    ...table,
    solve: table.operator(problem, solution, rule),
    point: { x, nu, lambda, ...(zeta && { zeta }) },
    data: dataOnTape(names, inputs, problem),
    batched: names.filter((name) => problem[name].batched),
    status: solution.status,
  };
  const wanted = inputs.map(({ name }) => name);
  const gradients = recordedCotangents(
    system,
    cotangents.map((part) => part && rows(part)),
    wanted,
  );
  return inputs.map(({ value }, k) => gradients[k].to(value.dtype));
}
