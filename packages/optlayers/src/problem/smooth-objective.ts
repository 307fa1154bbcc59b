import { grad, noGrad, Tensor, tensor, withRecording } from "@solvegrad/autograd";
import { symmetrize } from "../arrays.ts";
import { LayerError } from "../errors.ts";

/**
 * f(x, theta) in Tensor ops, in float64. x is (n) and the result a single number; batched, x is (B, n) and the result
 * (B), whose item i depends on item i of x alone. theta come as they are, with a leading batch axis or without.
 */
export type ObjectiveFunction = (x: Tensor, ...theta: Tensor[]) => Tensor;

/** How many variables an objective has, and of how many items it is evaluated at once. */
export interface ObjectiveShape {
  readonly n: number;
  readonly batch: number;
  readonly batched: boolean;
}

/**
 * A twice differentiable f(x; theta) of every item of a batch with its derivatives, by automatic differentiation of the
 * caller's Tensor ops. Points and directions are batch x n, row by row.
 *
 * Outside the domain of f its value counts as +infinity, so that line searches turn back. The theta's are constants here: a
 * gradient that a caller's Tensors record goes by way of `mixed`.
 */
export class SmoothObjective {
  private readonly f: ObjectiveFunction;
  private readonly theta: readonly Tensor[];
  private readonly shape: ObjectiveShape;

  constructor(f: ObjectiveFunction, theta: readonly Tensor[], shape: ObjectiveShape) {
    this.f = f;
    this.theta = theta.map((value) => value.detach().to("float64"));
    this.shape = shape;
  }

  /** f of every item; +infinity outside its domain. */
  value(x: Float64Array): Float64Array {
    return inDomain(noGrad(() => this.evaluate(this.rows(x), this.theta)));
  }

  /** f with its derivatives in x at one point. */
  at(x: Float64Array): SmoothPoint {
    const point = this.rows(x.slice(), true);
    const value = withRecording(true, () => this.evaluate(point, this.theta));
    return new SmoothPoint(point, value, this.shape);
  }

  /** The cotangent of each theta: the gradient in theta of sum_i u_i' grad_x f(x_i; theta). */
  mixed(x: Float64Array, u: Float64Array): Float64Array[] {
    const { slope, theta } = this.taped(x, (point, value) => derivative(value, [point])[0].mul(this.rows(u)).sum());
    return grad(slope, theta).map((gradient) => Float64Array.from(gradient.data()));
  }

  /** d/dtheta grad_x f . dtheta, batch x n; a theta whose tangent is missing stays. */
  mixedTangent(x: Float64Array, tangents: readonly (Float64Array | undefined)[]): Float64Array {
    const { slope, point } = this.taped(x, (_, value, theta) => {
      const moving = theta.flatMap((leaf, k) => (tangents[k] ? [{ leaf, tangent: tangents[k] }] : []));
      const slopes = derivative(
        value,
        moving.map(({ leaf }) => leaf),
      );
      return slopes
        .map((gradient, k) => gradient.mul(tensor(moving[k].tangent, { shape: [...gradient.shape] })).sum())
        .reduce((total, part) => total.add(part), tensor(0));
    });
    return Float64Array.from(grad(slope, [point])[0].data());
  }

  /** A number made of first derivatives, on a tape of x and of the theta's. */
  private taped(x: Float64Array, slopeOf: (point: Tensor, value: Tensor, theta: readonly Tensor[]) => Tensor) {
    const point = this.rows(x, true);
    const theta = this.theta.map((leaf) => new Tensor(leaf.value, true));
    const slope = withRecording(true, () => slopeOf(point, this.evaluate(point, theta), theta));
    return { slope, point, theta };
  }

  private rows(values: Float64Array, requiresGrad = false): Tensor {
    const { n, batch, batched } = this.shape;
    return tensor(values, { shape: batched ? [batch, n] : [n], requiresGrad });
  }

  private evaluate(x: Tensor, theta: readonly Tensor[]): Tensor {
    const value: unknown = this.f(x, ...theta);
    const { batch, batched } = this.shape;
    const expected = batched ? `(${batch}), one number an item,` : "(), a single number,";
    const wish = `expected a Tensor of shape ${expected} for x of shape (${x.shape.join(", ")})`;
    if (!(value instanceof Tensor)) {
      const what =
        value === null || value === undefined ? String(value) : `a ${value.constructor?.name ?? typeof value}`;
      throw new LayerError(`objective returned ${what}, ${wish}`);
    }
    if (value.shape.join() !== (batched ? `${batch}` : "")) {
      throw new LayerError(`objective returned shape (${value.shape.join(", ")}), ${wish}`);
    }
    if (value.dtype !== "float64") {
      throw new LayerError(
        `objective returned ${value.dtype}, ${wish} in float64, the dtype of the x that it is given`,
      );
    }
    return value;
  }
}

/** f at one point, with the tape that its derivatives in x come from. */
export class SmoothPoint {
  /** f of every item; +infinity outside its domain. */
  readonly value: Float64Array;
  /** Batch x n. */
  readonly gradient: Float64Array;
  private readonly x: Tensor;
  private readonly slope: Tensor;
  private readonly shape: ObjectiveShape;

  constructor(x: Tensor, value: Tensor, shape: ObjectiveShape) {
    this.x = x;
    this.shape = shape;
    this.slope = withRecording(true, () => derivative(value, [x])[0]);
    this.value = inDomain(value);
    this.gradient = Float64Array.from(this.slope.data());
  }

  /** The Hessian's product with a direction of every item, batch x n. */
  hessianProduct(v: Float64Array): Float64Array {
    const cotangent = tensor(v, { shape: [...this.x.shape] });
    return Float64Array.from(grad(this.slope, [this.x], { cotangent })[0].data());
  }

  /** The Hessian of every item, batch x n x n: n pullbacks of the gradient, of all items at once. */
  hessian(): Float64Array {
    const { n, batch } = this.shape;
    const H = new Float64Array(batch * n * n);
    const unit = new Float64Array(batch * n);
    for (let j = 0; j < n; j++) {
      for (let i = 0; i < batch; i++) unit[i * n + j] = 1;
      const column = this.hessianProduct(unit);
      for (let i = 0; i < batch; i++) {
        unit[i * n + j] = 0;
        H.set(column.subarray(i * n, (i + 1) * n), (i * n + j) * n);
      }
    }
    return symmetrize(H, n);
  }
}

/** The gradient of the items' sum, on the tape. */
function derivative(value: Tensor, inputs: readonly Tensor[]): Tensor[] {
  const cotangent = tensor(new Float64Array(value.size).fill(1), { shape: [...value.shape] });
  return grad(value, inputs, { cotangent, createGraph: true });
}

function inDomain(value: Tensor): Float64Array {
  return Float64Array.from(value.data(), (one) => (Number.isNaN(one) ? Infinity : one));
}
