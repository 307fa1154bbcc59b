import { type Tensor, tensor } from "@solvegrad/autograd";
import { allocate } from "@solvegrad/linalg";
import { dot, maxAbs } from "../arrays.ts";
import { leastNormSolution } from "../kkt/least-norm.ts";

/**
 * Solves (dF/dx)' v = c, given the product v -> (dF/dx)' v. The tensors have the shape of x; `batched` as in the layer's
 * definition.
 */
export type AdjointSolver = (product: (v: Tensor) => Tensor, c: Tensor, batched: boolean) => Tensor;

/** dF/dx of every item, row by row: row i, for all items at once when batched, is the product with the i-th unit vector. */
class DenseJacobian {
  private readonly like: Tensor;
  private readonly items: number;
  private readonly size: number;
  private readonly rows: readonly ArrayLike<number>[];

  constructor(product: (v: Tensor) => Tensor, like: Tensor, batched: boolean) {
    this.like = like;
    this.items = batched ? like.shape[0] : 1;
    this.size = like.size / this.items;
    this.rows = Array.from({ length: this.size }, (_, i) => {
      const unit = allocate(like.dtype, like.size);
      for (let item = 0; item < this.items; item++) unit[item * this.size + i] = 1;
      return product(tensor(unit, { shape: [...like.shape] })).data();
    });
  }

  /** (dF/dx)^-1 f, or (dF/dx)'^-1 f, item by item: by least squares and least norm where it is singular. */
  solve(f: Tensor, transposed: boolean): Tensor {
    const { items, size, rows, like } = this;
    const right = Float64Array.from(f.data());
    const solution = allocate(like.dtype, like.size);
    const M = new Float64Array(size * size);
    for (let item = 0; item < items; item++) {
      for (let i = 0; i < size; i++) {
        for (let j = 0; j < size; j++) M[transposed ? j * size + i : i * size + j] = rows[i][item * size + j];
      }
      solution.set(leastNormSolution(M, size, right.subarray(item * size, (item + 1) * size)).x, item * size);
    }
    return tensor(solution, { shape: [...like.shape] });
  }
}

/**
 * The default `adjoint`: assembles dF/dx and solves the system item by item, by least squares and least norm where it is
 * singular.
 */
export const denseAdjoint: AdjointSolver = (product, c, batched) =>
  new DenseJacobian(product, c, batched).solve(c, true);

/** How far x is from the root, as far as one Newton step tells. */
export interface RootCheck {
  /** F at x. */
  readonly residual: () => Tensor;
  /** Receives the largest share of its size by which Newton's step would move an item of x. */
  readonly judge: (share: number) => void;
}

/** Moves below this are no share of anything: x may be 0. */
const negligible = 1e-8;

/**
 * v, and, where there is something to check, what Newton's step d = (dF/dx)^-1 F would change: the largest |d| / |x| of an item, or,
 * where an adjoint of the caller's knows products alone, |c'd| / (|c|_1 |x|), as c'd = v'F.
 */
export function checkedAdjoint(
  product: (v: Tensor) => Tensor,
  { x, c, batched, adjoint }: { x: Tensor; c: Tensor; batched: boolean; adjoint: AdjointSolver },
  check: RootCheck | undefined,
): Tensor {
  if (!check) return adjoint(product, c, batched);
  if (adjoint === denseAdjoint) {
    const jacobian = new DenseJacobian(product, c, batched);
    const step = jacobian.solve(check.residual(), false);
    check.judge(largestShare(x, batched, (part) => maxAbs(part(step))));
    return jacobian.solve(c, true);
  }
  const v = adjoint(product, c, batched);
  const residual = check.residual();
  const alongCotangent = (part: (values: Tensor) => Float64Array) => {
    const weight = part(c).reduce((sum, value) => sum + Math.abs(value), 0);
    return weight === 0 ? 0 : Math.abs(dot(part(v), part(residual))) / weight;
  };
  check.judge(largestShare(x, batched, alongCotangent));
  return v;
}

/** The largest move of an item over the size of its x. */
function largestShare(x: Tensor, batched: boolean, moveOf: (part: (values: Tensor) => Float64Array) => number): number {
  const items = batched ? x.shape[0] : 1;
  const size = x.size / items;
  let largest = 0;
  for (let item = 0; item < items; item++) {
    const part = (values: Tensor) => Float64Array.from(values.data().subarray(item * size, (item + 1) * size));
    const move = moveOf(part);
    if (!(move <= negligible)) largest = Math.max(largest, move / maxAbs(part(x)));
  }
  return largest;
}
