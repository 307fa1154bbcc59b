import { sizeOf } from "@solvegrad/linalg";
import type { DifferentiationRule } from "../../differentiate/rule.ts";
import { LayerError } from "../../errors.ts";
import { type Datum, itemOf } from "../../problem/quadratic-program.ts";
import type { Solution } from "../../solvers/solver.ts";
import { stateFor } from "../../solvers/state-for.ts";
import type { KktOperator } from "./kkt-on-tape.ts";

/** A datum that enters the KKT conditions linearly, so that its cotangent is a part of K^-1 c, up to the sign. */
export interface LinearTerm<N extends string> {
  readonly name: N;
  readonly sign: 1 | -1;
}

/**
 * K^-1 by any rule's vector-Jacobian product: of data that enter the KKT conditions as q, b and h do, the cotangents are
 * -u, y and w. The rule is given a problem in which every item has these data for itself, so that nothing is summed.
 */
export function operatorOf<N extends string, P extends { readonly batch: number } & Readonly<Record<N, Datum>>>(
  problem: P,
  solution: Solution,
  rule: DifferentiationRule<P, N>,
  terms: readonly LinearTerm<N>[],
): KktOperator {
  const wanted = terms.map(({ name }) => name);
  const own = withOwnItems(problem, wanted);
  const known = own === problem ? solution : { ...solution, state: stateFor(solution.state, problem, own) };
  return ([x, nu, lambda, zeta]) => {
    const cotangent = { x: x ?? new Float64Array(solution.x.length), nu, lambda, zeta };
    const { gradients } = rule.vjp(own, known, cotangent, { wanted });
    return terms.map(({ name, sign }) => {
      const gradient = gradients[name];
      if (!gradient)
        throw new LayerError(`the differentiation rule left out the gradient of ${name}, which was wanted`);
      return sign === 1 ? gradient : gradient.map((value) => -value);
    });
  };
}

/** The same problem with these data repeated for every item; the problem itself where they need not be. */
function withOwnItems<N extends string, P extends { readonly batch: number } & Readonly<Record<N, Datum>>>(
  problem: P,
  names: readonly N[],
): P {
  const shared = names.filter((name) => problem.batch > 1 && !problem[name].batched);
  if (shared.length === 0) return problem;
  return { ...problem, ...Object.fromEntries(shared.map((name) => [name, repeated(problem[name], problem.batch)])) };
}

function repeated(datum: Datum, batch: number): Datum {
  const size = sizeOf(datum.shape);
  const values = new Float64Array(batch * size);
  for (let i = 0; i < batch; i++) values.set(itemOf(datum, i), i * size);
  return { values, shape: datum.shape, batched: true };
}
