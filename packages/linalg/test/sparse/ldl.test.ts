import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  addSymmetricProduct,
  doubledDot,
  eliminationTree,
  equilibrate,
  fromDense,
  fromTriplets,
  improveByGmres,
  type LdlMethod,
  minimumDegreeOrder,
  permuteSymmetric,
  postorder,
  RefinementWorkspace,
  SparseLdl,
  type SparseMatrix,
  solveRefined,
  type Triplet,
  triplets,
} from "../../src/sparse/index.ts";
import { denseSymmetric, quasiDefinite } from "./random-sparse.ts";

/** |b - Kx|, largest entry. */
function residual(upper: SparseMatrix, b: Float64Array, x: Float64Array): number {
  const rest = b.slice();
  addSymmetricProduct(-1, upper, x, rest);
  return Math.max(0, ...rest.map(Math.abs));
}

/** Which entries below the diagonal a dense elimination without pivoting fills, column by column; cancellation is not seen. */
function denseFillPattern(upper: SparseMatrix): boolean[][] {
  const n = upper.shape[1];
  const values = denseSymmetric(upper);
  const filled = Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => values[i * n + j] !== 0));
  for (let k = 0; k < n; k++) {
    for (let i = k + 1; i < n; i++) {
      for (let j = k + 1; j < n; j++) if (filled[i][k] && filled[k][j]) filled[i][j] = true;
    }
  }
  return filled;
}

/** The five-point Laplacian on a square grid of this side, plus the identity. */
function grid(side: number): SparseMatrix {
  const entries: Triplet[] = [];
  for (let i = 0; i < side; i++) {
    for (let j = 0; j < side; j++) {
      const k = i * side + j;
      entries.push([k, k, 5]);
      if (j + 1 < side) entries.push([k, k + 1, -1]);
      if (i + 1 < side) entries.push([k, k + side, -1]);
    }
  }
  return fromTriplets([side * side, side * side], entries);
}

function fillOf(upper: SparseMatrix, order: Int32Array): number {
  return eliminationTree(permuteSymmetric(upper, order).upper).columnCounts.reduce((sum, count) => sum + count, 0);
}

describe("ordering", () => {
  it("gives a permutation of the rows, dense and isolated rows included", () => {
    fc.assert(
      fc.property(quasiDefinite, ({ upper }) => {
        const n = upper.shape[1];
        expect([...minimumDegreeOrder(upper)].sort((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, k) => k));
      }),
    );
  });

  it("never fills an arrow that points the wrong way, nor a tree", () => {
    const n = 300;
    const arrow = fromTriplets(
      [n, n],
      Array.from({ length: n - 1 }, (_, k): Triplet => [0, k + 1, 1]),
    );
    expect(fillOf(arrow, minimumDegreeOrder(arrow))).toBe(n - 1);
    const tree = fromTriplets(
      [n, n],
      Array.from({ length: n - 1 }, (_, k): Triplet => [k >> 1, k + 1, 1]),
    );
    expect(fillOf(tree, minimumDegreeOrder(tree))).toBe(n - 1);
  });

  it("fills a grid of 60 x 60 less than a third as much as the natural order", () => {
    const K = grid(60);
    const natural = Int32Array.from({ length: 3600 }, (_, k) => k);
    expect(fillOf(K, minimumDegreeOrder(K))).toBeLessThan(fillOf(K, natural) / 3);
  });

  it("the column counts and parents of the elimination tree are those of a dense elimination", () => {
    fc.assert(
      fc.property(quasiDefinite, ({ upper }) => {
        const n = upper.shape[1];
        // stored zeros belong to the pattern
        const filled = denseFillPattern({ ...upper, data: upper.data.map(() => 1) });
        const { parent, columnCounts } = eliminationTree(upper);
        for (let j = 0; j < n; j++) {
          const below = Array.from({ length: n - j - 1 }, (_, k) => j + 1 + k).filter((i) => filled[i][j]);
          expect(columnCounts[j]).toBe(below.length);
          expect(parent[j]).toBe(below[0] ?? -1);
        }
      }),
    );
  });

  it("a postorder has children before their parents, and each subtree in one piece", () => {
    fc.assert(
      fc.property(quasiDefinite, ({ upper }) => {
        const { parent } = eliminationTree(upper);
        const order = postorder(parent);
        const place = new Int32Array(order.length);
        order.forEach((j, k) => {
          place[j] = k;
        });
        const size = new Int32Array(order.length).fill(1);
        const first = place.slice();
        for (const j of order) {
          if (parent[j] < 0) continue;
          expect(place[parent[j]]).toBeGreaterThan(place[j]);
          size[parent[j]] += size[j];
          first[parent[j]] = Math.min(first[parent[j]], first[j]);
        }
        for (const j of order) expect(place[j] - first[j] + 1).toBe(size[j]);
      }),
    );
  });
});

describe("LDL' of a quasi-definite matrix", () => {
  it.each(["rows", "multifrontal"] as const)("solves to rounding with pivots of the given signs, by %s", (method) => {
    fc.assert(
      fc.property(quasiDefinite, fc.boolean(), ({ upper, signs }, ordered) => {
        const n = signs.length;
        const natural = Int32Array.from({ length: n }, (_, k) => k);
        const factor = new SparseLdl(upper, ordered ? minimumDegreeOrder(upper) : natural, method);
        expect(factor.factor(upper.data, { signs })).toBe(true);
        const negative = signs.filter((sign) => sign < 0).length;
        expect(factor.inertia()).toEqual({ positive: n - negative, negative });
        const b = Float64Array.from({ length: n }, (_, i) => Math.cos(i));
        const x = new Float64Array(n);
        factor.solve(b, x);
        expect(residual(upper, b, x)).toBeLessThan(1e-12 * (1 + Math.max(...x.map(Math.abs)) * 400));
      }),
    );
  });

  it("gives the same solution by dense fronts as row by row, with fronts wider than a panel, and after new values", () => {
    // a grid under a clique of 130 columns, which is one front of several panels
    const K = grid(20);
    const clique: Triplet[] = [];
    for (let j = 270; j < 400; j++) for (let i = 270; i < j; i++) clique.push([i, j, Math.sin(i * j) / 20]);
    const diagonal = Array.from({ length: 400 }, (_, i): Triplet => [i, i, i % 3 === 0 ? -30 : 30]);
    const upper = fromTriplets([400, 400], [...triplets(K), ...clique, ...diagonal]);
    const signs = Int8Array.from({ length: 400 }, (_, i) => (i % 3 === 0 ? -1 : 1));
    const order = minimumDegreeOrder(upper);
    const solve = (method: LdlMethod, data: Float64Array) => {
      const factor = new SparseLdl(upper, order, method);
      expect(factor.factor(data, { signs, regularization: 1e-3 })).toBe(true);
      const x = Float64Array.from({ length: 400 }, (_, i) => Math.cos(i));
      factor.solve(x, x);
      return { x, inertia: factor.inertia() };
    };
    for (const data of [upper.data, upper.data.map((value) => 1.5 * value)]) {
      const [rows, fronts] = [solve("rows", data), solve("multifrontal", data)];
      expect(fronts.inertia).toEqual(rows.inertia);
      fronts.x.forEach((value, i) => {
        expect(value).toBeCloseTo(rows.x[i], 12);
      });
    }
  });

  it("takes new values of the same pattern, and several right-hand sides", () => {
    const K = grid(12);
    const factor = new SparseLdl(K);
    factor.factor(K.data);
    const tripled = { ...K, data: K.data.map((value) => 3 * value) };
    expect(factor.factor(tripled.data)).toBe(true);
    const B = Float64Array.from({ length: 288 }, (_, k) => Math.sin(k));
    const X = new Float64Array(288);
    factor.solveMany(B, X, 2);
    for (const r of [0, 1]) {
      expect(residual(tripled, B.subarray(144 * r, 144 * r + 144), X.subarray(144 * r, 144 * r + 144))).toBeLessThan(
        1e-14,
      );
    }
  });

  it("lends its analysis to factors that do not disturb each other", () => {
    const K = grid(12);
    const tripled = { ...K, data: K.data.map((value) => 3 * value) };
    const b = Float64Array.from({ length: 144 }, (_, k) => Math.sin(k));
    for (const method of ["rows", "multifrontal"] as const) {
      const first = new SparseLdl(K, undefined, method);
      const second = new SparseLdl(first.analysis, undefined, method);
      first.factor(K.data);
      second.factor(tripled.data);
      const [x, third] = [new Float64Array(144), new Float64Array(144)];
      first.solve(b, x);
      second.solve(b, third);
      expect(residual(K, b, x)).toBeLessThan(1e-14);
      expect(residual(tripled, b, third)).toBeLessThan(1e-14);
    }
  });

  it("refines in vectors that are kept as in fresh ones", () => {
    const K = grid(12);
    const factor = new SparseLdl(K);
    factor.factor(K.data, { regularization: 1e-4 });
    const workspace = new RefinementWorkspace(144);
    for (const seed of [1, 2, 3]) {
      const b = Float64Array.from({ length: 144 }, (_, k) => Math.sin(seed * k));
      const [kept, fresh] = [new Float64Array(144), new Float64Array(144)];
      solveRefined(factor, K, b, kept, { workspace });
      solveRefined(factor, K, b, fresh);
      expect(kept).toEqual(fresh);
      expect(residual(K, b, kept)).toBeLessThan(1e-13);
    }
  });

  it("says that a singular matrix has no factor, and bumps the pivot where asked to", () => {
    const K = fromDense([2, 2], [1, 1, 0, 1]);
    for (const method of ["rows", "multifrontal"] as const) {
      const factor = new SparseLdl(K, Int32Array.of(0, 1), method);
      expect(factor.factor(K.data)).toBe(false);
      expect(factor.factor(K.data, { smallestPivot: 1e-12, pivotBump: 1e-7 })).toBe(true);
      expect(factor.bumpedPivots).toBe(1);
    }
  });

  it("refuses a matrix that is not square, entries below the diagonal, and values of another pattern", () => {
    expect(() => new SparseLdl(fromDense([1, 2], [1, 1]))).toThrow("K is 1 x 2");
    expect(() => new SparseLdl(fromDense([2, 2], [1, 0, 1, 1]))).toThrow("K has an entry (1, 0)");
    expect(() => new SparseLdl(fromDense([1, 1], [1])).factor(new Float64Array(2))).toThrow("data has 2 entries");
  });
});

describe("refinement", () => {
  it("removes the regularization from the solution of a saddle point without diagonal", () => {
    // minimize |x|^2/2 - x1 subject to x1 + x2 + x3 = 1, the row given twice: singular, and consistent
    const upper = fromDense([5, 5], [1, 0, 0, 1, 1, 0, 1, 0, 1, 1, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    const signs = Int8Array.of(1, 1, 1, -1, -1);
    const factor = new SparseLdl(upper);
    expect(factor.factor(upper.data, { signs, regularization: 1e-6 })).toBe(true);
    const x = new Float64Array(5);
    const { residual: rest } = solveRefined(factor, upper, Float64Array.of(1, 0, 0, 1, 1), x, { tolerance: 1e-15 });
    expect(rest).toBeLessThan(1e-14);
    [1, 0, 0].forEach((value, i) => {
      expect(x[i]).toBeCloseTo(value, 12);
    });
  });

  it("gives up where the matrix is singular and the right-hand side inconsistent, and says how far off it is", () => {
    const upper = fromDense([2, 2], [1, 1, 0, 1]);
    const factor = new SparseLdl(upper);
    factor.factor(upper.data, { regularization: 1e-8 });
    const { residual: rest } = solveRefined(factor, upper, Float64Array.of(1, -1), new Float64Array(2));
    expect(rest).toBeGreaterThan(0.5);
  });

  it("with doubled residuals gives the exact solution of a Hilbert matrix made integer, to rounding", () => {
    // scaled by the least common multiple of the denominators, so that the matrix itself is exact
    const n = 8;
    const scale = 360360;
    const entries: Triplet[] = [];
    for (let j = 0; j < n; j++) for (let i = 0; i <= j; i++) entries.push([i, j, scale / (i + j + 1)]);
    const upper = fromTriplets([n, n], entries);
    const solution = Float64Array.from({ length: n }, (_, i) => (i % 2 === 0 ? 1 : -2));
    const b = new Float64Array(n);
    addSymmetricProduct(1, upper, solution, b);
    const factor = new SparseLdl(upper);
    factor.factor(upper.data);
    const plain = new Float64Array(n);
    factor.solve(b, plain);
    const refined = new Float64Array(n);
    solveRefined(factor, upper, b, refined, { doubled: true, tolerance: 0 });
    const error = (x: Float64Array) => Math.max(...x.map((value, i) => Math.abs(value - solution[i])));
    expect(error(refined)).toBeLessThan(1e-13);
    expect(error(plain)).toBeGreaterThan(1e-10);
  });

  it("by GMRES takes out a regularization that plain refinement cannot, and never makes x worse", () => {
    // eigenvalues from 1 down to 1e-6 beside a regularization of 1e-2: refinement would take 10,000 steps
    const n = 7;
    const upper = fromTriplets(
      [n, n],
      Array.from({ length: n }, (_, i): Triplet => [i, i, 10 ** -i]),
    );
    const factor = new SparseLdl(upper);
    factor.factor(upper.data, { regularization: 1e-2 });
    const b = Float64Array.from({ length: n }, (_, i) => 10 ** -i);
    const x = new Float64Array(n);
    expect(solveRefined(factor, upper, b, x, { maxSteps: 20 }).residual).toBeGreaterThan(1e-7);
    expect(improveByGmres(factor, upper, b, x).residual).toBeLessThan(1e-14);
    for (const value of x) expect(value).toBeCloseTo(1, 6);
    const length = () => {
      const rest = b.slice();
      addSymmetricProduct(-1, upper, x, rest);
      return Math.hypot(...rest);
    };
    const before = length();
    improveByGmres(factor, upper, b, x, { tolerance: 0 });
    expect(length()).toBeLessThanOrEqual(before);
  });

  it("sums a product that cancels to its last bit", () => {
    const a = Float64Array.of(1e16, 3, -1e16, 1e-8);
    const b = Float64Array.of(1, 1, 1, 1);
    expect(doubledDot(a, b)).toBe(3 + 1e-8);
  });
});

describe("equilibration", () => {
  it("brings every row's largest entry within a factor of 2 of 1 over six decades", () => {
    const upper = fromDense([4, 4], [1e6, 1, 0, 20, 0, 1e-2, 3, 0, 0, 0, 7, 1e3, 0, 0, 0, 0]);
    const d = equilibrate(upper, { sweeps: 20 });
    const scaled = denseSymmetric(upper).map((value, k) => value * d[Math.floor(k / 4)] * d[k % 4]);
    for (let i = 0; i < 4; i++) {
      const largest = Math.max(...scaled.subarray(4 * i, 4 * i + 4).map(Math.abs));
      expect(largest).toBeGreaterThan(0.5);
      expect(largest).toBeLessThan(2);
    }
  });

  it("leaves an empty row alone", () => {
    expect([...equilibrate(fromDense([2, 2], [4, 0, 0, 0]))]).toEqual([0.5, 1]);
  });
});
