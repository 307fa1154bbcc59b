import { grad, type Tensor, tensor } from "@solvegrad/autograd";
import { symmetrize } from "../arrays.ts";
import { allItems, applyDatum, offsetOf } from "./products.ts";
import { type Datum, itemOf } from "./quadratic-program.ts";
import { type SetDatumName, type SetProgram, thetaTensors } from "./set-program.ts";
import { SmoothObjective } from "./smooth-objective.ts";

export type ObjectiveCotangents = Partial<Record<SetDatumName, Float64Array>>;

/** The objective of a set program with the derivatives that its solver and rules need; points are batch x n. */
export interface SetObjective {
  value(x: Float64Array): Float64Array;
  gradient(x: Float64Array): Float64Array;
  /** Batch x n x n. */
  hessian(x: Float64Array): Float64Array;
  /** The cotangents of the objective's data: the gradient in them of sum_i u_i' grad_x f(x_i). */
  mixed(x: Float64Array, u: Float64Array): ObjectiveCotangents;
  /** The change of grad_x f for tangents of the objective's data. */
  mixedTangent(x: Float64Array, tangents: ObjectiveCotangents): Float64Array;
}

export function objectiveOf(problem: SetProgram): SetObjective {
  return problem.objective ? smooth(problem) : quadratic(problem);
}

function smooth(problem: SetProgram): SetObjective {
  const { objective, names } = problem;
  const thetaNames = names.filter((name) => name.startsWith("theta"));
  const f = new SmoothObjective(objective as NonNullable<typeof objective>, thetaTensors(problem), problem);
  return {
    value: (x) => f.value(x),
    gradient: (x) => f.at(x).gradient,
    hessian: (x) => f.at(x).hessian(),
    mixed: (x, u) => Object.fromEntries(f.mixed(x, u).map((gradient, k) => [thetaNames[k], gradient])),
    mixedTangent: (x, tangents) =>
      f.mixedTangent(
        x,
        thetaNames.map((name) => tangents[name]),
      ),
  };
}

function quadratic(problem: SetProgram): SetObjective {
  const { Q, q, n, batch } = problem;
  const items = allItems(batch);
  const product = (x: Float64Array, matrix: Datum = Q) => {
    const rows = new Float64Array(batch * n);
    applyDatum(1, matrix, x, 0, rows, items);
    return rows;
  };
  const addLinear = (rows: Float64Array, values: Float64Array, share: number) => {
    for (let i = 0; i < batch; i++) {
      const at = offsetOf(q, i);
      for (let j = 0; j < n; j++) rows[i * n + j] += share * values[at + j];
    }
    return rows;
  };
  return {
    value(x) {
      const rows = addLinear(
        product(x).map((value) => value / 2),
        q.values,
        1,
      );
      return Float64Array.from({ length: batch }, (_, i) => {
        let sum = 0;
        for (let k = i * n; k < (i + 1) * n; k++) sum += x[k] * rows[k];
        return sum;
      });
    },
    gradient: (x) => addLinear(product(x), q.values, 1),
    hessian: () => {
      const H = new Float64Array(batch * n * n);
      for (let i = 0; i < batch; i++) H.set(itemOf(Q, i), i * n * n);
      return H;
    },
    mixed: (x, u) => quadraticCotangents(problem, x, u),
    mixedTangent(x, { Q: dQ, q: dq }) {
      const rows = dQ ? product(x, { ...Q, values: symmetrize(dQ.slice(), n) }) : new Float64Array(batch * n);
      return dq ? addLinear(rows, dq, 1) : rows;
    },
  };
}

function quadraticCotangents({ Q, q, n, batch }: SetProgram, x: Float64Array, u: Float64Array): ObjectiveCotangents {
  const result = { Q: new Float64Array(Q.values.length), q: new Float64Array(q.values.length) };
  for (let i = 0; i < batch; i++) {
    const [atQ, atq] = [offsetOf(Q, i), offsetOf(q, i)];
    for (let r = 0; r < n; r++) {
      result.q[atq + r] += u[i * n + r];
      for (let c = 0; c < n; c++) result.Q[atQ + r * n + c] += u[i * n + r] * x[i * n + c];
    }
  }
  symmetrize(result.Q, n);
  return result;
}

/** grad_x f in Tensor ops, of x (n) or (B, n) and the data by their names, differentiable in all of them. */
export function gradientOnTape(problem: SetProgram, x: Tensor, data: Readonly<Record<string, Tensor>>): Tensor {
  const { objective, names, batched } = problem;
  if (!objective) {
    const Q = data.Q.add(data.Q.swapLastTwo()).mul(0.5);
    const column = x.reshape([...x.shape, 1]);
    return Q.matmul(column).reshape(x.shape).add(data.q);
  }
  const theta = names.filter((name) => name.startsWith("theta")).map((name) => data[name]);
  const value = objective(x, ...theta);
  const cotangent = batched ? tensor(new Float64Array(value.size).fill(1), { shape: [...value.shape] }) : undefined;
  return grad(value, [x], { cotangent, createGraph: true })[0];
}
