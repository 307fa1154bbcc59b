import { transposed, type View, view } from "@solvegrad/linalg";
import { describe, expect, it } from "vitest";
import { referenceKernels as reference } from "../src/reference/index.ts";
import { fastKernelSets } from "./kernel-sets.ts";
import { generator } from "./random-views.ts";

// Sizes that cross the blocks of the wasm kernels (depth 256, 528 columns, base triangles of 64) and reach the threads of
// a BLAS; checked against identities, because the reference is slow there.

type Matrix = View<Float64Array>;

function randomMatrix(seed: number, rows: number, columns: number): Matrix {
  const random = generator(seed);
  return view(
    Float64Array.from({ length: rows * columns }, () => 2 * random() - 1),
    [rows, columns],
  );
}

const zeros = (rows: number, columns: number): Matrix => view(new Float64Array(rows * columns), [rows, columns]);

function largest(values: Float64Array): number {
  return values.reduce((worst, value) => Math.max(worst, Math.abs(value)), 0);
}

describe.each(fastKernelSets())("%s on large matrices", (_, kernels) => {
  it("multiplies so that (A B) x = A (B x)", () => {
    const A = randomMatrix(1, 301, 523);
    const B = randomMatrix(2, 523, 541);
    const x = randomMatrix(3, 541, 1);
    const [AB, Bx, ABx, difference] = [zeros(301, 541), zeros(523, 1), zeros(301, 1), zeros(301, 1)];
    kernels.gemm(1, A, B, 0, AB);
    kernels.gemm(1, B, x, 0, Bx);
    kernels.gemm(1, A, Bx, 0, ABx);
    difference.data.set(ABx.data);
    kernels.gemm(1, AB, x, -1, difference);
    expect(largest(ABx.data)).toBeGreaterThan(1);
    expect(largest(difference.data)).toBeLessThan(1e-9);
  });

  it.each([
    ["row-major", (A: Matrix) => A],
    ["column-major", (A: Matrix) => transposed(A)],
  ] as const)("applies a %s matrix to a vector as the reference does", (_order, layout) => {
    const A = layout(randomMatrix(9, 401, 401));
    const x = { ...randomMatrix(10, 401, 1), shape: [401], stride: [1] };
    const [actual, expected] = [1, 1].map(() => ({ ...x, data: x.data.slice() }));
    kernels.gemv(-2, A, x, 0.5, actual);
    reference.gemv(-2, A, x, 0.5, expected);
    expect(largest(actual.data.map((value, i) => value - expected.data[i]))).toBeLessThan(1e-11);
  });

  it.each([["lower"], ["upper"]] as const)("solves so that T (T^-1 B) = B, %s", (triangle) => {
    const n = 333;
    const T = randomMatrix(4, n, n);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        if (triangle === "lower" ? j > i : j < i) T.data[i * n + j] = 0;
        else T.data[i * n + j] = i === j ? 2 : T.data[i * n + j] / n;
      }
    }
    const B = randomMatrix(5, 550, n);
    const X = { ...B, data: B.data.slice() };
    kernels.trsm(triangle, 1, T, transposed(X));
    kernels.gemm(1, T, transposed(X), -1, transposed(B));
    expect(largest(B.data)).toBeLessThan(1e-12);
  });

  it("factors so that L L' = A, solves with it, and names a wrong pivot deep inside", () => {
    const n = 350;
    const A = zeros(n, n);
    kernels.syrk(1, randomMatrix(6, n, n), 0, A);
    for (let i = 0; i < n; i++) A.data[i * (n + 1)] += n;
    const L = { ...A, data: A.data.slice() };
    expect(kernels.potrf(L)).toBe(0);
    expect(L.data.every((value, at) => at % n <= Math.floor(at / n) || value === A.data[at])).toBe(true);
    const lower = { ...L, data: L.data.map((value, at) => (at % n > Math.floor(at / n) ? 0 : value)) };
    const product = { ...A, data: A.data.slice() };
    kernels.gemm(1, lower, transposed(lower), -1, product);
    expect(largest(product.data)).toBeLessThan(1e-10);
    const B = randomMatrix(7, n, 3);
    const X = { ...B, data: B.data.slice() };
    kernels.potrs(L, X);
    kernels.gemm(1, A, X, -1, B);
    expect(largest(B.data)).toBeLessThan(1e-11);
    A.data[300 * (n + 1)] = -1;
    expect(kernels.potrf(A)).toBe(301);
  });

  it("gives the same bits for the same call", () => {
    const A = randomMatrix(8, 130, 270);
    const [first, second] = [zeros(130, 130), zeros(130, 130)];
    kernels.syrk(1, A, 0, first);
    kernels.syrk(1, A, 0, second);
    expect(first.data.findIndex((value, at) => value !== second.data[at])).toBe(-1);
  });
});
