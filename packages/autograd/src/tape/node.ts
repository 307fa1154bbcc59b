import type { Tensor } from "../tensor.ts";

export type Cotangents = readonly (Tensor | null)[];

/**
 * A step of the computation: which tensors went in, which came out, and the vector-Jacobian product that carries
 * cotangents of the outputs to cotangents of the inputs. A node is younger than everything it depends on, so the
 * numbers of the nodes are a topological order.
 */
export class TapeNode {
  readonly number = counter.next++;
  readonly name: string;
  readonly inputs: readonly Tensor[];
  readonly outputs: Tensor[] = [];
  /** Whether the vjp is written in Tensor ops, so that it can be recorded and differentiated itself. */
  readonly differentiable: boolean;
  /** Bytes that the vjp keeps alive besides the values of inputs and outputs. */
  readonly extraBytes: number;
  readonly vjp: (cotangents: Cotangents, needs: readonly boolean[]) => Cotangents;

  constructor(
    name: string,
    inputs: readonly Tensor[],
    vjp: TapeNode["vjp"],
    options: { differentiable?: boolean; extraBytes?: number } = {},
  ) {
    this.name = name;
    this.inputs = inputs;
    this.vjp = vjp;
    this.differentiable = options.differentiable ?? true;
    this.extraBytes = options.extraBytes ?? 0;
  }
}

const counter = { next: 0 };
