import type { DType, View } from "@solvegrad/linalg";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { referenceKernels as reference } from "../src/reference/index.ts";
import { fastKernelSets } from "./kernel-sets.ts";
import { generator, type RandomView, randomView, worstDifference } from "./random-views.ts";

const RUNS = 120;

// 0, 1, odd, around the tiles (3, 4, 6, 8, 12), around the largest base triangle (64) and past one recursion.
const size = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 0, max: 20 }) },
  { weight: 1, arbitrary: fc.constantFrom(31, 48, 63, 64, 65, 67, 100, 129) },
);
const small = fc.integer({ min: 0, max: 14 });
const count = fc.integer({ min: 0, max: 5 });
const factor = fc.constantFrom(0, 1, -1, 0.5, 2);
const triangle = fc.constantFrom<"lower" | "upper">("lower", "upper");
const common = {
  seed: fc.integer({ min: 1, max: 1_000_000 }),
  dtype: fc.constantFrom<DType>("float64", "float32"),
  alpha: factor,
  beta: factor,
};
const batched = { count, shareLeft: fc.boolean(), shareRight: fc.boolean() };

const epsilon = (dtype: DType) => (dtype === "float64" ? 2 ** -52 : 2 ** -23);

/** Entries uniform on (-1, 1). */
const entry = (random: () => number) => () => 2 * random() - 1;
/** What an output holds before the call: with beta = 0 it must not matter, so NaN. */
const output = (random: () => number, beta: number) => (beta === 0 ? () => Number.NaN : entry(random));

/** Rounding of an inner product of length k of entries up to 1, plus beta C: the worst case, by the textbook. */
const productBound = (dtype: DType, k: number, alpha: number, beta: number) =>
  epsilon(dtype) * (k + 4) * (Math.abs(alpha) * k + Math.abs(beta) + 1);

/** A triangle whose inverse is small: the row sums off the diagonal stay under half of it. The other triangle is NaN. */
const triangular = (random: () => number, n: number, kind: "lower" | "upper") => (index: readonly number[]) => {
  const [i, j] = index.slice(-2);
  if (i === j) return (random() < 0.5 ? -1 : 1) * (1 + random());
  const stored = kind === "lower" ? j < i : j > i;
  return stored ? (random() - 0.5) / n : Number.NaN;
};

/** Symmetric, diagonally dominant; all items of a batch alike but for their diagonal. The upper triangle is NaN. */
const positiveDefinite = (random: () => number, n: number) => (index: readonly number[]) => {
  const [i, j] = index.slice(-2);
  if (i === j) return 1.5 + random();
  return j < i ? (random() - 0.5) / n : Number.NaN;
};

/** Runs the same call on two copies of the output, and compares what both wrote. */
function expectAgreement(
  out: RandomView,
  bound: number,
  call: (kernels: typeof reference, to: View) => void,
  kernels: unknown,
) {
  const actual = out.copy();
  const expected = out.copy();
  call(kernels as typeof reference, actual);
  call(reference, expected);
  expect(worstDifference(actual, expected)).toBeLessThanOrEqual(bound);
}

describe.each(fastKernelSets())("%s agrees with the reference to rounding", (_, kernels) => {
  const check = <T>(arbitraries: { [K in keyof T]: fc.Arbitrary<T[K]> }, property: (values: T) => void) =>
    fc.assert(fc.property(fc.record(arbitraries) as unknown as fc.Arbitrary<T>, property), { numRuns: RUNS });

  it("in gemm", () => {
    check({ ...common, m: size, n: size, k: size }, ({ seed, dtype, alpha, beta, m, n, k }) => {
      const random = generator(seed);
      const A = randomView(random, dtype, [m, k], entry(random)).view;
      const B = randomView(random, dtype, [k, n], entry(random)).view;
      const C = randomView(random, dtype, [m, n], output(random, beta));
      expectAgreement(C, productBound(dtype, k, alpha, beta), (on, to) => on.gemm(alpha, A, B, beta, to), kernels);
    });
  });

  it("in gemv", () => {
    check({ ...common, m: size, n: size }, ({ seed, dtype, alpha, beta, m, n }) => {
      const random = generator(seed);
      const A = randomView(random, dtype, [m, n], entry(random)).view;
      const x = randomView(random, dtype, [n], entry(random)).view;
      const y = randomView(random, dtype, [m], output(random, beta));
      expectAgreement(y, productBound(dtype, n, alpha, beta), (on, to) => on.gemv(alpha, A, x, beta, to), kernels);
    });
  });

  it("in syrk, which writes both triangles", () => {
    check({ ...common, n: size, k: size }, ({ seed, dtype, alpha, beta, n, k }) => {
      const random = generator(seed);
      const A = randomView(random, dtype, [n, k], entry(random)).view;
      const value = output(random, beta);
      const half = new Map<string, number>();
      const symmetric = (index: readonly number[]) => {
        const key = `${Math.min(index[0], index[1])},${Math.max(index[0], index[1])}`;
        if (!half.has(key)) half.set(key, value());
        return half.get(key) ?? 0;
      };
      const C = randomView(random, dtype, [n, n], symmetric);
      expectAgreement(C, productBound(dtype, k, alpha, beta), (on, to) => on.syrk(alpha, A, beta, to), kernels);
    });
  });

  it("in ger, dot and axpy, at lengths where a library is called too", () => {
    const length = fc.oneof(size, fc.constantFrom(128, 200, 301));
    check({ ...common, m: size, n: length }, ({ seed, dtype, alpha, m, n }) => {
      const random = generator(seed);
      const x = randomView(random, dtype, [m], entry(random)).view;
      const u = randomView(random, dtype, [n], entry(random)).view;
      const v = randomView(random, dtype, [n], entry(random));
      const A = randomView(random, dtype, [m, n], entry(random));
      expectAgreement(A, productBound(dtype, 1, alpha, 1), (on, to) => on.ger(alpha, x, u, to), kernels);
      expectAgreement(v, productBound(dtype, 1, alpha, 1), (on, to) => on.axpy(alpha, u, to), kernels);
      const difference = Math.abs(kernels.dot(u, v.view) - reference.dot(u, v.view));
      expect(difference).toBeLessThanOrEqual(productBound(dtype, n, 1, 0));
    });
  });

  it("in trsm and trsv, reading one triangle only", () => {
    check({ ...common, n: size, r: size, kind: triangle, unit: fc.boolean() }, (drawn) => {
      const { seed, dtype, alpha, n, r, kind, unit } = drawn;
      const random = generator(seed);
      const T = randomView(random, dtype, [n, n], triangular(random, n, kind)).view;
      const B = randomView(random, dtype, [n, r], entry(random));
      const x = randomView(random, dtype, [n], entry(random));
      const bound = 16 * epsilon(dtype) * (n + 4);
      expectAgreement(B, bound, (on, to) => on.trsm(kind, alpha, T, to, unit), kernels);
      expectAgreement(x, bound, (on, to) => on.trsv(kind, T, to, unit), kernels);
    });
  });

  it("in potrf, which leaves the strict upper triangle alone", () => {
    check({ ...common, n: size }, ({ seed, dtype, n }) => {
      const random = generator(seed);
      const value = positiveDefinite(random, n);
      const A = randomView(random, dtype, [n, n], (index) => (index[1] > index[0] ? -99 : value(index)));
      const bound = 16 * epsilon(dtype) * (n + 4);
      expectAgreement(A, bound, (on, to) => expect(on.potrf(to)).toBe(0), kernels);
    });
  });

  it("in potrs", () => {
    check({ ...common, n: size, r: size }, ({ seed, dtype, n, r }) => {
      const random = generator(seed);
      const L = randomView(random, dtype, [n, n], triangular(random, n, "lower")).view;
      const B = randomView(random, dtype, [n, r], entry(random));
      expectAgreement(B, 64 * epsilon(dtype) * (n + 4), (on, to) => on.potrs(L, to), kernels);
    });
  });

  it("in gemmBatched and gemvBatched, with items shared or not", () => {
    check({ ...common, ...batched, m: small, n: small, k: small }, (drawn) => {
      const { seed, dtype, alpha, beta, m, n, k, count, shareLeft, shareRight } = drawn;
      const random = generator(seed);
      const A = randomView(random, dtype, [count, m, k], entry(random), shareLeft).view;
      const B = randomView(random, dtype, [count, k, n], entry(random), shareRight).view;
      const C = randomView(random, dtype, [count, m, n], output(random, beta));
      const x = randomView(random, dtype, [count, k], entry(random), shareRight).view;
      const y = randomView(random, dtype, [count, m], output(random, beta));
      const bound = productBound(dtype, k, alpha, beta);
      expectAgreement(C, bound, (on, to) => on.gemmBatched(alpha, A, B, beta, to), kernels);
      expectAgreement(y, bound, (on, to) => on.gemvBatched(alpha, A, x, beta, to), kernels);
    });
  });

  it("in syrkBatched, trsmBatched and potrsBatched, with the matrix shared or not", () => {
    check({ ...common, ...batched, n: small, r: small, kind: triangle }, (drawn) => {
      const { seed, dtype, alpha, n, r, kind, count, shareLeft } = drawn;
      const random = generator(seed);
      const A = randomView(random, dtype, [count, n, r], entry(random), shareLeft).view;
      const C = randomView(random, dtype, [count, n, n], () => Number.NaN);
      expectAgreement(C, productBound(dtype, r, alpha, 0), (on, to) => on.syrkBatched(alpha, A, 0, to), kernels);
      const T = randomView(random, dtype, [count, n, n], triangular(random, n, kind), shareLeft).view;
      const B = randomView(random, dtype, [count, n, r], entry(random));
      const bound = 64 * epsilon(dtype) * (n + 4);
      expectAgreement(B, bound, (on, to) => on.trsmBatched(kind, alpha, T, to), kernels);
      const L = randomView(random, dtype, [count, n, n], triangular(random, n, "lower"), shareLeft).view;
      expectAgreement(B, bound, (on, to) => on.potrsBatched(L, to), kernels);
    });
  });

  it("in potrfBatched, naming the items that are not positive definite and their pivot", () => {
    check({ ...common, count, n: fc.integer({ min: 1, max: 70 }) }, ({ seed, dtype, count, n }) => {
      const random = generator(seed);
      const value = positiveDefinite(random, n);
      const bad = Math.floor(random() * (count + 2));
      const pivot = Math.floor(random() * n);
      const wrong = [-1, 0, Number.NaN][Math.floor(random() * 3)];
      // A zero row and column beside the wrong pivot make the failure exact.
      const entryOf = ([item, i, j]: readonly number[]) => {
        if (item !== bad || (i !== pivot && j !== pivot)) return j > i ? -99 : value([i, j]);
        return i === j ? wrong : 0;
      };
      const A = randomView(random, dtype, [count, n, n], entryOf);
      const actual = kernels.potrfBatched(A.copy());
      expect([...actual]).toEqual(Array.from({ length: count }, (_, b) => (b === bad ? pivot + 1 : 0)));
    });
  });
});
