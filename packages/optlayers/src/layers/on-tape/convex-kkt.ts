import { concat, type Tensor, tensor } from "@solvegrad/autograd";
import { type ConvexName, type ConvexProgram, startingPoints, type ThetaName } from "../../problem/convex-program.ts";
import { stateFor } from "../../solvers/state-for.ts";
import { operatorOf } from "./kkt-operator.ts";
import { constraintTerms, inner, type Lagrangian } from "./lagrangian.ts";
import type { KktTable } from "./recorded-backward.ts";

/** What makes the layer of a convex program differentiable more than once. */
export function convexKkt(program: ConvexProgram): KktTable<ConvexProgram, ConvexName> {
  return {
    lagrangian: convexLagrangian(program),
    quadratic: false,
    operator: (problem, solution, rule) => {
      const { tilted, slope } = tiltedProgram(problem);
      const known = { ...solution, state: stateFor(solution.state, problem, tilted) };
      return operatorOf(tilted, known, rule, [
        { name: slope, sign: -1 },
        { name: "b", sign: 1 },
        { name: "h", sign: 1 },
      ]);
    },
  };
}

/** f(x; theta) + nu'(Ax - b) + lambda'(Gx - h), f by the caller's own Tensor ops. */
function convexLagrangian(program: ConvexProgram): Lagrangian<ConvexName> {
  const { batch, batched, n, objective, thetaNames } = program;
  return (point, data, items) => {
    const theta = thetaNames.map((name) => data[name]);
    const x = batched ? allRows(program, point.x, items) : point.x.reshape([n]);
    const taken = new Float64Array(batch);
    for (const item of items) taken[item] = 1;
    const value = inner(objective(x, ...theta), tensor(taken, { shape: batched ? [batch] : [] }));
    return value.add(constraintTerms(point, data));
  };
}

/** These items' rows at their places, and the program's start at the others, where f is evaluated for nothing. */
function allRows(program: ConvexProgram, x: Tensor, items: readonly number[]): Tensor {
  const { batch, n } = program;
  if (items.length === batch) return x;
  const start = tensor(startingPoints(program), { shape: [batch, n] });
  const rows = Array.from({ length: batch }, (_, i) => {
    const k = items.indexOf(i);
    return k < 0 ? start.slice(0, i, i + 1) : x.slice(0, k, k + 1);
  });
  return concat(rows, 0);
}

/** The program of f(x) + t'x with one more theta, t = 0 of every item: its cotangent is that of a QP's q. */
function tiltedProgram(program: ConvexProgram): { tilted: ConvexProgram; slope: ThetaName } {
  const { n, batch, batched, thetaNames, objective } = program;
  const slope: ThetaName = `theta${thetaNames.length}`;
  const tilted: ConvexProgram = {
    ...program,
    thetaNames: [...thetaNames, slope],
    [slope]: { values: new Float64Array(batch * n), shape: [n], batched },
    objective: (x, ...theta) => objective(x, ...theta.slice(0, -1)).add(x.mul(theta[theta.length - 1]).sum(-1)),
  };
  return { tilted, slope };
}
