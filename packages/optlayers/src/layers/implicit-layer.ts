import { customOp, isGradEnabled, noGrad, Tensor, vjp } from "@solvegrad/autograd";
import { maxAbs } from "../arrays.ts";
import { checkFunction } from "../check-options.ts";
import { LayerError, OptionError } from "../errors.ts";
import { type AdjointSolver, checkedAdjoint, denseAdjoint, type RootCheck } from "./root-adjoint.ts";

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
   * The largest entry of F, in its own units, at which x counts as a root; checked when the layer is called. Unless it is given, the
   * backward pass does not believe an x that Newton's step would move by more than 1e-5 of its size (float32: 1e-2).
   */
  readonly tolerance?: number;
}

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
 * `tolerance`; without a tolerance the backward pass throws one when Newton's step (dF/dx)^-1 F shows that x is no root.
 */
export function implicitLayer({
  solve,
  optimality,
  batched = false,
  adjoint = denseAdjoint,
  tolerance,
}: ImplicitLayerDefinition): (...theta: Tensor[]) => Tensor {
  checkFunction("solve", solve, "from theta to x");
  checkFunction("optimality", optimality, "of x and theta in Tensor ops");
  if (tolerance !== undefined && !(tolerance >= 0)) throw new OptionError("tolerance", tolerance, "a number from 0 up");
  return (...theta) => {
    const x = tensorOf(
      noGrad(() => solve(...theta.map((value) => value.detach()))),
      "solve",
    );
    if (batched && x.rank === 0) throw new LayerError("implicitLayer: x has no batch axis, but batched is true");
    const residual = tensorOf(
      noGrad(() => optimality(x, ...theta)),
      "optimality",
    );
    checkRoot(x, residual, tolerance ?? Infinity);
    const check =
      tolerance === undefined ? { residual: () => residual, judge: refuseBeyond(farOff[x.dtype]) } : undefined;
    return rootOf(optimality, x, theta, { batched, adjoint, check });
  };
}

/** Newton steps by more than this share of x are not those of a solver that has converged. */
const farOff = { float64: 1e-5, float32: 1e-2 };

function refuseBeyond(limit: number): (share: number) => void {
  return (share) => {
    if (share <= limit) return;
    const step = `Newton's step would move it by ${share.toExponential(1)} of its size, expected ${limit} at most`;
    const advice = "the solver did not converge; let it go on, or pass a tolerance for |F|";
    throw new LayerError(`implicitLayer: what solve returned is no root of optimality: ${step}: ${advice}`);
  };
}

function tensorOf(value: Tensor, source: string): Tensor {
  if (value instanceof Tensor) return value.detach();
  throw new LayerError(`implicitLayer: ${source} returned a value of type ${typeof value}, expected a Tensor`);
}

function checkRoot(x: Tensor, residual: Tensor, tolerance: number): void {
  if (!x.data().every(Number.isFinite))
    throw new LayerError("implicitLayer: solve returned numbers that are not finite");
  if (residual.shape.join() !== x.shape.join()) {
    const shapes = `(${residual.shape.join(", ")}), expected that of x, (${x.shape.join(", ")})`;
    throw new LayerError(`implicitLayer: optimality has shape ${shapes}`);
  }
  const size = maxAbs(Float64Array.from(residual.data()));
  if (Number.isNaN(size)) throw new LayerError("implicitLayer: optimality is NaN at what solve returned");
  if (size <= tolerance || tolerance === Infinity) return;
  const advice = "the solver did not converge; let it go on, or raise the tolerance";
  throw new LayerError(
    `implicitLayer: |F| is ${size} at what solve returned, expected ${tolerance} at most: ${advice}`,
  );
}

interface RootOptions {
  readonly batched: boolean;
  readonly adjoint: AdjointSolver;
  /** Left out, x is believed. */
  readonly check?: RootCheck;
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
      checkNumbers(gradients, cotangent);
      return gradients.map((gradient, i) => (theta[i].requiresGrad ? gradient : null));
    },
    { differentiable: true },
  );
  return root;
}

/** A derivative that does not exist, of an item that is masked too, would make all of a shared gradient NaN. */
function checkNumbers(gradients: readonly Tensor[], cotangent: Tensor): void {
  const k = gradients.findIndex((gradient) => gradient.data().some(Number.isNaN));
  if (k < 0 || cotangent.data().some(Number.isNaN)) return;
  throw new LayerError(`the derivative of a layer's condition in its argument ${k} is not a number at the solution`);
}

/**
 * v with (dF/dx)' v = c. When the backward pass is recorded, v goes on the tape as what it is, the root of
 * R(v; x, c, theta) = (dF/dx)' v - c.
 */
function adjointOf(F: Optimality, x: Tensor, theta: readonly Tensor[], c: Tensor, options: RootOptions): Tensor {
  const constants = theta.map((value) => value.detach());
  const { pullback } = vjp((at) => F(at, ...constants), x.detach());
  const { check, ...system } = options;
  const v = noGrad(() => {
    const target = { ...system, x, c: c.detach() };
    return checkedAdjoint((direction) => pullback(direction)[0], target, check);
  });
  if (!isGradEnabled()) return v;
  const equation: Optimality = (at, y, target, ...parameters) => {
    const { pullback } = vjp((point) => F(point, ...parameters), separate(y));
    return pullback(at, { createGraph: true })[0].sub(target);
  };
  return rootOf(equation, v, [x, c, ...theta], system);
}

/** A tensor of the same values that derivatives can be taken at apart from `value`, linked to it where the tape records. */
function separate(value: Tensor): Tensor {
  return isGradEnabled() && value.requiresGrad ? value.mul(1) : new Tensor(value.value, true);
}
