import { DTypeError } from "../errors.ts";
import type { Shape } from "../shape.ts";
import { TapeNode } from "../tape/node.ts";
import { isRecorded } from "../tape/recording.ts";
import { Tensor } from "../tensor.ts";
import type { Values } from "../values.ts";

/**
 * A differentiable operation: a record of three rules. `Attributes` are what it takes besides tensors (an axis, a
 * stride), null for none.
 */
export interface Op<Attributes = null> {
  readonly name: string;
  /** The shape of the result. Throws a ShapeError, AxisError or ArgumentRangeError for inputs that do not fit. */
  shape(inputs: readonly Shape[], attributes: Attributes): Shape;
  /** The result, of that shape. May be a view of an input; never writes to one. */
  forward(inputs: readonly Values[], attributes: Attributes, shape: Shape): Values;
  /**
   * The vector-Jacobian product: for the cotangent of the result, those of the inputs (null for an input that has
   * none). Written in Tensor ops, which makes it differentiable in its turn.
   */
  vjp(context: VjpContext<Attributes>): readonly (Tensor | null)[];
}

export interface VjpContext<Attributes = null> {
  readonly cotangent: Tensor;
  readonly inputs: readonly Tensor[];
  readonly output: Tensor;
  readonly attributes: Attributes;
  /** Which inputs' cotangents are wanted; the others may be left null. */
  readonly needs: readonly boolean[];
}

/** Runs an op, and records it where an input requires a gradient. All inputs must have one dtype. */
export function apply(op: Op, inputs: readonly Tensor[]): Tensor;
export function apply<A>(op: Op<A>, inputs: readonly Tensor[], attributes: A): Tensor;
export function apply<A>(op: Op<A>, inputs: readonly Tensor[], attributes: A = null as A): Tensor {
  requireOneDType(op.name, inputs);
  const shape = op.shape(
    inputs.map((input) => input.shape),
    attributes,
  );
  const output = new Tensor(
    op.forward(
      inputs.map((input) => input.value),
      attributes,
      shape,
    ),
  );
  if (isRecorded(inputs)) {
    const vjp: TapeNode["vjp"] = ([cotangent], needs) =>
      cotangent ? op.vjp({ cotangent, inputs, output, attributes, needs }) : inputs.map(() => null);
    output.joinTape(new TapeNode(op.name, inputs, vjp));
  }
  return output;
}

function requireOneDType(op: string, inputs: readonly Tensor[]): void {
  for (let i = 1; i < inputs.length; i++) {
    if (inputs[i].dtype !== inputs[0].dtype) throw new DTypeError(op, [inputs[0].dtype, inputs[i].dtype]);
  }
}
