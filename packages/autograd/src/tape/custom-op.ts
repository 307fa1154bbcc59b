import { GradientError } from "../errors.ts";
import { Tensor } from "../tensor.ts";
import type { Values } from "../values.ts";
import { type Cotangents, TapeNode } from "./node.ts";
import { isRecorded, noGrad } from "./recording.ts";

export interface CustomOpOptions {
  /** Says that `vjp` is written in Tensor ops, so that second derivatives may pass through it. */
  readonly differentiable?: boolean;
  /** Bytes that `vjp` keeps alive besides the values of inputs and outputs, for `tapeBytes`. */
  readonly extraBytes?: number;
}

/**
 * Puts a computation that was done elsewhere on the tape: `outputs` were computed from `inputs`, and `vjp` carries one
 * cotangent per output (null for an output that was not used) to one per input (null where none is needed).
 *
 * The vjp runs without recording. Asked for a second derivative, the op throws a NotDifferentiableTwiceError that
 * names it, unless `differentiable: true` promises a vjp in Tensor ops.
 */
export function customOp(
  name: string,
  inputs: readonly Tensor[],
  outputs: readonly Values[],
  vjp: (cotangents: Cotangents) => Cotangents,
  options: CustomOpOptions = {},
): Tensor[] {
  const tensors = outputs.map((values) => new Tensor(values));
  if (!isRecorded(inputs)) return tensors;
  const differentiable = options.differentiable ?? false;
  const checked = (cotangents: Cotangents) => {
    const result = differentiable ? vjp(cotangents) : noGrad(() => vjp(cotangents));
    if (result.length === inputs.length) return result;
    throw new GradientError(
      `${name}: its vjp returned ${result.length} cotangents, expected ${inputs.length}, one for each input`,
    );
  };
  const node = new TapeNode(name, inputs, checked, { ...options, differentiable });
  for (const tensor of tensors) tensor.joinTape(node);
  return tensors;
}
