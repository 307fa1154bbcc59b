import { exp, log, type Tensor, tensor } from "@solvegrad/autograd";
import type { ConvexProgramData } from "../src/index.ts";
import { normals, uniforms } from "./random-programs.ts";

/** sum_i log(1 + exp(-z_i' x)) + w/2 |x|^2: logistic regression on rows z_i, with a ridge. */
export function logistic(x: Tensor, z: Tensor, w: Tensor): Tensor {
  const margins = x.rank === 1 ? z.matmul(x) : x.matmul(z.transpose());
  return log(exp(margins.neg()).add(1)).sum(-1).add(x.square().sum(-1).mul(w).mul(0.5));
}

/** log sum exp(Cx + d) + w/2 |x|^2. */
export function logSumExp(x: Tensor, C: Tensor, d: Tensor, w: Tensor): Tensor {
  const rows = x.rank === 1 ? C.matmul(x) : x.matmul(C.transpose());
  return log(exp(rows.add(d)).sum(-1)).add(x.square().sum(-1).mul(w).mul(0.5));
}

/** -y'x + sum x log x. */
export function entropy(x: Tensor, y: Tensor): Tensor {
  return x.mul(log(x)).sub(x.mul(y)).sum(-1);
}

/** 1/2 x'Qx + q'x. */
export function quadratic(x: Tensor, Q: Tensor, q: Tensor): Tensor {
  const Qx = x.rank === 1 ? Q.matmul(x) : x.matmul(Q);
  return Qx.mul(0.5).add(q).mul(x).sum(-1);
}

/** sum (x - c)^4 + w/2 |x|^2. */
export function quartic(x: Tensor, c: Tensor, w: Tensor): Tensor {
  return x.sub(c).square().square().sum(-1).add(x.square().sum(-1).mul(w).mul(0.5));
}

/** The negative expected log return of a portfolio: -mean_t log(r_t'x). */
export function logUtility(x: Tensor, returns: Tensor): Tensor {
  const wealth = x.rank === 1 ? returns.matmul(x) : x.matmul(returns.transpose());
  return log(wealth).mean(-1).neg();
}

export interface RandomConvex {
  readonly n: number;
  readonly p: number;
  readonly m: number;
  readonly batch?: number;
  readonly seed: number;
}

/** Random constraints that a point near 0 satisfies with slack; b and h have a batch dimension where batch is given. */
export function randomConstraints({ n, p, m, batch, seed }: RandomConvex) {
  const [normal, uniform] = [normals(seed), uniforms(seed + 1)];
  const rows = (count: number) => Array.from({ length: count }, () => Array.from({ length: n }, normal));
  const [A, G] = [rows(p), rows(m)];
  const right = (count: number, next: () => number) => {
    const one = () => Array.from({ length: count }, next);
    return batch === undefined ? one() : Array.from({ length: batch }, one);
  };
  const inner = Array.from({ length: n }, () => 0.3 * normal());
  const at = (row: number[]) => row.reduce((sum, value, j) => sum + value * inner[j], 0);
  const b = batch === undefined ? A.map(at) : Array.from({ length: batch }, () => A.map((row) => at(row)));
  const slack = right(m, () => 0.4 * uniform());
  const lift = (own: number[]) => own.map((value, i) => at(G[i]) + value);
  const h = batch === undefined ? lift(slack as number[]) : (slack as number[][]).map(lift);
  return { ...(p > 0 && { A, b }), ...(m > 0 && { G, h }) };
}

const numbers = (next: () => number, ...shape: number[]): Tensor => {
  const size = shape.reduce((product, extent) => product * extent, 1);
  return tensor(Float64Array.from({ length: size }, next), { shape });
};

/** One program of every kind of objective under random constraints, by name. */
export function randomConvexPrograms(options: RandomConvex): Record<string, ConvexProgramData> {
  const { n, batch, seed } = options;
  const normal = normals(seed + 2);
  const constraints = randomConstraints(options);
  const many = batch === undefined ? [] : [batch];
  const common = { n, batch, ...constraints };
  const row = Array.from({ length: n }, () => 0.2 + Math.abs(normal()));
  const simplex = {
    A: [row.map(() => 1)],
    b: [1],
    G: row.map((_, i) => row.map((_, j) => (i === j ? 1 : 0))),
    h: row.map(() => 2 / n),
    start: row.map(() => 1 / n),
  };
  const root = numbers(normal, n, n);
  return {
    logistic: { ...common, objective: logistic, theta: [numbers(normal, 3 * n, n), tensor(0.1)] },
    logSumExp: {
      ...common,
      objective: logSumExp,
      theta: [numbers(normal, 4, n), numbers(normal, ...many, 4), tensor(0.5)],
    },
    quartic: { ...common, objective: quartic, theta: [numbers(normal, ...many, n), tensor(0.2)] },
    quadratic: {
      ...common,
      objective: quadratic,
      theta: [root.transpose().matmul(root).add(tensor(0.1)), numbers(normal, ...many, n)],
    },
    entropy: { ...simplex, n, batch, objective: entropy, theta: [numbers(normal, ...many, n)] },
    logUtility: {
      ...simplex,
      n,
      batch,
      objective: logUtility,
      theta: [exp(numbers(normal, 2 * n, n).mul(0.3))],
    },
  };
}
