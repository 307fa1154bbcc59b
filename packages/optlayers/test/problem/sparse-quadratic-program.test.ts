import { fromDense } from "@solvegrad/linalg";
import { describe, expect, it } from "vitest";
import { DatumRangeError, DatumTypeError, sparseQuadraticProgram } from "../../src/index.ts";

const identity = fromDense([2, 2], [1, 0, 0, 1]);
const row = fromDense([1, 2], [1, 1]);

describe("a sparse QP", () => {
  it("fills in what is absent: no constraints, no bounds, Q = 0", () => {
    const { n, p, m, Q, lower, upper, constant } = sparseQuadraticProgram({ q: [1, 2] });
    expect({ n, p, m, entries: Q.data.length, constant }).toEqual({ n: 2, p: 0, m: 0, entries: 0, constant: 0 });
    expect([...lower, ...upper]).toEqual([-Infinity, -Infinity, Infinity, Infinity]);
  });

  it("keeps the upper triangle of Q", () => {
    const { Q } = sparseQuadraticProgram({ Q: fromDense([2, 2], [2, 1, 1, 2]), q: [0, 0] });
    expect([...Q.data]).toEqual([2, 1, 2]);
  });

  it.each([
    ["an empty q", { q: [] }, "q is empty"],
    ["q that is not finite", { q: [0, Number.NaN] }, "q is NaN at (1)"],
    ["Q of another size", { Q: identity, q: [1, 2, 3] }, "Q is 2 x 2"],
    ["A with other columns", { q: [1, 2, 3], A: row, b: [1] }, "A is 1 x 2"],
    ["b of another length", { q: [1, 2], A: row, b: [1, 2] }, "b has 2 entries"],
    ["bounds of another length", { q: [1, 2], G: row, u: [1, 2] }, "u has 2 entries"],
    ["a lower bound of infinity", { q: [1, 2], lower: [0, Infinity] }, "lower is Infinity at (1)"],
    ["an upper bound that is no number", { q: [1, 2], upper: [0, Number.NaN] }, "upper is NaN at (1)"],
    ["Q that is not symmetric", { Q: fromDense([2, 2], [1, 1, 0, 1]), q: [0, 0] }, "Q is not symmetric"],
    ["Q with a negative diagonal", { Q: fromDense([2, 2], [1, 0, 0, -1]), q: [0, 0] }, "not positive semidefinite"],
    ["Q that is indefinite", { Q: fromDense([2, 2], [1, 2, 2, 1]), q: [0, 0] }, "not positive semidefinite"],
    ["a constant that is not finite", { q: [0], constant: Infinity }, "constant is Infinity"],
  ])("refuses %s", (_, data, message) => {
    expect(() => sparseQuadraticProgram(data)).toThrow(DatumRangeError);
    expect(() => sparseQuadraticProgram(data)).toThrow(message);
  });

  it("refuses A without b, bounds of rows without G, and names that it does not know", () => {
    expect(() => sparseQuadraticProgram({ q: [1, 2], A: row })).toThrow("b is missing, and A is there");
    expect(() => sparseQuadraticProgram({ q: [1, 2], u: [1] })).toThrow("G is missing");
    const misspelt = { q: [1, 2], bounds: [1] };
    expect(() => sparseQuadraticProgram(misspelt)).toThrow(DatumTypeError);
    expect(() => sparseQuadraticProgram(misspelt)).toThrow("unknown datum bounds");
  });

  it("accepts a singular Q that is not diagonally dominant", () => {
    const ones = new Float64Array(9).fill(1);
    expect(sparseQuadraticProgram({ Q: fromDense([3, 3], ones), q: [0, 0, 0] }).n).toBe(3);
  });
});
