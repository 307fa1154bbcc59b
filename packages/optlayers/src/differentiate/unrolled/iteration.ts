import {
  abs,
  add,
  cholesky,
  choleskySolve,
  concat,
  eye,
  matmul,
  mul,
  neg,
  relu,
  slice,
  sub,
  type Tensor,
  tensor,
  transpose,
  zeros,
} from "@solvegrad/autograd";
import { itemOf, type QuadraticProgram } from "../../problem/quadratic-program.ts";
import type { FrozenPoint } from "../alternating/point.ts";

/** The leaves of a tape, items side by side as columns: Q n x n, A p x n, G m x n, q n x count, b and h with 1 or count columns. */
export type Leaves = Readonly<Record<"Q" | "q" | "A" | "b" | "G" | "h", Tensor>>;

export function leavesOf(problem: QuadraticProgram, items: readonly number[]): Leaves {
  const matrix = (name: "Q" | "A" | "G") =>
    tensor(itemOf(problem[name], items[0]).slice(), { shape: [...problem[name].shape], requiresGrad: true });
  const columns = (name: "q" | "b" | "h") => {
    const datum = problem[name];
    const chosen = datum.batched ? items : items.slice(0, 1);
    const size = datum.shape[0];
    const values = new Float64Array(size * chosen.length);
    chosen.forEach((item, column) => {
      itemOf(datum, item).forEach((value, j) => {
        values[j * chosen.length + column] = value;
      });
    });
    return tensor(values, { shape: [size, chosen.length], requiresGrad: true });
  };
  return { Q: matrix("Q"), q: columns("q"), A: matrix("A"), b: columns("b"), G: matrix("G"), h: columns("h") };
}

/** The same values as a leaf, whose cotangent can be asked for. */
export function asLeaf(values: Tensor): Tensor {
  const leaf = values.detach();
  leaf.requiresGrad = true;
  return leaf;
}

/** What the iterations take of the data: q, K = E [A; G], k = E [b; h] and the Cholesky factor L of Q + rho K'K. */
export type IterationSystem = Readonly<Record<"q" | "K" | "k" | "L", Tensor>>;

/** x (n x count) and the state t = (nu, w) (p x count, m x count), scaled. */
export type IterationState = Readonly<Record<"x" | "nu" | "w", Tensor>>;

/**
 * ADMM (5) in the form of the state t = (nu, w), in tensors; see `runAdmm` for the same in plain loops:
 *
 *     x+ = -H^-1 (q + K'(z - rho k)),  z = (nu, |w|),   H = Q + rho K'K,
 *     nu+ = nu + rho (A x+ - b),   w+ = max(w, 0) + rho (G x+ - h),   averaged with t by the relaxation.
 *
 * Where H is singular, and in the proximal point iteration that is left without constraints, x+ also carries the proximal term sigma x.
 */
export class UnrolledIteration {
  private readonly point: FrozenPoint;
  private readonly count: number;
  private readonly relaxation: number;

  constructor(point: FrozenPoint, count: number, relaxation: number) {
    this.point = point;
    this.count = count;
    this.relaxation = relaxation;
  }

  system({ Q, q, A, b, G, h }: Leaves): IterationSystem {
    const { n, r, scale } = this.point.group.geometry;
    const { rho, proximal } = this.point.factor;
    const E = tensor(scale.slice(), { shape: [r, 1] });
    const columns = zeros([1, this.count]);
    const K = r > 0 ? mul(E, this.stacked(A, G)) : zeros([0, n]);
    const k = r > 0 ? mul(E, this.stacked(add(b, columns), add(h, columns))) : zeros([0, this.count]);
    const H = r > 0 ? add(Q, mul(rho, matmul(transpose(K), K))) : Q;
    return { q, K, k, L: cholesky(proximal > 0 ? add(H, mul(proximal, eye(n))) : H) };
  }

  /** ADMM's own start, at x = 0 and s = max(h, 0), which counts as a constant. */
  start({ k }: IterationSystem): IterationState {
    const { n, p, r } = this.point.group.geometry;
    const { rho } = this.point.factor;
    const w = p < r ? mul(-rho, relu(slice(k, 0, p, r))) : zeros([0, this.count]);
    return { x: zeros([n, this.count]), nu: zeros([p, this.count]), w: w.detach() };
  }

  /** What the next iteration takes of a state. */
  memory({ x, nu, w }: IterationState): Tensor[] {
    return [nu, w, ...(this.point.factor.proximal > 0 ? [x] : [])].filter(({ size }) => size > 0);
  }

  /** The state as leaves of a tape of its own, without an x that the next iteration does not take. */
  leaves({ x, nu, w }: IterationState): IterationState {
    const start = this.point.factor.proximal > 0 ? asLeaf(x) : zeros([x.shape[0], 1]);
    return { x: start, nu: asLeaf(nu), w: asLeaf(w) };
  }

  advance({ q, K, k, L }: IterationSystem, { x, nu, w }: IterationState): IterationState {
    const { p, r } = this.point.group.geometry;
    const { rho, proximal } = this.point.factor;
    const columns = zeros([1, this.count]);
    const z = r > 0 ? this.stacked(nu, abs(w)) : null;
    const force = z ? add(q, matmul(transpose(K), sub(z, mul(rho, k)))) : add(q, columns);
    const next = neg(choleskySolve(L, proximal > 0 ? sub(force, mul(proximal, x)) : force));
    if (r === 0) return { x: next, nu, w };
    const { relaxation } = this;
    const step = mul(relaxation * rho, sub(matmul(K, next), k));
    const kept = p < r ? add(mul(relaxation, relu(w)), mul(1 - relaxation, w)) : w;
    return {
      x: next,
      nu: p > 0 ? add(nu, slice(step, 0, 0, p)) : nu,
      w: p < r ? add(kept, slice(step, 0, p, r)) : w,
    };
  }

  /** (nu, lambda) of a state in the units of the data, null where there are none. */
  duals({ nu, w }: IterationState): { readonly nu: Tensor | null; readonly lambda: Tensor | null } {
    const { p, r, scale } = this.point.group.geometry;
    const unit = (first: number, end: number) => tensor(scale.slice(first, end), { shape: [end - first, 1] });
    return {
      nu: p > 0 ? mul(unit(0, p), nu) : null,
      lambda: p < r ? mul(unit(p, r), relu(w)) : null,
    };
  }

  /** [top; bottom], where one of them may have no rows. */
  private stacked(top: Tensor, bottom: Tensor): Tensor {
    const { p, r } = this.point.group.geometry;
    if (p === 0) return bottom;
    return p === r ? top : concat([top, bottom], 0);
  }
}
