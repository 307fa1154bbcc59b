import type { DType, FloatArray } from "@solvegrad/linalg";
import { ShapeError } from "./errors.ts";
import type { Operand } from "./ops/elementwise.ts";
import * as elementwise from "./ops/elementwise.ts";
import * as layout from "./ops/layout.ts";
import { logSoftmax } from "./ops/loss.ts";
import { matmul } from "./ops/matmul.ts";
import * as reduction from "./ops/reduction.ts";
import { describeShape, type Shape, sizeOf } from "./shape.ts";
import { type BackwardOptions, backward } from "./tape/gradient.ts";
import type { TapeNode } from "./tape/node.ts";
import { contiguousData, copyOf, dtypeOfValues, type Values } from "./values.ts";

/** A number, or an array of arrays ... of numbers. */
export type Nested = number | readonly Nested[];

/** What Node asks of a value that console.log shows. */
const inspect: unique symbol = Symbol.for("nodejs.util.inspect.custom");

/** A tensor of more entries is shown by its shape alone. */
const shownEntries = 1000;

/**
 * An array of numbers that knows how it was computed. Its values do not change (optimizers alone write into
 * parameters); views share memory with what they were made from.
 */
export class Tensor {
  /** The numbers, as a strided window on a typed array. */
  readonly value: Values;
  /** Whether a gradient with respect to this tensor may be asked for. True of every result of tensors that require one. */
  requiresGrad: boolean;
  /** What `backward` has accumulated here; of leaves only. */
  grad: Tensor | null = null;
  /** The step of the tape that made this tensor; null for a leaf. */
  node: TapeNode | null = null;

  constructor(value: Values, requiresGrad = false) {
    this.value = value;
    this.requiresGrad = requiresGrad;
  }

  get dtype(): DType {
    return dtypeOfValues(this.value);
  }
  get shape(): Shape {
    return this.value.shape;
  }
  get rank(): number {
    return this.value.shape.length;
  }
  get size(): number {
    return this.value.size;
  }

  /** Makes this tensor the next output of a tape node. For those who put ops on the tape. */
  joinTape(node: TapeNode): void {
    node.outputs.push(this);
    this.node = node;
    this.requiresGrad = true;
  }

  /** The entries in row-major order. Shares memory with the tensor where its entries are contiguous: do not write to it. */
  data(): FloatArray {
    return contiguousData(this.value);
  }
  /** The number in a tensor of one entry. */
  item(): number {
    if (this.size === 1) return this.data()[0];
    throw new ShapeError("item", [this.shape], "a tensor with a single entry");
  }
  /** The entries as nested arrays. */
  toArray(): Nested {
    return nested(this.data(), this.shape, 0);
  }
  toString(): string {
    return `Tensor(${JSON.stringify(this.toArray())}, ${this.dtype})`;
  }
  [inspect](): string {
    return this.size > shownEntries ? `Tensor(of shape ${describeShape(this.shape)}, ${this.dtype})` : this.toString();
  }
  /** A copy of the values, with no history. */
  clone(): Tensor {
    return new Tensor(copyOf(this.value));
  }
  /** The same values with no history, sharing memory. */
  detach(): Tensor {
    return new Tensor(this.value);
  }
  /**
   * Adds the gradient of this tensor (of <cotangent, this> when it has more than one entry) to the `grad` of every
   * leaf that requires one. Can be called again: the tape is kept. Throws a GradientError when nothing requires a
   * gradient or the cotangent is missing.
   */
  backward(cotangent?: Tensor, options?: BackwardOptions): void {
    backward(this, cotangent, options);
  }

  to(dtype: DType): Tensor {
    return elementwise.cast(this, dtype);
  }
  add(other: Operand): Tensor {
    return elementwise.add(this, other);
  }
  sub(other: Operand): Tensor {
    return elementwise.sub(this, other);
  }
  mul(other: Operand): Tensor {
    return elementwise.mul(this, other);
  }
  div(other: Operand): Tensor {
    return elementwise.div(this, other);
  }
  maximum(other: Operand): Tensor {
    return elementwise.maximum(this, other);
  }
  minimum(other: Operand): Tensor {
    return elementwise.minimum(this, other);
  }
  neg(): Tensor {
    return elementwise.neg(this);
  }
  square(): Tensor {
    return elementwise.square(this);
  }
  pow(p: number): Tensor {
    return elementwise.pow(this, p);
  }
  exp(): Tensor {
    return elementwise.exp(this);
  }
  log(): Tensor {
    return elementwise.log(this);
  }
  sqrt(): Tensor {
    return elementwise.sqrt(this);
  }
  abs(): Tensor {
    return elementwise.abs(this);
  }
  relu(): Tensor {
    return elementwise.relu(this);
  }
  tanh(): Tensor {
    return elementwise.tanh(this);
  }
  sigmoid(): Tensor {
    return elementwise.sigmoid(this);
  }
  sum(axis?: number | readonly number[], keepDims?: boolean): Tensor {
    return reduction.sum(this, axis, keepDims);
  }
  mean(axis?: number | readonly number[], keepDims?: boolean): Tensor {
    return reduction.mean(this, axis, keepDims);
  }
  max(axis: number, keepDims?: boolean): Tensor {
    return reduction.max(this, axis, keepDims);
  }
  argmax(axis: number): Int32Array {
    return reduction.argmax(this, axis);
  }
  broadcastTo(shape: Shape): Tensor {
    return reduction.broadcastTo(this, shape);
  }
  matmul(other: Tensor): Tensor {
    return matmul(this, other);
  }
  reshape(shape: Shape): Tensor {
    return layout.reshape(this, shape);
  }
  transpose(...axes: number[]): Tensor {
    return layout.transpose(this, axes.length > 0 ? axes : undefined);
  }
  swapLastTwo(): Tensor {
    return layout.swapLastTwo(this);
  }
  slice(axis: number, begin: number, end?: number): Tensor {
    return layout.slice(this, axis, begin, end);
  }
  logSoftmax(axis?: number): Tensor {
    return logSoftmax(this, axis);
  }
}

function nested(data: FloatArray, shape: Shape, start: number): Nested {
  if (shape.length === 0) return data[start];
  const [extent, ...rest] = shape;
  const step = sizeOf(rest);
  return Array.from({ length: extent }, (_, i) => nested(data, rest, start + i * step));
}
