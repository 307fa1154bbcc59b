import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type QuadraticProgram, quadraticProgram } from "../../src/index.ts";
import { dependentRows, removeVanishing, rowDependence } from "../../src/kkt/dependent-rows.ts";
import { leastNormSolution } from "../../src/kkt/least-norm.ts";
import { identity, inner, normals, randomProgram, relativeError } from "../random-programs.ts";

/** B'v. */
function combined(B: Float64Array, n: number, v: ArrayLike<number>): Float64Array {
  const sum = new Float64Array(n);
  for (let i = 0; i < v.length; i++) for (let j = 0; j < n; j++) sum[j] += v[i] * B[i * n + j];
  return sum;
}

describe("the dependence of rows", () => {
  it("has the rank with which random rows were made, and combinations that vanish", () => {
    const sizes = fc.record({ r: fc.integer({ min: 1, max: 9 }), n: fc.integer({ min: 1, max: 9 }) });
    fc.assert(
      fc.property(sizes, fc.integer({ min: 0, max: 9 }), fc.integer({ min: 1, max: 1e6 }), ({ r, n }, wish, seed) => {
        const rank = Math.min(r, n, wish);
        const normal = normals(seed);
        const [left, right] = [r * rank, rank * n].map((length) => Float64Array.from({ length }, normal));
        const B = new Float64Array(r * n);
        for (let i = 0; i < r; i++) B.set(combined(right, n, left.subarray(i * rank, (i + 1) * rank)), i * n);
        const found = rowDependence(B, n);
        expect(found.rank).toBe(rank);
        expect(found.dependent.length).toBe(r - rank);
        for (let k = 0; k < r - rank; k++) {
          const v = found.vanishing.subarray(k * r, (k + 1) * r);
          expect(inner(v, v)).toBeCloseTo(1, 12);
          expect(Math.max(...combined(B, n, v).map(Math.abs))).toBeLessThan(1e-9 * Math.max(1, ...B.map(Math.abs)));
        }
      }),
      { numRuns: 200 },
    );
  });

  it("names the later of two copies, whatever their units, and rows of zeros", () => {
    const B = Float64Array.of(1, 1, 0, 0, 1, 2, 1e6, 1e6, 0, 0, 0, 0);
    expect(rowDependence(B, 3)).toMatchObject({ rank: 2, dependent: [2, 3] });
    expect(rowDependence(new Float64Array(0), 3)).toMatchObject({ rank: 0, dependent: [] });
  });

  it("counts nearly parallel rows as independent as long as rounding can tell them apart", () => {
    expect(rowDependence(Float64Array.of(1, 0, 1, 1e-8), 2).rank).toBe(2);
    expect(rowDependence(Float64Array.of(1, 0, 1, 1e-12), 2).rank).toBe(1);
  });

  it("takes rows of A and of G, and of the item that is meant", () => {
    const problem = quadraticProgram({
      Q: identity(2),
      q: [1, 1],
      A: [[[1, 1]], [[1, 0]]],
      b: [1],
      G: [
        [2, 2],
        [0, 1],
      ],
      h: [5, 5],
    });
    expect(dependentRows(problem, 0, [0, 1])).toMatchObject({ rank: 1, dependent: [1] });
    expect(dependentRows(problem, 1, [0, 1])).toMatchObject({ rank: 2, dependent: [] });
    expect(dependentRows(problem, 1, [0, 1, 2])).toMatchObject({ rank: 2, dependent: [2] });
  });

  it("leaves of multipliers those of least norm", () => {
    // rows g, 2g and a third: any v with the same B'v becomes the pseudoinverse's
    const B = Float64Array.of(1, 2, 2, 4, 0, 1);
    const v = Float64Array.of(3, -1, 2);
    const force = combined(B, 2, v);
    const square = Float64Array.of(1, 2, 0, 2, 4, 1, 0, 0, 0);
    const expected = leastNormSolution(square, 3, Float64Array.of(force[0], force[1], 0)).x;
    removeVanishing(rowDependence(B, 2), v);
    expect(relativeError(v, expected)).toBeLessThan(1e-14);
  });
});

it("the dependence of equalities alone is that of all rows, if the inequalities add none", () => {
  const problem = randomProgram({ n: 8, p: 3, m: 6, batch: 2, batched: ["q"], seed: 5 });
  // the third equality is the sum of the others
  for (let j = 0; j < 8; j++) problem.A.values[16 + j] = problem.A.values[j] + problem.A.values[8 + j];
  const rows = [0, 1, 2, 4, 6, 7];
  const B = Float64Array.from([0, 1, 2, 4, 6, 7].flatMap((row) => rowOf(problem, row)));
  const [found, expected] = [dependentRows(problem, 1, rows), rowDependence(B, 8)];
  expect(found).toMatchObject({ rank: 5, dependent: [2] });
  expect(Math.abs(inner(found.vanishing, expected.vanishing))).toBeCloseTo(1, 12);
  // with a copy of an equality among the inequalities they do add one
  problem.G.values.set(rowOf(problem, 0), 8);
  expect(dependentRows(problem, 1, rows)).toMatchObject({ rank: 4, dependent: [2, 3] });
});

function rowOf({ n, p, A, G }: QuadraticProgram, row: number): number[] {
  return [
    ...(row < p ? A.values.subarray(row * n, (row + 1) * n) : G.values.subarray((row - p) * n, (row - p + 1) * n)),
  ];
}
