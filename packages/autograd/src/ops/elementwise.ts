import { allocate, type DType, type FloatArray } from "@solvegrad/linalg";
import { broadcastShapes } from "../axes.ts";
import { ArgumentRangeError } from "../errors.ts";
import { normalCdfValues } from "../loops/normal-cdf.ts";
import { selectWherePositive } from "../loops/select.ts";
import { Tensor } from "../tensor.ts";
import { contiguousData, window } from "../values.ts";
import { broadcasting, elementwise, linear } from "./factories.ts";
import { apply, type Op } from "./op.ts";
import { sumTo } from "./reduction.ts";

/** A tensor, or a number that stands for a tensor of rank 0 of the other operand's dtype. */
export type Operand = Tensor | number;

/** What each op of this family takes besides tensors. */
export interface ElementwiseAttributes {
  neg: null;
  square: null;
  exp: null;
  log: null;
  sqrt: null;
  abs: null;
  sign: null;
  relu: null;
  tanh: null;
  sigmoid: null;
  normalCdf: null;
  pow: number;
  cast: DType;
  add: null;
  sub: null;
  mul: null;
  div: null;
  maximum: null;
  minimum: null;
  gate: null;
  atLeast: null;
}

/** Functions of one tensor or two, entry by entry; every derivative is again made of them. */
export const elementwiseOps = {
  neg: elementwise("neg", "-x", ({ cotangent }) => neg(cotangent)),
  square: elementwise("square", "x * x", ({ cotangent, x }) => mul(cotangent, mul(x, 2))),
  exp: elementwise("exp", "Math.exp(x)", ({ cotangent, y }) => mul(cotangent, y)),
  log: elementwise("log", "Math.log(x)", ({ cotangent, x }) => div(cotangent, x)),
  sqrt: elementwise("sqrt", "Math.sqrt(x)", ({ cotangent, y }) => div(cotangent, mul(y, 2))),
  abs: elementwise("abs", "Math.abs(x)", ({ cotangent, x }) => mul(cotangent, sign(x))),
  sign: elementwise("sign", "Math.sign(x)", () => null),
  relu: {
    name: "relu",
    shape: ([x]) => x,
    forward: ([x], _, shape) => selectWherePositive(x, x, shape),
    vjp: ({ cotangent, output }) => [gate(cotangent, output)],
  } satisfies Op & { name: "relu" },
  tanh: elementwise("tanh", "Math.tanh(x)", ({ cotangent, y }) => mul(cotangent, sub(1, square(y)))),
  sigmoid: elementwise("sigmoid", "1 / (1 + Math.exp(-x))", ({ cotangent, y }) => mul(cotangent, mul(y, sub(1, y)))),
  normalCdf: {
    name: "normalCdf",
    shape: ([x]) => x,
    forward: ([x]) => normalCdfValues(x),
    vjp: ({ cotangent, inputs: [x] }) => [mul(cotangent, normalPdf(x))],
  } satisfies Op & { name: "normalCdf" },
  pow: elementwise<"pow", number>("pow", "Math.pow(x, p)", ({ cotangent, x, p }) =>
    p === 0 ? null : mul(cotangent, mul(pow(x, p - 1), p)),
  ),
  cast: linear<"cast", DType>(
    "cast",
    (x) => x,
    (x, dtype) => window(converted(contiguousData(x), dtype), x.shape),
    (cotangent, _, x) => cast(cotangent, x.dtype),
  ),
  add: broadcasting(
    "add",
    "a + b",
    ({ cotangent }) => cotangent,
    ({ cotangent }) => cotangent,
  ),
  sub: broadcasting(
    "sub",
    "a - b",
    ({ cotangent }) => cotangent,
    ({ cotangent }) => neg(cotangent),
  ),
  mul: broadcasting(
    "mul",
    "a * b",
    ({ cotangent, b }) => mul(cotangent, b),
    ({ cotangent, a }) => mul(cotangent, a),
  ),
  div: broadcasting(
    "div",
    "a / b",
    ({ cotangent, b }) => div(cotangent, b),
    ({ cotangent, b, y }) => neg(mul(cotangent, div(y, b))),
  ),
  maximum: broadcasting(
    "maximum",
    "a >= b || a !== a ? a : b",
    ({ cotangent, a, b }) => gate(cotangent, atLeast(a, b)),
    ({ cotangent, a, b }) => gate(cotangent, sub(1, atLeast(a, b))),
  ),
  minimum: broadcasting(
    "minimum",
    "a <= b || a !== a ? a : b",
    ({ cotangent, a, b }) => gate(cotangent, atLeast(b, a)),
    ({ cotangent, a, b }) => gate(cotangent, sub(1, atLeast(b, a))),
  ),
  gate: {
    name: "gate",
    shape: ([a, b]) => broadcastShapes("gate", a, b),
    forward: ([a, b], _, shape) => selectWherePositive(a, b, shape),
    vjp: ({ cotangent, inputs: [a, b] }) => [sumTo(gate(cotangent, b), a.shape), null],
  } satisfies Op & { name: "gate" },
  atLeast: broadcasting(
    "atLeast",
    "a >= b ? 1 : 0",
    () => null,
    () => null,
  ),
};

/** -x. */
export function neg(x: Tensor): Tensor {
  return apply(elementwiseOps.neg, [x]);
}

/** x^2. */
export function square(x: Tensor): Tensor {
  return apply(elementwiseOps.square, [x]);
}

/** e^x. */
export function exp(x: Tensor): Tensor {
  return apply(elementwiseOps.exp, [x]);
}

/** The natural logarithm. */
export function log(x: Tensor): Tensor {
  return apply(elementwiseOps.log, [x]);
}

/** The square root; NaN below zero. */
export function sqrt(x: Tensor): Tensor {
  return apply(elementwiseOps.sqrt, [x]);
}

/** |x|, with derivative sign(x): 0 at 0. */
export function abs(x: Tensor): Tensor {
  return apply(elementwiseOps.abs, [x]);
}

/** -1, 0 or 1; its derivative is zero. */
export function sign(x: Tensor): Tensor {
  return apply(elementwiseOps.sign, [x]);
}

/** max(x, 0), with derivative 0 at 0. NaN stays NaN. */
export function relu(x: Tensor): Tensor {
  return apply(elementwiseOps.relu, [x]);
}

/** The hyperbolic tangent. */
export function tanh(x: Tensor): Tensor {
  return apply(elementwiseOps.tanh, [x]);
}

/** 1 / (1 + e^-x). */
export function sigmoid(x: Tensor): Tensor {
  return apply(elementwiseOps.sigmoid, [x]);
}

/** The probability that a standard normal variable is at most x; its derivative is `normalPdf`. */
export function normalCdf(x: Tensor): Tensor {
  return apply(elementwiseOps.normalCdf, [x]);
}

/** The density of a standard normal variable, e^(-x^2 / 2) / sqrt(2 pi). */
export function normalPdf(x: Tensor): Tensor {
  return div(exp(mul(square(x), -0.5)), Math.sqrt(2 * Math.PI));
}

/** x^p for a number p. */
export function pow(x: Tensor, p: number): Tensor {
  if (typeof p !== "number" || Number.isNaN(p))
    throw new ArgumentRangeError("pow", "the exponent", String(p), "a number");
  return apply(elementwiseOps.pow, [x], p);
}

/** The same numbers in another dtype; differentiable. */
export function cast(x: Tensor, dtype: DType): Tensor {
  return x.dtype === dtype ? x : apply(elementwiseOps.cast, [x], dtype);
}

/** a + b, broadcast. */
export function add(a: Operand, b: Operand): Tensor {
  return apply(elementwiseOps.add, operands(a, b));
}

/** a - b, broadcast. */
export function sub(a: Operand, b: Operand): Tensor {
  return apply(elementwiseOps.sub, operands(a, b));
}

/** The entry-wise product, broadcast. */
export function mul(a: Operand, b: Operand): Tensor {
  return apply(elementwiseOps.mul, operands(a, b));
}

/** The entry-wise quotient, broadcast. */
export function div(a: Operand, b: Operand): Tensor {
  return apply(elementwiseOps.div, operands(a, b));
}

/** The larger entry of the two; where they are equal the derivative goes to a. */
export function maximum(a: Operand, b: Operand): Tensor {
  return apply(elementwiseOps.maximum, operands(a, b));
}

/** The smaller entry of the two; where they are equal the derivative goes to a. */
export function minimum(a: Operand, b: Operand): Tensor {
  return apply(elementwiseOps.minimum, operands(a, b));
}

/** a where b > 0 (or NaN), else 0: linear in a, and constant in b. */
export function gate(a: Operand, b: Operand): Tensor {
  return apply(elementwiseOps.gate, operands(a, b));
}

/** 1 where a >= b, else 0; its derivative is zero. */
export function atLeast(a: Operand, b: Operand): Tensor {
  return apply(elementwiseOps.atLeast, operands(a, b));
}

function operands(a: Operand, b: Operand): [Tensor, Tensor] {
  if (typeof a === "number") {
    if (typeof b === "number") return [scalar(a, "float64"), scalar(b, "float64")];
    return [scalar(a, b.dtype), b];
  }
  return [a, typeof b === "number" ? scalar(b, a.dtype) : b];
}

function scalar(value: number, dtype: DType): Tensor {
  const data = allocate(dtype, 1);
  data[0] = value;
  return new Tensor(window(data, []));
}

function converted(data: FloatArray, dtype: DType): FloatArray {
  return dtype === "float32" ? Float32Array.from(data) : Float64Array.from(data);
}
