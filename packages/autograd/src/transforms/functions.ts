import { GradientError, ShapeError } from "../errors.ts";
import { mul } from "../ops/elementwise.ts";
import { reshape, stack } from "../ops/layout.ts";
import { sum } from "../ops/reduction.ts";
import { describeShape, sameShape } from "../shape.ts";
import { type BackwardOptions, grad } from "../tape/gradient.ts";
import { withRecording } from "../tape/recording.ts";
import { Tensor } from "../tensor.ts";
import { zeroValues } from "../values.ts";

/** The value of f at some point, and the linear map from cotangents of that value to cotangents of the point. */
export interface Pullback {
  readonly value: Tensor;
  /** One cotangent for each argument of f. */
  pullback(cotangent: Tensor, options?: BackwardOptions): Tensor[];
}

/** f at `primals`, with its vector-Jacobian product there. The pullback may be called as often as wanted. */
export function vjp(f: (...primals: Tensor[]) => Tensor, ...primals: Tensor[]): Pullback {
  const at = primals.map(tracked);
  const value = withRecording(true, () => f(...at));
  return { value, pullback: (cotangent, options = {}) => grad(value, at, { ...options, cotangent }) };
}

/**
 * f at `primals`, and the Jacobian-vector product J t with one tangent t for each primal.
 *
 * By transposing twice: u -> J'u is linear, so the vector-Jacobian product of *that* map at any u is t -> J t. It costs two
 * backward passes and needs no rules of its own, but every op on the way must be differentiable twice.
 */
export function jvp(
  f: (...primals: Tensor[]) => Tensor,
  primals: readonly Tensor[],
  tangents: readonly Tensor[],
): { readonly value: Tensor; readonly tangent: Tensor } {
  checkTangents(primals, tangents);
  return withRecording(true, () => {
    const { value, pullback } = vjp(f, ...primals);
    const u = new Tensor(zeroValues(value.dtype, value.shape), true);
    const inner = pullback(u, { createGraph: true })
      .map((cotangent, i) => sum(mul(cotangent, tangents[i])))
      .reduce((total, term) => total.add(term));
    const [tangent] = inner.requiresGrad ? grad(inner, [u], { createGraph: true }) : [u.detach()];
    return { value, tangent };
  });
}

/**
 * The matrix of all partial derivatives of f at x, of shape (...shape of f(x), ...shape of x), a backward pass per row.
 * With `createGraph` it can be differentiated again, as when transforms are nested.
 */
export function jacobian(f: (x: Tensor) => Tensor, x: Tensor, options: BackwardOptions = {}): Tensor {
  const { value, pullback } = vjp(f, x);
  const shape = [...value.shape, ...x.shape];
  if (value.size === 0) return new Tensor(zeroValues(x.dtype, shape));
  const rows = Array.from({ length: value.size }, (_, i) => pullback(unit(value, i), options)[0]);
  return reshape(stack(rows), shape);
}

/** The matrix of second derivatives of a function with one number as its value: shape (...shape of x, ...shape of x). */
export function hessian(f: (x: Tensor) => Tensor, x: Tensor, options: BackwardOptions = {}): Tensor {
  return jacobian(
    (y) => {
      const value = f(y);
      if (value.size !== 1)
        throw new GradientError(`hessian: f returned shape ${describeShape(value.shape)}, expected a single number`);
      return grad(value, [y], { createGraph: true })[0];
    },
    x,
    options,
  );
}

/**
 * A new leaf of the same values, or where the tensor is on a tape already, a new node behind it, so that transforms
 * nest. Never the tensor itself: f may know it in another role, as a second argument or as a constant.
 */
function tracked(x: Tensor): Tensor {
  return x.requiresGrad ? withRecording(true, () => mul(x, 1)) : new Tensor(x.value, true);
}

/** The tensor with a one at flat position i and zeros elsewhere. */
function unit(like: Tensor, i: number): Tensor {
  const values = zeroValues(like.dtype, like.shape);
  values.data[i] = 1;
  return new Tensor(values);
}

function checkTangents(primals: readonly Tensor[], tangents: readonly Tensor[]): void {
  if (tangents.length !== primals.length)
    throw new GradientError(`jvp: got ${tangents.length} tangents, expected ${primals.length}, one for each primal`);
  primals.forEach((primal, i) => {
    if (!sameShape(primal.shape, tangents[i].shape))
      throw new ShapeError(
        "jvp",
        [tangents[i].shape],
        `tangent ${i} of its primal's shape ${describeShape(primal.shape)}`,
      );
  });
}
