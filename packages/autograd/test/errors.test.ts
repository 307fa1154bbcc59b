import {
  ArgumentRangeError,
  AxisError,
  cholesky,
  choleskySolve,
  concat,
  crossEntropy,
  DTypeError,
  full,
  NotPositiveDefiniteError,
  nllLoss,
  pick,
  ShapeError,
  stack,
  type Tensor,
  tensor,
  triangularSolve,
  zeros,
} from "@solvegrad/autograd";
import { describe, expect, test } from "vitest";

const a = zeros([2, 3]);

describe("bad input is refused by an error that names the op, what came and what was expected", () => {
  const refusals: [string, () => unknown, abstract new (...args: never[]) => Error, RegExp][] = [
    [
      "shapes that do not broadcast",
      () => a.add(zeros([2])),
      ShapeError,
      /^add: got shapes \(2, 3\) and \(2\), expected shapes that broadcast/,
    ],
    ["inner extents of a product", () => a.matmul(a), ShapeError, /^matmul: .*but 3 is not 2$/],
    ["a product with a number", () => a.matmul(tensor(1)), ShapeError, /^matmul: .*rank 1 at least/],
    ["mixed dtypes", () => a.mul(zeros([2, 3], { dtype: "float32" })), DTypeError, /^mul: .*float64 and float32/],
    [
      "an axis out of range",
      () => a.sum(2),
      AxisError,
      /^sum: axis 2 is out of range, expected an integer from -2 to 1/,
    ],
    ["a broken axis", () => a.sum(0.5), AxisError, /axis 0.5/],
    ["a reshape to another size", () => a.reshape([4]), ShapeError, /^reshape: got shapes \(2, 3\) and \(4\)/],
    ["two inferred extents", () => a.reshape([-1, -1]), ShapeError, /at most one -1/],
    ["axes that are no permutation", () => a.transpose(0, 0), ArgumentRangeError, /^transpose: axes is \[0, 0\]/],
    [
      "a slice beyond the end",
      () => a.slice(1, 0, 4),
      ArgumentRangeError,
      /^slice: end is 4, expected an integer from -3 to 3/,
    ],
    ["a slice that ends before it begins", () => a.slice(1, 2, 1), ArgumentRangeError, /at least begin = 2/],
    ["broadcasting to a smaller shape", () => a.broadcastTo([3]), ShapeError, /^broadcastTo: got shape \(2, 3\)/],
    ["joining nothing", () => concat([]), ArgumentRangeError, /^concat: .*at least one tensor/],
    [
      "joining shapes that differ elsewhere",
      () => concat([a, zeros([3, 3])], 1),
      ShapeError,
      /agree in every axis but axis 1/,
    ],
    ["stacking different shapes", () => stack([a, zeros([3])]), ShapeError, /^stack: .*one shape/],
    [
      "a label that is no class",
      () => crossEntropy(a, Int32Array.of(0, 3)),
      ArgumentRangeError,
      /^crossEntropy: indices\[1\] is 3, expected an integer from 0 to 2/,
    ],
    ["a negative label", () => nllLoss(a, Int32Array.of(-1, 0)), ArgumentRangeError, /indices\[0\] is -1/],
    ["too few labels", () => crossEntropy(a, Int32Array.of(0)), ArgumentRangeError, /indices.length is 1, expected 2/],
    ["logits that are no matrix", () => crossEntropy(zeros([3]), Int32Array.of(0)), ShapeError, /\(N, C\)/],
    ["picking from a vector", () => pick(zeros([3]), Int32Array.of(0)), ShapeError, /^pick: /],
    ["a factorization of a matrix that is not square", () => cholesky(a), ShapeError, /^cholesky: .*square/],
    [
      "a right-hand side of the wrong height",
      () => choleskySolve(zeros([3, 3]), a),
      ShapeError,
      /right-hand side \(..., 3, r\)/,
    ],
    ["a triangular solve with too few axes", () => triangularSolve(zeros([3]), a), ShapeError, /square/],
    ["the mean of nothing", () => zeros([0]).mean(), ShapeError, /^mean: /],
    ["the maximum of nothing", () => zeros([2, 0]).max(1), ShapeError, /^max: /],
    ["the exponent NaN", () => a.pow(Number.NaN), ArgumentRangeError, /^pow: the exponent is NaN/],
    ["ragged arrays", () => tensor([[1, 2], [3]]), TypeError, /ragged, expected 2 entries/],
    ["arrays of mixed depth", () => tensor([1, [2]]), TypeError, /not all of one depth/],
    [
      "something that is no array",
      () => tensor("12" as unknown as number),
      TypeError,
      /expected a number, nested arrays/,
    ],
    [
      "a shape that does not fit the numbers",
      () => tensor([1, 2, 3], { shape: [2, 2] }),
      ShapeError,
      /the 3 numbers given/,
    ],
    ["a negative extent", () => full([-1], 0), ArgumentRangeError, /integer of at least 0/],
    ["the item of several entries", () => a.item(), ShapeError, /single entry/],
  ];
  test.each(refusals)("%s", (_, attempt, kind, message) => {
    expect(attempt).toThrow(kind);
    expect(attempt).toThrow(message);
  });

  test("every one of them is a TypeError or a RangeError", () => {
    for (const [, attempt] of refusals) {
      const error = caught(attempt);
      expect(error instanceof TypeError || error instanceof RangeError).toBe(true);
    }
  });

  test("a matrix of a batch that is not positive definite is named, with the minor that fails", () => {
    const H = tensor([
      [
        [2, 0],
        [0, 2],
      ],
      [
        [1, 2],
        [2, 1],
      ],
    ]);
    const error = caught(() => cholesky(H));
    expect(error).toBeInstanceOf(NotPositiveDefiniteError);
    expect(error).toMatchObject({ item: 1, minor: 2 });
  });
});

function caught(attempt: () => unknown): Error {
  try {
    attempt();
  } catch (error) {
    return error as Error;
  }
  throw new Error("nothing was thrown");
}

test("a typed array and an ndarray are used in place, and keep their dtype", () => {
  const data = Float32Array.of(1, 2, 3, 4);
  const t: Tensor = tensor(data, { shape: [2, 2] });
  expect(t.dtype).toBe("float32");
  expect(t.value.data).toBe(data);
  expect(tensor(t.value).value.data).toBe(data);
  expect(tensor(data, { dtype: "float64" }).dtype).toBe("float64");
});
