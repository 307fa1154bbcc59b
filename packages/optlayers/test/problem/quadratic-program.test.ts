import { view } from "@solvegrad/linalg";
import { describe, expect, it } from "vitest";
import { DatumRangeError, DatumTypeError, type QuadraticProgramData, quadraticProgram } from "../../src/index.ts";

const Q = [
  [2, 0.5],
  [0.5, 1],
];
const q = [1, -1];

/** What quadraticProgram throws for these data; fails when it accepts them. */
function refusal(data: unknown): DatumTypeError | DatumRangeError {
  try {
    quadraticProgram(data as QuadraticProgramData);
  } catch (error) {
    if (error instanceof DatumTypeError || error instanceof DatumRangeError) return error;
    throw error;
  }
  throw new Error("these data were accepted");
}

describe("quadraticProgram reads", () => {
  it("nested numbers, without constraints, as one item", () => {
    const problem = quadraticProgram({ Q, q });
    expect(problem).toMatchObject({ kind: "qp", n: 2, p: 0, m: 0, batch: 1, batched: false });
    expect([...problem.Q.values]).toEqual([2, 0.5, 0.5, 1]);
    expect(problem.A.shape).toEqual([0, 2]);
  });

  it("a batch from any one datum, and shares the others", () => {
    const problem = quadraticProgram({ Q, q, A: [[1, 1]], b: [[1], [2], [3]] });
    expect(problem).toMatchObject({ batch: 3, batched: true, p: 1 });
    expect(problem.b).toMatchObject({ batched: true, shape: [1] });
    expect(problem.A.batched).toBe(false);
  });

  it("strided views and Tensors in their logical order", () => {
    const transpose = { data: Float64Array.of(1, 2, 3, 4, 5, 6), shape: [3, 2], stride: [1, 3], offset: 0 };
    const problem = quadraticProgram({ Q, q, G: { value: transpose }, h: Float64Array.of(1, 1, 1) });
    expect([...problem.G.values]).toEqual([1, 4, 2, 5, 3, 6]);
  });

  it("a copy, so that a later change of the input cannot reach the problem", () => {
    const values = Float64Array.of(1, -1);
    const problem = quadraticProgram({ Q, q: values });
    values[0] = 99;
    expect(problem.q.values[0]).toBe(1);
  });

  it("a Q that is positive semidefinite but singular, zero, or asymmetric by rounding", () => {
    expect(
      quadraticProgram({
        Q: [
          [1, 1],
          [1, 1],
        ],
        q,
      }).n,
    ).toBe(2);
    expect(
      quadraticProgram({
        Q: [
          [0, 0],
          [0, 0],
        ],
        q,
      }).n,
    ).toBe(2);
    const rounded = quadraticProgram({
      Q: [
        [2, 0.5 + 1e-12],
        [0.5, 1],
      ],
      q,
    });
    expect(rounded.Q.values[1]).toBe(rounded.Q.values[2]);
  });
});

describe("quadraticProgram refuses", () => {
  it("data that are not numbers, naming the entry", () => {
    expect(refusal({ Q, q: [1, "2"] })).toBeInstanceOf(DatumTypeError);
    expect(refusal({ Q, q: [1, "2"] }).message).toContain('q[1] is the string "2"');
    expect(refusal({ Q, q: null }).message).toContain("q is missing");
    expect(refusal({ Q: [[1, 2], [3]], q }).message).toContain("Q[1] has 1 entries");
  });

  it("A without b, h without G, and names that are not data", () => {
    expect(refusal({ Q, q, A: [[1, 1]] })).toMatchObject({ name: "DatumTypeError", argument: "b" });
    expect(refusal({ Q, q, h: [1] })).toMatchObject({ name: "DatumTypeError", argument: "G" });
    expect(refusal({ Q, q, a: [[1, 1]], b: [1] })).toMatchObject({ name: "DatumTypeError", argument: "a" });
  });

  it("mixed dtypes", () => {
    const error = refusal({ Q: view(Float32Array.of(1, 0, 0, 1), [2, 2]), q: Float64Array.of(1, 1) });
    expect(error).toBeInstanceOf(DatumTypeError);
    expect(error.message).toContain("q is float64, but Q is float32");
  });

  it("a wrong shape, naming argument, shape and what was expected", () => {
    const error = refusal({ Q, q, A: [[1, 1, 1]], b: [1] });
    expect(error).toBeInstanceOf(DatumRangeError);
    expect(error).toMatchObject({ argument: "A", shape: [1, 3], expected: "(1, 2) or, batched, (B, 1, 2)" });
  });

  it("a wrong number of rows, naming the right-hand side that sets it", () => {
    const error = refusal({ Q, q, G: [[1, 1]], h: [1, 2, 3] });
    expect(error.message).toContain("G has shape (1, 2), expected (3, 2)");
    expect(error.message).toContain("(from h with m = 3 and q with n = 2)");
  });

  it("batch sizes that do not agree", () => {
    const error = refusal({ Q, q: [q, q, q], A: [[1, 1]], b: [[1], [2]] });
    expect(error).toMatchObject({ name: "DatumRangeError", argument: "b", shape: [2, 1] });
    expect(error.message).toContain("q with B = 3");
  });

  it("empty data", () => {
    expect(refusal({ Q: [], q: [] })).toBeInstanceOf(DatumRangeError);
    expect(refusal({ Q, q, A: [], b: [] }).message).toContain("leave out");
  });

  it("values that are not finite, naming the batch item and the entry", () => {
    const error = refusal({ Q, q: [q, [1, Number.NaN]] });
    expect(error).toMatchObject({ name: "DatumRangeError", argument: "q", item: 1 });
    expect(error.message).toContain("q of batch item 1 is NaN at (1)");
    expect(refusal({ Q, q, G: [[1, 1]], h: [Infinity] }).message).toContain("leave out the row");
  });

  it("a Q that is not symmetric, naming the entries", () => {
    const error = refusal({
      Q: [
        Q,
        [
          [1, 2],
          [3, 4],
        ],
      ],
      q,
    });
    expect(error).toMatchObject({ name: "DatumRangeError", argument: "Q", item: 1 });
    expect(error.message).toContain("Q[1][0] is 3, Q[0][1] is 2");
  });

  it("a Q that is not positive semidefinite, naming the batch item", () => {
    const error = refusal({
      Q: [
        Q,
        Q,
        [
          [1, 2],
          [2, 1],
        ],
      ],
      q,
    });
    expect(error).toMatchObject({ name: "DatumRangeError", argument: "Q", item: 2 });
    expect(error.message).toContain("not positive semidefinite");
    expect(
      refusal({
        Q: [
          [-1, 0],
          [0, 0],
        ],
        q,
      }),
    ).toBeInstanceOf(DatumRangeError);
  });
});
