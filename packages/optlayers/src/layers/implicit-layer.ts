import { customOp, isGradEnabled, noGrad, Tensor, tensor, vjp } from "@solvegrad/autograd";
import { allocate } from "@solvegrad/linalg";
import { LayerError } from "../errors.ts";
import { leastNormSolution } from "../kkt/least-norm.ts";

/** F(x, theta) in Tensor ops, of the shape of x; its root defines the layer. */
export type Optimality = (x: Tensor, ...theta: Tensor[]) => Tensor;

export interface ImplicitLayerDefinition {
  /** Computes x from theta by any means, even outside Tensor ops; it is not recorded. */
  readonly solve: (...theta: Tensor[]) => Tensor;
  /** The condition F(x, theta) = 0 that the solution satisfies. */
  readonly optimality: Optimality;
  /**
   * True when x has a leading batch axis and item i of F depends on item i of x alone: the Jacobian is then assembled
   * and solved item by item. False by default.
   */
  readonly batched?: boolean;
}

/**
 * Makes any solver a layer. Where F(x, theta) = 0, the implicit function theorem gives for a cotangent c of x
 *
 *     (dF/dx)' v = c,    cotangent of theta = -(dF/dtheta)' v,
 *
 * whatever computed x. dF/dx is assembled by one vector-Jacobian product of F an entry of x (an entry of one item when
 * `batched`), so this is for x of up to some hundred entries. Where it is singular, v is the least-squares solution of
 * least norm. The gradient is itself the solution of a linear equation, differentiated in the same way, so derivatives
 * of any order are right.
 *
 * Calling the layer throws a `LayerError` when x is not finite or F has another shape than x.
 */
export function implicitLayer({
  solve,
  optimality,
  batched = false,
}: ImplicitLayerDefinition): (...theta: Tensor[]) => Tensor {
  return (...theta) => {
    const x = noGrad(() => solve(...theta.map((value) => value.detach()))).detach();
    checkRoot(
      x,
      noGrad(() => optimality(x, ...theta)),
    );
    return rootOf(optimality, x, theta, batched);
  };
}

function checkRoot(x: Tensor, residual: Tensor): void {
  if (!x.data().every(Number.isFinite))
    throw new LayerError("implicitLayer: solve returned numbers that are not finite");
  if (residual.shape.join() !== x.shape.join()) {
    const shapes = `(${residual.shape.join(", ")}), expected that of x, (${x.shape.join(", ")})`;
    throw new LayerError(`implicitLayer: optimality has shape ${shapes}`);
  }
}

/** x on the tape as the root of F(x, theta) = 0. */
function rootOf(F: Optimality, x: Tensor, theta: readonly Tensor[], batched: boolean): Tensor {
  const [root] = customOp(
    "implicitLayer",
    theta,
    [x.value],
    ([cotangent]) => {
      if (!cotangent) return theta.map(() => null);
      const v = adjoint(F, root, theta, cotangent, batched);
      const { pullback } = vjp(F, separate(root), ...theta.map(separate));
      const [, ...gradients] = pullback(v.neg(), { createGraph: isGradEnabled() });
      return gradients.map((gradient, i) => (theta[i].requiresGrad ? gradient : null));
    },
    { differentiable: true },
  );
  return root;
}

/**
 * v with (dF/dx)' v = c. When the backward pass is recorded, v goes on the tape as what it is, the root of
 * R(v; x, c, theta) = (dF/dx)' v - c.
 */
function adjoint(F: Optimality, x: Tensor, theta: readonly Tensor[], c: Tensor, batched: boolean): Tensor {
  const v = noGrad(() => solveTransposed(jacobianRows(F, x, theta, batched), c, batched));
  if (!isGradEnabled()) return v;
  const equation: Optimality = (at, y, target, ...parameters) => {
    const { pullback } = vjp((point) => F(point, ...parameters), separate(y));
    return pullback(at, { createGraph: true })[0].sub(target);
  };
  return rootOf(equation, v, [x, c, ...theta], batched);
}

/** A tensor of the same values that derivatives can be taken at apart from `value`, linked to it where the tape records. */
function separate(value: Tensor): Tensor {
  return isGradEnabled() && value.requiresGrad ? value.mul(1) : new Tensor(value.value, true);
}

/** Row i of dF/dx, for all items at once when batched: the pullback of the i-th unit vector. */
function jacobianRows(F: Optimality, x: Tensor, theta: readonly Tensor[], batched: boolean): Tensor[] {
  const constants = theta.map((value) => value.detach());
  const { pullback } = vjp((at) => F(at, ...constants), x.detach());
  const items = batched ? x.shape[0] : 1;
  const size = x.size / items;
  return Array.from({ length: size }, (_, i) => {
    const unit = allocate(x.dtype, x.size);
    for (let item = 0; item < items; item++) unit[item * size + i] = 1;
    return pullback(tensor(unit, { shape: [...x.shape] }))[0];
  });
}

function solveTransposed(rows: readonly Tensor[], c: Tensor, batched: boolean): Tensor {
  const items = batched ? c.shape[0] : 1;
  const size = rows.length;
  const data = rows.map((row) => row.data());
  const target = Float64Array.from(c.data());
  const solution = allocate(c.dtype, c.size);
  const M = new Float64Array(size * size);
  for (let item = 0; item < items; item++) {
    for (let i = 0; i < size; i++) for (let j = 0; j < size; j++) M[j * size + i] = data[i][item * size + j];
    solution.set(leastNormSolution(M, size, target.subarray(item * size, (item + 1) * size)).x, item * size);
  }
  return tensor(solution, { shape: [...c.shape] });
}
