import { describeShape, type Shape } from "./shape.ts";

/** Operands whose shapes do not go together. */
export class ShapeError extends RangeError {
  override readonly name = "ShapeError";
  readonly op: string;
  readonly shapes: readonly Shape[];
  readonly expected: string;
  constructor(op: string, shapes: readonly Shape[], expected: string) {
    super(
      `${op}: got ${shapes.length === 1 ? "shape" : "shapes"} ${shapes.map(describeShape).join(" and ")}, expected ${expected}`,
    );
    this.op = op;
    this.shapes = shapes;
    this.expected = expected;
  }
}

/** An axis that the tensor does not have. */
export class AxisError extends RangeError {
  override readonly name = "AxisError";
  readonly op: string;
  readonly axis: number;
  readonly rank: number;
  constructor(op: string, axis: number, rank: number) {
    super(
      `${op}: axis ${axis} is out of range, expected an integer from ${-rank} to ${rank - 1} for a tensor of rank ${rank}`,
    );
    this.op = op;
    this.axis = axis;
    this.rank = rank;
  }
}

/** A number, index or label outside of what an argument allows. */
export class ArgumentRangeError extends RangeError {
  override readonly name = "ArgumentRangeError";
  readonly op: string;
  readonly argument: string;
  constructor(op: string, argument: string, came: string, expected: string) {
    super(`${op}: ${argument} is ${came}, expected ${expected}`);
    this.op = op;
    this.argument = argument;
  }
}

/** Operands of one op with more than one dtype. Nothing is converted silently: say `t.to("float32")`. */
export class DTypeError extends TypeError {
  override readonly name = "DTypeError";
  readonly op: string;
  readonly dtypes: readonly string[];
  constructor(op: string, dtypes: readonly string[]) {
    super(`${op}: got operands of dtypes ${dtypes.join(" and ")}, expected one dtype; convert one with to(dtype)`);
    this.op = op;
    this.dtypes = dtypes;
  }
}

/** A gradient was asked for where there is none to give. */
export class GradientError extends TypeError {
  override readonly name = "GradientError";
}

/** A second derivative through an op whose backward pass was computed outside the tape. */
export class NotDifferentiableTwiceError extends TypeError {
  override readonly name = "NotDifferentiableTwiceError";
  readonly op: string;
  constructor(op: string) {
    super(
      `${op}: its backward pass is computed outside the tape, so createGraph cannot record it; ` +
        "take first derivatives only, or define the op with { differentiable: true } and a vjp written in Tensor ops",
    );
    this.op = op;
  }
}

/** A matrix that was to be factored is not positive definite. */
export class NotPositiveDefiniteError extends RangeError {
  override readonly name = "NotPositiveDefiniteError";
  /** Index in the batch (0 for a single matrix). */
  readonly item: number;
  /** Order of the first leading minor that is not positive. */
  readonly minor: number;
  constructor(op: string, item: number, minor: number) {
    super(
      `${op}: matrix ${item} of the batch is not positive definite (its leading minor of order ${minor} is not positive)`,
    );
    this.item = item;
    this.minor = minor;
  }
}
