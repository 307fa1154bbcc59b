import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  addProduct,
  addSymmetricProduct,
  addTransposedProduct,
  fromDense,
  fromTriplets,
  permuteSymmetric,
  SparseMatrixError,
  sparseMatrix,
  sparseProduct,
  sparseSum,
  sparseTranspose,
  sparseZeros,
  toDense,
  transposeWithMap,
  upperTriangle,
} from "../../src/sparse/index.ts";
import { denseSymmetric, quasiDefinite, sparseOf } from "./random-sparse.ts";

const sizes = fc.record({ rows: fc.nat(8), columns: fc.nat(8), inner: fc.nat(8) });

function denseProduct(A: Float64Array, B: Float64Array, rows: number, inner: number, columns: number): number[] {
  const entry = (i: number, j: number) => {
    let sum = 0;
    for (let k = 0; k < inner; k++) sum += A[i * inner + k] * B[k * columns + j];
    return sum;
  };
  return Array.from({ length: rows * columns }, (_, at) => entry(Math.floor(at / columns), at % columns));
}

describe("validated compressed columns", () => {
  it.each([
    ["a shape that is no count", [-1, 2], [0, 0, 0], [], [], "shape is -1 x 2"],
    ["too few column pointers", [2, 2], [0, 1], [0], [1], "indptr has 2 entries, expected 3"],
    ["as many rows as values", [2, 1], [0, 1], [0], [1, 2], "indices has 1 entries and data 2"],
    ["pointers that do not end at the entries", [2, 1], [0, 2], [0], [1], "indptr runs from 0 to 2"],
    ["pointers that fall", [2, 3], [0, 2, 1, 2], [0, 1], [1, 2], "indptr falls from 2 to 1 at column 1"],
    ["a row outside", [2, 1], [0, 1], [2], [1], "column 0 has an entry in row 2"],
    ["a row that is no integer", [2, 1], [0, 1], [0.5], [1], "column 0 has an entry in row 0.5"],
    ["rows that do not rise", [3, 1], [0, 2], [1, 1], [1, 2], "column 0 has row 1 after row 1"],
    ["a value that is not finite", [1, 1], [0, 1], [0], [Number.NaN], "entry (0, 0) is NaN"],
  ] as const)("refuses %s", (_, shape, indptr, indices, data, message) => {
    expect(() => sparseMatrix(shape, indptr, indices, data)).toThrow(SparseMatrixError);
    expect(() => sparseMatrix(shape, indptr, indices, data)).toThrow(message);
  });

  it("refuses a triplet outside the shape, and one that is not finite", () => {
    expect(() => fromTriplets([2, 2], [[2, 0, 1]])).toThrow("entry (2, 0)");
    expect(() => fromTriplets([2, 2], [[0, 0, Infinity]])).toThrow("entry (0, 0) is Infinity");
  });

  it("sums triplets of one place and sorts the others", () => {
    const A = fromTriplets(
      [2, 2],
      [
        [1, 0, 3],
        [0, 1, 5],
        [1, 0, 4],
      ],
    );
    expect([...toDense(A)]).toEqual([0, 5, 7, 0]);
    expect([...A.indptr]).toEqual([0, 1, 2]);
  });

  it("comes back from the dense form unchanged, with columns and rows of length zero too", () => {
    fc.assert(
      fc.property(
        sizes.chain(({ rows, columns }) => sparseOf(rows, columns)),
        (A) => {
          const again = fromDense(A.shape, toDense(A));
          expect(toDense(again)).toEqual(toDense(A));
          const checked = sparseMatrix(A.shape, [...A.indptr], [...A.indices], [...A.data]);
          expect(checked).toEqual(A);
        },
      ),
    );
  });
});

describe("operations agree with the dense ones", () => {
  const pairs = sizes.chain(({ rows, columns, inner }) =>
    fc.tuple(sparseOf(rows, inner), sparseOf(inner, columns), sparseOf(rows, inner)),
  );

  it("transpose, product and weighted sum", () => {
    fc.assert(
      fc.property(pairs, ([A, B, C]) => {
        const [rows, inner] = A.shape;
        const columns = B.shape[1];
        // eighths are exact, so the sums are too
        expect([...toDense(sparseProduct(A, B))]).toEqual(denseProduct(toDense(A), toDense(B), rows, inner, columns));
        expect([...toDense(sparseSum(2, A, -0.5, C))]).toEqual(
          [...toDense(A)].map((value, k) => 2 * value - 0.5 * toDense(C)[k]),
        );
        const transposed = toDense(sparseTranspose(A));
        toDense(A).forEach((value, k) => {
          expect(transposed[(k % inner) * rows + Math.floor(k / inner)]).toBe(value);
        });
      }),
    );
  });

  it("a transpose's map carries new values over", () => {
    fc.assert(
      fc.property(
        sizes.chain(({ rows, columns }) => sparseOf(rows, columns)),
        (A) => {
          const { matrix, source } = transposeWithMap(A);
          const later = A.data.map((value) => 3 * value + 1);
          const carried = { ...matrix, data: Float64Array.from(source, (k) => later[k]) };
          expect(toDense(carried)).toEqual(toDense(sparseTranspose({ ...A, data: later })));
        },
      ),
    );
  });

  it("products with a vector, of A, of A' and of a symmetric matrix", () => {
    fc.assert(
      fc.property(quasiDefinite, sparseOf(6, 9), ({ upper }, A) => {
        const n = upper.shape[1];
        const x = Float64Array.from({ length: n }, (_, i) => (i % 5) - 2);
        const y = new Float64Array(n).fill(1);
        addSymmetricProduct(0.5, upper, x, y);
        const expected = denseProduct(denseSymmetric(upper), x, n, n, 1).map((value) => 1 + value / 2);
        expect([...y]).toEqual(expected);
        const [u, v] = [Float64Array.from({ length: 9 }, (_, i) => i), new Float64Array(6)];
        addProduct(1, A, u, v);
        expect([...v]).toEqual(denseProduct(toDense(A), u, 6, 9, 1));
        const w = new Float64Array(9);
        addTransposedProduct(1, A, v, w);
        expect([...w]).toEqual(denseProduct(toDense(sparseTranspose(A)), v, 9, 6, 1));
      }),
    );
  });

  it("a symmetric permutation moves every entry, and its map carries new values over", () => {
    fc.assert(
      fc.property(quasiDefinite, fc.integer(), ({ upper }, seed) => {
        const n = upper.shape[1];
        const order = Int32Array.from({ length: n }, (_, k) => k).sort(
          (a, b) => Math.sin(seed + a * 12.9898) - Math.sin(seed + b * 12.9898),
        );
        const permuted = permuteSymmetric(upper, order);
        const whole = denseSymmetric(upper);
        const moved = denseSymmetric(permuted.upper);
        for (let i = 0; i < n; i++) {
          for (let j = 0; j < n; j++) expect(moved[i * n + j]).toBe(whole[order[i] * n + order[j]]);
        }
        upper.data.forEach((value, k) => {
          expect(permuted.upper.data[permuted.target[k]]).toBe(value);
        });
      }),
    );
  });

  it("an upper triangle has the diagonal and nothing below, and an empty matrix no entries", () => {
    const A = fromDense([3, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect([...toDense(upperTriangle(A))]).toEqual([1, 2, 3, 0, 5, 6, 0, 0, 9]);
    expect([...toDense(sparseZeros(2, 1))]).toEqual([0, 0]);
  });
});
