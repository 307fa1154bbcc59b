import { transposed, type View, view } from "@solvegrad/linalg";
import { describe, expect, it } from "vitest";
import { referenceKernels as reference } from "../src/reference/index.ts";

// Small integers: every sum below is exact, so the expected values are equal to the last bit.
const matrix = (rows: number[][]): View<Float64Array> =>
  view(Float64Array.from(rows.flat()), [rows.length, rows[0]?.length ?? 0]);
const vector = (values: number[]): View<Float64Array> => view(Float64Array.from(values), [values.length]);

describe("the reference kernels, against values worked out by hand", () => {
  it("gemm is alpha A B + beta C", () => {
    const C = matrix([
      [1, 1],
      [1, 1],
    ]);
    reference.gemm(2, matrix([[1, 2, 3], [4, 5, 6]]), matrix([[1, 0], [0, 1], [1, 1]]), -1, C); // biome-ignore format: matrices
    expect([...C.data]).toEqual([2 * 4 - 1, 2 * 5 - 1, 2 * 10 - 1, 2 * 11 - 1]);
  });

  it("gemm with a transposed operand multiplies by the transpose", () => {
    const C = matrix([[Number.NaN, Number.NaN], [Number.NaN, Number.NaN]]); // biome-ignore format: matrices
    const A = matrix([[1, 2], [3, 4]]); // biome-ignore format: matrices
    reference.gemm(1, transposed(A), A, 0, C);
    expect([...C.data]).toEqual([10, 14, 14, 20]);
  });

  it("gemv, ger, dot and axpy follow their formulas", () => {
    const A = matrix([[1, 2], [3, 4], [5, 6]]); // biome-ignore format: matrices
    const y = vector([1, 1, 1]);
    reference.gemv(1, A, vector([1, -1]), 3, y);
    expect([...y.data]).toEqual([2, 2, 2]);
    reference.ger(2, vector([1, 2, 3]), vector([1, 10]), A);
    expect([...A.data]).toEqual([3, 22, 7, 44, 11, 66]);
    expect(reference.dot(vector([1, 2, 3]), vector([4, 5, 6]))).toBe(32);
    reference.axpy(-2, vector([1, 2, 3]), y);
    expect([...y.data]).toEqual([0, -2, -4]);
  });

  it("syrk writes both triangles", () => {
    const C = matrix([[1, 2], [2, 5]]); // biome-ignore format: matrices
    reference.syrk(1, matrix([[1, 2, 3], [4, 5, 6]]), -1, C); // biome-ignore format: matrices
    expect([...C.data]).toEqual([13, 30, 30, 72]);
  });

  it("potrf finds L with L L' = A and leaves the strict upper triangle alone", () => {
    const A = matrix([[4, 77, 77], [2, 10, 77], [-2, 5, 9]]); // biome-ignore format: matrices
    expect(reference.potrf(A)).toBe(0);
    expect([...A.data]).toEqual([2, 77, 77, 1, 3, 77, -1, 2, 2]);
  });

  it("potrf returns one more than the index of the pivot that is not positive, zero and NaN included", () => {
    expect(reference.potrf(matrix([[1, 0, 0], [0, 1, 0], [0, 2, 1]]))).toBe(3); // biome-ignore format: matrices
    expect(reference.potrf(matrix([[4, 2], [2, 1]]))).toBe(2); // biome-ignore format: matrices
    expect(reference.potrf(matrix([[Number.NaN]]))).toBe(1);
  });

  it("trsm, trsv and potrs undo multiplication by the triangle", () => {
    const L = matrix([[2, 99], [3, 4]]); // biome-ignore format: matrices
    const B = matrix([[2, 4], [11, 2]]); // biome-ignore format: matrices
    reference.trsm("lower", 1, L, B);
    expect([...B.data]).toEqual([1, 2, 2, -1]);
    const x = vector([8, 8]);
    reference.trsv("upper", transposed(L), x);
    expect([...x.data]).toEqual([1, 2]);
    const unit = vector([5, 16]);
    reference.trsv("lower", L, unit, true);
    expect([...unit.data]).toEqual([5, 1]);
    // (L L') (1, 2)' = (16, 56)'
    const b = matrix([[16], [56]]);
    reference.potrs(L, b);
    expect([...b.data]).toEqual([1, 2]);
  });

  it("float32 results are the exact result rounded once", () => {
    const C = view(new Float32Array(1), [1, 1]);
    const row = view(Float32Array.of(16777216, 1, 1), [1, 3]);
    const ones = view(Float32Array.of(1, 1, 1), [3, 1]);
    reference.gemm(1, row, ones, 0, C);
    expect(C.data[0]).toBe(16777218);
  });
});
