import { log, type Tensor, tensor } from "@solvegrad/autograd";
import { describe, expect, it } from "vitest";
import {
  type ConvexProgramData,
  convexNames,
  convexProgram,
  DatumRangeError,
  DatumTypeError,
  LayerError,
} from "../../src/index.ts";

const square = (x: Tensor) => x.square().sum(-1);

describe("convexProgram", () => {
  it("takes the number of variables from n, A, G or start, and that of items from batch or any batched datum", () => {
    expect(convexProgram({ objective: square, n: 3 })).toMatchObject({ n: 3, p: 0, m: 0, batch: 1, batched: false });
    expect(convexProgram({ objective: square, A: [[1, 2]], b: [3] })).toMatchObject({ n: 2, p: 1, m: 0 });
    expect(convexProgram({ objective: square, start: [1, 2, 3, 4] })).toMatchObject({ n: 4, batched: false });
    expect(convexProgram({ objective: square, n: 2, batch: 3 })).toMatchObject({ batch: 3, batched: true });
    expect(convexProgram({ objective: square, G: [[1]], h: [[1], [2]] })).toMatchObject({ n: 1, m: 1, batch: 2 });
    expect(convexProgram({ objective: square, start: [1, 2], batch: 2 }).start.values).toEqual(
      Float64Array.of(1, 2, 1, 2),
    );
  });

  it("names the theta's by their place and keeps their shapes", () => {
    const program = convexProgram({
      objective: (x, c, w) => x.sub(c).square().mul(w).sum(-1),
      theta: [tensor(Float32Array.of(1, 2)), 3],
      n: 2,
    });
    expect(convexNames(program)).toEqual(["theta0", "theta1", "A", "b", "G", "h"]);
    expect(program.theta0).toEqual({ values: Float64Array.of(1, 2), shape: [2], batched: false });
    expect(program.theta1.shape).toEqual([]);
  });

  it.each<[string, ConvexProgramData, RegExp]>([
    ["no way to know n", { objective: square }, /^n is missing; expected n, start, A or G/],
    ["a start of another size", { objective: square, n: 2, start: [1] }, /^start has shape \(1\), expected \(2\)/],
    ["an A of another size", { objective: square, n: 2, A: [[1]], b: [1] }, /^A has shape \(1, 1\), expected \(1, 2\)/],
    ["numbers that are not finite", { objective: square, A: [[Number.NaN]], b: [1] }, /^A is NaN at \(0, 0\)/],
    [
      "a theta that is not finite",
      { objective: square, n: 1, theta: [[Infinity]] },
      /^theta0 is Infinity at \(0\); expected finite numbers/,
    ],
    [
      "a start outside of the domain",
      { objective: (x) => log(x).sum(-1).neg(), n: 2 },
      /^the objective is not defined at start \(its value is not finite; zeros unless given\)/,
    ],
    [
      "a start with an infinite slope, in the item that has it",
      { objective: (x) => x.sqrt().sum(-1).neg(), start: [[1], [0]] },
      /^the objective is not defined at start of batch item 1 \(its gradient is not finite/,
    ],
    [
      "another batch than the data's",
      { objective: square, batch: 2, G: [[1]], h: [[1], [2], [3]] },
      /^h has shape \(3, 1\)/,
    ],
  ])("refuses %s in one line", (_what, data, message) => {
    const attempt = () => convexProgram(data);
    expect(attempt).toThrow(message);
    expect(attempt).toThrow(data.n || data.start || data.A || data.G ? DatumRangeError : DatumTypeError);
  });

  it("refuses an unknown name, a b without A, and what is no function", () => {
    const bad = (data: object) => () => convexProgram(data as ConvexProgramData);
    expect(bad({ objective: square, n: 1, Q: [[1]] })).toThrow(/^Q is not a datum of a convex program/);
    expect(bad({ objective: square, n: 1, b: [1] })).toThrow(/^b came without A/);
    expect(bad({ n: 1 })).toThrow(/^objective is missing; expected a function f\(x, ...theta\) in Tensor ops/);
    expect(bad({ objective: square, n: 1, theta: ["a"] })).toThrow(/^theta0 is the string "a"/);
  });

  it("refuses an objective that returns something else than one number an item", () => {
    expect(() => convexProgram({ objective: (x) => x, n: 2 })).toThrow(LayerError);
    expect(() => convexProgram({ objective: (x) => x.square().sum(), n: 2, batch: 2 })).toThrow(
      /^objective returned shape \(\), expected a Tensor of shape \(2\), one number an item, for x of shape \(2, 2\)/,
    );
  });
});
