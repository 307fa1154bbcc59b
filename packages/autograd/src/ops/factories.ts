import { broadcastShapes } from "../axes.ts";
import { binaryLoop, unaryLoop } from "../loops/compile.ts";
import { mapValues, zipValues } from "../loops/elementwise.ts";
import type { Shape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import type { Values } from "../values.ts";
import type { Op, VjpContext } from "./op.ts";
import { sumTo } from "./reduction.ts";

/** y = f(x) entry by entry: `expression` in `x` (and `p`, the attribute), and xbar from ybar. */
export function elementwise<Name extends string, P extends number | null = null>(
  name: Name,
  expression: string,
  cotangentOf: (context: { cotangent: Tensor; x: Tensor; y: Tensor; p: P }) => Tensor | null,
): Op<P> & { name: Name } {
  const loops = unaryLoop(expression);
  return {
    name,
    shape: ([x]) => x,
    forward: ([x], p) => mapValues(loops, x, p ?? 0),
    vjp: ({ cotangent, inputs: [x], output: y, attributes: p }) => [cotangentOf({ cotangent, x, y, p })],
  };
}

/** The partial derivative of y = f(a, b) in one operand, applied to a cotangent. */
type Partial = (context: { cotangent: Tensor; a: Tensor; b: Tensor; y: Tensor }) => Tensor | null;

/**
 * y = f(a, b) entry by entry over the common shape. The cotangent of an operand that was broadcast is summed back to
 * its shape, which is the transpose of broadcasting.
 */
export function broadcasting<Name extends string>(
  name: Name,
  expression: string,
  abar: Partial,
  bbar: Partial,
): Op & { name: Name } {
  const loops = binaryLoop(expression);
  return {
    name,
    shape: ([a, b]) => broadcastShapes(name, a, b),
    forward: ([a, b], _, shape) => zipValues(name, loops, a, b, shape),
    vjp: ({ cotangent, inputs: [a, b], output: y, needs }) =>
      [abar, bbar].map((partial, i) => {
        const c = needs[i] ? partial({ cotangent, a, b, y }) : null;
        return c && sumTo(c, [a, b][i].shape);
      }),
  };
}

/** A linear map of one tensor, with its transpose as a Tensor op: the derivative of any order is that transpose. */
export function linear<Name extends string, A>(
  name: Name,
  shape: (x: Shape, attributes: A) => Shape,
  forward: (x: Values, attributes: A, shape: Shape) => Values,
  transpose: (cotangent: Tensor, attributes: A, x: Tensor) => Tensor,
): Op<A> & { name: Name } {
  return {
    name,
    shape: ([x], attributes) => shape(x, attributes),
    forward: ([x], attributes, result) => forward(x, attributes, result),
    vjp: ({ cotangent, inputs: [x], attributes }) => [transpose(cotangent, attributes, x)],
  };
}

/** A map that is linear in each of two tensors: each operand's cotangent is another product with the other operand. */
export function bilinear<Name extends string, A>(
  name: Name,
  shape: (a: Shape, b: Shape, attributes: A) => Shape,
  forward: (a: Values, b: Values, attributes: A, shape: Shape) => Values,
  abar: (context: VjpContext<A>) => Tensor,
  bbar: (context: VjpContext<A>) => Tensor,
): Op<A> & { name: Name } {
  return {
    name,
    shape: ([a, b], attributes) => shape(a, b, attributes),
    forward: ([a, b], attributes, result) => forward(a, b, attributes, result),
    vjp: (context) => [context.needs[0] ? abar(context) : null, context.needs[1] ? bbar(context) : null],
  };
}
