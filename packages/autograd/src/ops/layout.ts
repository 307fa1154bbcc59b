import { normalizeAxis } from "../axes.ts";
import { ArgumentRangeError, ShapeError } from "../errors.ts";
import { assignValues } from "../loops/assign.ts";
import { describeShape, type Shape, sameShape, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { dtypeOfValues, reshapeValues, type Values, window, zeroValues } from "../values.ts";
import { linear } from "./factories.ts";
import { apply, type Op } from "./op.ts";

/** The entries begin..end-1 along an axis. */
interface Range {
  readonly axis: number;
  readonly begin: number;
  readonly end: number;
}

export interface LayoutAttributes {
  reshape: Shape;
  transpose: readonly number[];
  slice: Range;
  embed: Range & { readonly extent: number };
  concat: number;
}

const concatOp: Op<number> & { name: "concat" } = {
  name: "concat",
  shape: (shapes, axis) => concatShape(shapes, axis),
  forward(inputs, axis, shape) {
    const y = zeroValues(dtypeOfValues(inputs[0]), shape);
    let begin = 0;
    for (const x of inputs) {
      const end = begin + x.shape[axis];
      assignValues(rangeOf(y, { axis, begin, end }), x);
      begin = end;
    }
    return y;
  },
  vjp({ cotangent, inputs, attributes: axis, needs }) {
    let end = 0;
    return inputs.map((x, i) => {
      const begin = end;
      end += x.shape[axis];
      return needs[i] ? slice(cotangent, axis, begin, end) : null;
    });
  },
};

export const layoutOps = {
  reshape: linear<"reshape", Shape>(
    "reshape",
    (_, shape) => shape,
    (x, shape) => reshapeValues(x, shape),
    (cotangent, _, x) => reshape(cotangent, x.shape),
  ),
  transpose: linear<"transpose", readonly number[]>(
    "transpose",
    (x, axes) => axes.map((axis) => x[axis]),
    (x, axes, shape) =>
      window(
        x.data,
        shape,
        axes.map((axis) => x.stride[axis]),
        x.offset,
      ),
    (cotangent, axes) => transpose(cotangent, inversePermutation(axes)),
  ),
  slice: linear<"slice", Range>(
    "slice",
    (x, { axis, begin, end }) => x.map((extent, i) => (i === axis ? end - begin : extent)),
    (x, range) => rangeOf(x, range),
    (cotangent, range, x) => embed(cotangent, range, x.shape[range.axis]),
  ),
  embed: linear<"embed", LayoutAttributes["embed"]>(
    "embed",
    (x, { axis, extent }) => x.map((e, i) => (i === axis ? extent : e)),
    (x, range, shape) => {
      const y = zeroValues(dtypeOfValues(x), shape);
      assignValues(rangeOf(y, range), x);
      return y;
    },
    (cotangent, { axis, begin, end }) => slice(cotangent, axis, begin, end),
  ),
  concat: concatOp,
};

/**
 * The same entries, in row-major order, under another shape of the same size; one extent may be -1 and is inferred.
 * A view where strides allow it.
 */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const known = inferredShape(x.shape, shape);
  return sameShape(x.shape, known) ? x : apply(layoutOps.reshape, [x], known);
}

/** A view with the axes in another order: axis i of the result is axis axes[i] of x. Without `axes`, the order is reversed. */
export function transpose(x: Tensor, axes?: readonly number[]): Tensor {
  const order = (axes ?? x.shape.map((_, axis) => x.rank - 1 - axis)).map((axis) =>
    normalizeAxis("transpose", axis, x.rank),
  );
  if (order.length !== x.rank || new Set(order).size !== x.rank) {
    throw new ArgumentRangeError(
      "transpose",
      "axes",
      `[${order.join(", ")}]`,
      `a permutation of the ${x.rank} axes of shape ${describeShape(x.shape)}`,
    );
  }
  return apply(layoutOps.transpose, [x], order);
}

/** A view with the last two axes swapped: the transpose of every matrix of a batch. */
export function swapLastTwo(x: Tensor): Tensor {
  if (x.rank < 2) throw new ShapeError("swapLastTwo", [x.shape], "at least two axes");
  const axes = x.shape.map((_, axis) => axis);
  return transpose(x, [...axes.slice(0, -2), x.rank - 1, x.rank - 2]);
}

/** A view of the entries begin..end-1 along an axis. Negative positions count from the end; `end` is by default the extent. */
export function slice(x: Tensor, axis: number, begin: number, end?: number): Tensor {
  const at = normalizeAxis("slice", axis, x.rank);
  const extent = x.shape[at];
  const from = position("begin", begin, extent);
  const to = position("end", end ?? extent, extent);
  if (to < from) throw new ArgumentRangeError("slice", "end", String(end), `at least begin = ${begin}`);
  return apply(layoutOps.slice, [x], { axis: at, begin: from, end: to });
}

/** Tensors that agree in every other axis, one after another along `axis`. */
export function concat(tensors: readonly Tensor[], axis = 0): Tensor {
  if (tensors.length === 0) throw new ArgumentRangeError("concat", "tensors", "an empty list", "at least one tensor");
  return apply(concatOp, tensors, normalizeAxis("concat", axis, tensors[0].rank));
}

/** Tensors of one shape, one after another along a new axis. */
export function stack(tensors: readonly Tensor[], axis = 0): Tensor {
  if (tensors.length === 0) throw new ArgumentRangeError("stack", "tensors", "an empty list", "at least one tensor");
  const at = normalizeAxis("stack", axis, tensors[0].rank + 1);
  const { shape } = tensors[0];
  const odd = tensors.find((t) => !sameShape(t.shape, shape));
  if (odd) throw new ShapeError("stack", [shape, odd.shape], "tensors of one shape");
  return concat(
    tensors.map((t) => reshape(t, [...shape.slice(0, at), 1, ...shape.slice(at)])),
    at,
  );
}

/** Zeros of extent `extent` along the range's axis, with x in the range: the transpose of a slice. */
function embed(x: Tensor, { axis, begin, end }: Range, extent: number): Tensor {
  return apply(layoutOps.embed, [x], { axis, begin, end, extent });
}

function rangeOf(x: Values, { axis, begin, end }: Range): Values {
  const shape = x.shape.map((extent, i) => (i === axis ? end - begin : extent));
  return window(x.data, shape, x.stride, x.offset + begin * x.stride[axis]);
}

function position(argument: string, value: number, extent: number): number {
  const at = value < 0 ? value + extent : value;
  if (!Number.isInteger(value) || at < 0 || at > extent)
    throw new ArgumentRangeError("slice", argument, String(value), `an integer from ${-extent} to ${extent}`);
  return at;
}

function inferredShape(from: Shape, to: Shape): number[] {
  const free = to.indexOf(-1);
  const known = to.reduce((product, extent) => (extent === -1 ? product : product * extent), 1);
  const shape = to.map((extent, axis) => (axis === free && known > 0 ? sizeOf(from) / known : extent));
  if (shape.some((extent) => !Number.isInteger(extent) || extent < 0) || sizeOf(shape) !== sizeOf(from)) {
    throw new ShapeError("reshape", [from, to], `a new shape of the same size, ${sizeOf(from)}, with at most one -1`);
  }
  return shape;
}

function inversePermutation(axes: readonly number[]): number[] {
  const inverse = new Array<number>(axes.length);
  axes.forEach((axis, i) => {
    inverse[axis] = i;
  });
  return inverse;
}

function concatShape(shapes: readonly Shape[], axis: number): Shape {
  const [first] = shapes;
  const fits = (shape: Shape) =>
    shape.length === first.length && shape.every((extent, i) => i === axis || extent === first[i]);
  const odd = shapes.find((shape) => !fits(shape));
  if (odd) throw new ShapeError("concat", [first, odd], `shapes that agree in every axis but axis ${axis}`);
  return first.map((extent, i) => (i === axis ? shapes.reduce((total, shape) => total + shape[axis], 0) : extent));
}
