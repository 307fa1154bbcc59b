import { customOp, isGradEnabled, noGrad, Tensor, tensor, vjp } from "@solvegrad/autograd";
import { allocate } from "@solvegrad/linalg";
import { maxAbs } from "../arrays.ts";
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
  /** How to solve for v below; by default `denseAdjoint`, which assembles dF/dx. */
  readonly adjoint?: AdjointSolver;
  /**
   * The largest entry of F, in its own units, at which x counts as a root: a solver that did not converge is not believed.
   * Not checked unless given.
   */
  readonly tolerance?: number;
}

/**
 * Solves (dF/dx)' v = c, given the product v -> (dF/dx)' v. The tensors have the shape of x; `batched` as in the layer's
 * definition.
 */
export type AdjointSolver = (product: (v: Tensor) => Tensor, c: Tensor, batched: boolean) => Tensor;

/**
 * Makes any solver a layer. Where F(x, theta) = 0, the implicit function theorem gives for a cotangent c of x
 *
 *     (dF/dx)' v = c,    cotangent of theta = -(dF/dtheta)' v,
 *
 * whatever computed x. By default dF/dx is assembled by one vector-Jacobian product of F an entry of x (an entry of one
 * item when `batched`), so that is for x of up to some hundred entries, and where it is singular, v is the least-squares
 * solution of least norm; an `adjoint` that needs only products goes further. The gradient is itself the solution of a linear equation, differentiated in the same way, so derivatives
 * of any order are right.
 *
 * Calling the layer throws a `LayerError` when x is not finite, F has another shape than x, or an entry of it is beyond
 * `tolerance`.
 */
export function implicitLayer({
  solve,
  optimality,
  batched = false,
  adjoint = denseAdjoint,
  tolerance = Infinity,
}: ImplicitLayerDefinition): (...theta: Tensor[]) => Tensor {
  return (...theta) => {
    const x = noGrad(() => solve(...theta.map((value) => value.detach()))).detach();
    checkRoot(
      x,
      noGrad(() => optimality(x, ...theta)),
      tolerance,
    );
    return rootOf(optimality, x, theta, { batched, adjoint });
  };
}

function checkRoot(x: Tensor, residual: Tensor, tolerance: number): void {
  if (!x.data().every(Number.isFinite))
    throw new LayerError("implicitLayer: solve returned numbers that are not finite");
  if (residual.shape.join() !== x.shape.join()) {
    const shapes = `(${residual.shape.join(", ")}), expected that of x, (${x.shape.join(", ")})`;
    throw new LayerError(`implicitLayer: optimality has shape ${shapes}`);
  }
  const size = maxAbs(Float64Array.from(residual.data()));
  if (size <= tolerance || tolerance === Infinity) return;
  const advice = "the solver did not converge; let it go on, or raise the tolerance";
  throw new LayerError(
    `implicitLayer: |F| is ${size} at what solve returned, expected ${tolerance} at most: ${advice}`,
  );
}

interface RootOptions {
  readonly batched: boolean;
  readonly adjoint: AdjointSolver;
}

/** x on the tape as the root of F(x, theta) = 0, whatever found it. */
export function rootOf(F: Optimality, x: Tensor, theta: readonly Tensor[], options: RootOptions): Tensor {
  const [root] = customOp(
    "implicitLayer",
    theta,
    [x.value],
    ([cotangent]) => {
      if (!cotangent) return theta.map(() => null);
      const v = adjointOf(F, root, theta, cotangent, options);
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
function adjointOf(F: Optimality, x: Tensor, theta: readonly Tensor[], c: Tensor, options: RootOptions): Tensor {
  const constants = theta.map((value) => value.detach());
  const { pullback } = vjp((at) => F(at, ...constants), x.detach());
  const v = noGrad(() => options.adjoint((direction) => pullback(direction)[0], c.detach(), options.batched));
  if (!isGradEnabled()) return v;
  const equation: Optimality = (at, y, target, ...parameters) => {
    const { pullback } = vjp((point) => F(point, ...parameters), separate(y));
    return pullback(at, { createGraph: true })[0].sub(target);
  };
  return rootOf(equation, v, [x, c, ...theta], options);
}

/** A tensor of the same values that derivatives can be taken at apart from `value`, linked to it where the tape records. */
function separate(value: Tensor): Tensor {
  return isGradEnabled() && value.requiresGrad ? value.mul(1) : new Tensor(value.value, true);
}

/**
 * The default `adjoint`: row i of dF/dx, for all items at once when batched, is the product with the i-th unit vector; the
 * system is solved item by item, by least squares and least norm where it is singular.
 */
export const denseAdjoint: AdjointSolver = (product, c, batched) => {
  const items = batched ? c.shape[0] : 1;
  const size = c.size / items;
  const rows = Array.from({ length: size }, (_, i) => {
    const unit = allocate(c.dtype, c.size);
    for (let item = 0; item < items; item++) unit[item * size + i] = 1;
    return product(tensor(unit, { shape: [...c.shape] })).data();
  });
  const target = Float64Array.from(c.data());
  const solution = allocate(c.dtype, c.size);
  const M = new Float64Array(size * size);
  for (let item = 0; item < items; item++) {
    for (let i = 0; i < size; i++) for (let j = 0; j < size; j++) M[j * size + i] = rows[i][item * size + j];
    solution.set(leastNormSolution(M, size, target.subarray(item * size, (item + 1) * size)).x, item * size);
  }
  return tensor(solution, { shape: [...c.shape] });
};
