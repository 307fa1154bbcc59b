import {
  apply,
  cholesky,
  gradcheck,
  noGrad,
  type Op,
  type OpName,
  type OpTable,
  opTable,
  type Tensor,
} from "@solvegrad/autograd";
import { describe, expect, expectTypeOf, test } from "vitest";
import { generic, lowerTriangular, positive, positiveDefinite } from "./sample.ts";

/** Inputs of one op, and its attributes where it takes any; a function where they depend on the inputs' values. */
interface Case {
  readonly inputs: readonly Tensor[];
  readonly attributes?: unknown;
}
type AttributesOf = (inputs: readonly Tensor[]) => unknown;

const pair: Case[] = [
  { inputs: [generic([2, 3]), generic([2, 3], 1)] },
  { inputs: [generic([2, 3]), generic([3], 1)] },
  { inputs: [generic([2, 1, 3]), generic([4, 1], 1)] },
  { inputs: [generic([]), generic([2, 2], 1)] },
  { inputs: [generic([3, 2]).transpose(), generic([2, 3], 1)] },
];
const one: Case[] = [
  { inputs: [generic([2, 3])] },
  { inputs: [generic([])] },
  { inputs: [generic([3, 2, 2]).transpose(2, 0, 1)] },
];

const factorOfFirst: AttributesOf = ([H]) => noGrad(() => cholesky(H));

/** A line for each op: `Record` makes a forgotten one a compile error. */
const cases: Record<OpName, readonly Case[]> = {
  neg: one,
  square: one,
  exp: one,
  log: [{ inputs: [positive([2, 3])] }],
  sqrt: [{ inputs: [positive([2, 3])] }],
  abs: one,
  sign: one,
  relu: one,
  tanh: one,
  sigmoid: one,
  normalCdf: [...one, { inputs: [generic([2, 3]).mul(4)] }],
  pow: [3, 2, 1, 0, -1, 0.5].map((p) => ({ inputs: [positive([2, 3])], attributes: p })),
  cast: [{ inputs: [generic([2, 3])], attributes: "float64" }],
  add: pair,
  sub: pair,
  mul: pair,
  div: pair,
  maximum: pair,
  minimum: pair,
  gate: pair,
  atLeast: pair,
  sum: [
    { inputs: [generic([2, 3, 2])], attributes: { axes: [1], keepDims: false } },
    { inputs: [generic([2, 3, 2])], attributes: { axes: [0, 2], keepDims: true } },
    { inputs: [generic([2, 3]).transpose()], attributes: { axes: [0, 1], keepDims: false } },
  ],
  broadcastTo: [{ inputs: [generic([2, 1])], attributes: [3, 2, 2] }],
  reshape: [
    { inputs: [generic([2, 6])], attributes: [3, 4] },
    { inputs: [generic([4, 3]).transpose()], attributes: [2, 6] },
  ],
  transpose: [{ inputs: [generic([2, 3, 4])], attributes: [2, 0, 1] }],
  slice: [{ inputs: [generic([2, 5])], attributes: { axis: 1, begin: 1, end: 4 } }],
  embed: [{ inputs: [generic([2, 3])], attributes: { axis: 1, begin: 1, end: 4, extent: 5 } }],
  concat: [{ inputs: [generic([2, 2]), generic([2, 1], 1), generic([3, 2], 2).transpose()], attributes: 1 }],
  matmul: [
    { inputs: [generic([2, 3]), generic([3, 4], 1)] },
    { inputs: [generic([3, 2]).transpose(), generic([4, 3], 1).transpose()] },
    { inputs: [generic([2, 2, 3]), generic([2, 3, 2], 1)] },
    { inputs: [generic([2, 3]), generic([3, 3, 2], 1)] },
    { inputs: [generic([2, 1, 2, 3]), generic([2, 3, 2], 1)] },
  ],
  cholesky: [{ inputs: [positiveDefinite([], 3)] }, { inputs: [positiveDefinite([2], 3)] }],
  triangularSolve: [false, true].flatMap((transpose) => [
    { inputs: [lowerTriangular([], 3), generic([3, 2], 1)], attributes: transpose },
    { inputs: [lowerTriangular([], 3), generic([2, 3, 1], 1)], attributes: transpose },
    { inputs: [lowerTriangular([], 3), generic([2, 3, 2], 1)], attributes: transpose },
    { inputs: [lowerTriangular([2], 3), generic([2, 3, 2], 1)], attributes: transpose },
    { inputs: [lowerTriangular([2], 3), generic([3, 2], 1)], attributes: transpose },
  ]),
  choleskySolve: [
    { inputs: [lowerTriangular([], 3), generic([3, 2], 1)] },
    { inputs: [lowerTriangular([], 3), generic([2, 3, 1], 1)] },
    { inputs: [lowerTriangular([], 3), generic([2, 3, 2], 1)] },
    { inputs: [lowerTriangular([2], 3), generic([2, 3, 2], 1)] },
  ],
  positiveDefiniteSolve: [
    { inputs: [positiveDefinite([], 3), generic([3, 2], 1)], attributes: factorOfFirst },
    { inputs: [positiveDefinite([], 3), generic([2, 3, 1], 1)], attributes: factorOfFirst },
    { inputs: [positiveDefinite([2], 3), generic([2, 3, 2], 1)], attributes: factorOfFirst },
    { inputs: [positiveDefinite([2], 3), generic([3, 2], 1)], attributes: factorOfFirst },
  ],
  lowerTriangle: [{ inputs: [generic([2, 3, 3])], attributes: 0.5 }],
  conv2d: [
    {
      inputs: [generic([2, 2, 4, 5]), generic([3, 2, 2, 3], 1), generic([3], 2)],
      attributes: { stride: 1, padding: 0 },
    },
    { inputs: [generic([1, 2, 5, 5]), generic([2, 2, 3, 3], 1)], attributes: { stride: 2, padding: 1 } },
  ],
  conv2dInput: [
    { inputs: [generic([1, 2, 3, 3]), generic([2, 2, 3, 3], 1)], attributes: { stride: 2, padding: 1, size: [5, 5] } },
  ],
  conv2dBias: [{ inputs: [generic([2, 3, 2, 2])] }],
  conv2dWeight: [
    { inputs: [generic([1, 2, 5, 5]), generic([1, 2, 3, 3], 1)], attributes: { stride: 2, padding: 1, size: [3, 3] } },
  ],
  maxPool2d: [{ inputs: [generic([1, 2, 4, 5])], attributes: { size: 2, argmax: new Int32Array(8) } }],
  takeFlat: [{ inputs: [generic([2, 3])], attributes: { indices: Int32Array.of(5, 0, 0), whole: [2, 3], part: [3] } }],
  putFlat: [{ inputs: [generic([3])], attributes: { indices: Int32Array.of(5, 0, 0), whole: [2, 3], part: [3] } }],
  logSoftmax: [
    { inputs: [generic([2, 4])], attributes: 1 },
    { inputs: [generic([3, 2, 2])], attributes: 0 },
  ],
};

describe("central differences confirm the first and the second derivative of", () => {
  for (const name of Object.keys(opTable) as OpName[]) {
    test.each(cases[name].map((c, i) => [i, c] as const))(`${name}, case %i`, (_, { inputs, attributes = null }) => {
      const op = opTable[name] as Op<unknown>;
      const attributesOf: AttributesOf =
        typeof attributes === "function" ? (attributes as AttributesOf) : () => attributes;
      const error = gradcheck((...x) => apply(op, x, attributesOf(x)), inputs, {
        order: 2,
        epsilon: 1e-5,
        tolerance: 1e-7,
      });
      expect(error).toBeLessThan(1e-7);
    });
  }
});

test("the table knows every op by its own name", () => {
  for (const [name, op] of Object.entries(opTable)) expect(op.name).toBe(name);
});

test("a table without an op, or with an op that lacks a rule, does not pass the type check", () => {
  expectTypeOf<Omit<OpTable, "relu">>().not.toExtend<OpTable>();
  expectTypeOf<Omit<OpTable["relu"], "vjp">>().not.toExtend<OpTable["relu"]>();
});
