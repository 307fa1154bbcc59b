import { grad, gradcheck, type Tensor, tensor } from "@solvegrad/autograd";
import { fromDense } from "@solvegrad/linalg";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  affine,
  type BoxProjectionData,
  boxProjection,
  boxProjectionImplicit,
  boxProjectionLayer,
  DatumRangeError,
  DatumTypeError,
  OptimizationError,
  projectionLayer,
  quadraticLayer,
  semismoothNewton,
  sparseInteriorPoint,
  sparsemaxLayer,
  sparseQuadraticProgram,
} from "../../src/index.ts";
import { identity, inner, normals, relativeError, uniforms } from "../random-programs.ts";

const numbers = (count: number, next: () => number) => Float64Array.from({ length: count }, next);

/** A random box projection whose equations have a solution inside the box; about half of the entries end at a bound. */
function randomData(n: number, p: number, seed: number) {
  const [normal, uniform] = [normals(seed), uniforms(seed + 1)];
  const A = numbers(n * p, normal);
  const lower = numbers(n, () => -0.2 - 0.5 * uniform());
  const upper = numbers(n, () => 0.2 + 0.5 * uniform());
  const inside = numbers(n, () => 0.4 * (uniform() - 0.5));
  const b = numbers(p, () => 0).map((_, i) => inner(A.subarray(i * n, (i + 1) * n), inside));
  const leaf = (values: Float64Array, shape: number[]) => tensor(values, { shape, requiresGrad: true });
  return {
    y: leaf(numbers(n, normal), [n]),
    A: leaf(A, [p, n]),
    b: leaf(b, [p]),
    lower: leaf(lower, [n]),
    upper: leaf(upper, [n]),
  };
}

function weighted({ x, nu, zeta }: { x: Tensor; nu: Tensor; zeta: Tensor }): Tensor {
  return x.pow(3).sum().add(nu.pow(3).sum()).add(zeta.pow(3).sum());
}

describe("boxProjectionLayer", () => {
  it("is sparsemaxLayer where the only equation is the sum and the lower bounds are 0", () => {
    const normal = normals(3);
    const y = numbers(50, normal);
    const u = numbers(50, () => 0.1);
    const own = boxProjectionLayer({ y, A: [new Array(50).fill(1)], b: [1], lower: new Float64Array(50), upper: u });
    const sparsemax = sparsemaxLayer({ y, u });
    expect(relativeError(own.x.data(), sparsemax.x.data())).toBeLessThan(1e-13);
    expect(relativeError(own.nu.data(), sparsemax.nu.data())).toBeLessThan(1e-13);
  });

  it.each([1, 2, 4])("agrees with the interior point and the implicit rule on the same QP, with %i equations", (p) => {
    const n = 12;
    const data = randomData(n, p, 40 + p);
    const own = boxProjectionLayer(data);
    const signed = identity(n, -1).concat(identity(n));
    const loss = (x: Tensor, nu: Tensor) =>
      x
        .mul(tensor(numbers(n, normals(8))))
        .sum()
        .add(nu.square().sum());
    const found = grad(loss(own.x, own.nu), [data.y, data.A, data.b]);
    const { y, A, b, lower, upper } = data;
    const h = tensor([...lower.neg().data(), ...upper.data()]);
    const qp = quadraticLayer({ Q: identity(n), q: y.neg(), A, b, G: signed, h });
    const expected = grad(loss(qp.x, qp.nu), [y, A, b]);
    expect(relativeError(own.x.data(), qp.x.data())).toBeLessThan(1e-8);
    found.forEach((gradient, k) => {
      expect(relativeError(gradient.data(), expected[k].data())).toBeLessThan(1e-7);
    });
  });

  it("agrees with the sparse interior point on a sparse problem of three equations", () => {
    const n = 300;
    const normal = normals(12);
    const uniform = uniforms(13);
    const rows = Array.from({ length: 3 }, () => numbers(n, () => (uniform() < 0.2 ? normal() : 0)));
    const A = fromDense([3, n], Float64Array.from(rows.flatMap((row) => [...row])));
    const y = numbers(n, normal);
    const b = [0.5, -1, 0.25];
    const [lower, upper] = [new Float64Array(n).fill(-0.5), new Float64Array(n).fill(0.75)];
    const own = boxProjectionLayer({ y, A, b, lower, upper });
    expect(own.solution.status).toEqual(["solved"]);
    const Q = fromDense([n, n], Float64Array.from(identity(n).flat()));
    const general = sparseInteriorPoint({ tolerance: 1e-12 }).solve(
      sparseQuadraticProgram({ Q, q: y.map((value) => -value), A, b, lower, upper }),
    );
    expect(relativeError(own.x.data(), general.x)).toBeLessThan(1e-8);
    expect(relativeError(own.nu.data(), general.nu)).toBeLessThan(1e-7);
  });

  it.each([0, 1, 3])("passes gradcheck of both orders in all data, with %i equations", (p) => {
    const { A, b, ...rest } = randomData(8, Math.max(p, 1), 70 + p);
    const inputs = p === 0 ? Object.values(rest) : [...Object.values(rest), A, b];
    const layer = (...[y, lower, upper, M, c]: Tensor[]) => {
      const equations = p === 0 ? {} : { A: M, b: c };
      return weighted(boxProjectionLayer({ y, lower, upper, ...equations }));
    };
    gradcheck(layer, inputs, { order: 2, tolerance: 1e-6 });
  });

  it("gives the gradient of a sparse A on its pattern, that of the dense A there", () => {
    const { A, ...rest } = randomData(9, 2, 5);
    const kept = A.data().map((value, k) => (k % 3 === 0 ? 0 : value));
    const sparse = fromDense([2, 9], kept);
    const entries = tensor(sparse.data, { requiresGrad: true });
    const b = [0.1, -0.1];
    const [own] = grad(weighted(boxProjectionLayer({ ...rest, b, A: { ...sparse, data: entries } })), [entries]);
    const full = tensor(kept, { shape: [2, 9], requiresGrad: true });
    const [dense] = grad(weighted(boxProjectionLayer({ ...rest, b, A: full })), [full]);
    for (let j = 0; j < 9; j++) {
      for (let k = sparse.indptr[j]; k < sparse.indptr[j + 1]; k++) {
        expect(own.data()[k]).toBeCloseTo(dense.data()[sparse.indices[k] * 9 + j], 11);
      }
    }
    gradcheck((data) => weighted(boxProjectionLayer({ ...rest, b, A: { ...sparse, data } })), [entries], {
      order: 2,
      tolerance: 1e-6,
    });
  });

  it("gives each item of a batch what it gets alone, and shared data the sum", () => {
    const items = [randomData(6, 2, 1), randomData(6, 2, 2)];
    const y = tensor(
      items.map(({ y: own }) => [...own.data()]),
      { requiresGrad: true },
    );
    const b = tensor(items.map(() => [0.1, 0.2]));
    const { A, lower, upper } = items[0];
    const together = grad(weighted(boxProjectionLayer({ y, A, b, lower, upper })), [y, A]);
    const alone = items.map(({ y: own }) =>
      grad(weighted(boxProjectionLayer({ y: own, A, b: [0.1, 0.2], lower, upper })), [own, A]),
    );
    expect(
      relativeError(
        together[0].data(),
        alone.flatMap(([own]) => [...own.data()]),
      ),
    ).toBeLessThan(1e-12);
    expect(relativeError(together[1].data(), alone[0][1].add(alone[1][1]).data())).toBeLessThan(1e-12);
  });

  it("has a JVP that is the transpose of its VJP to 1e-10", () => {
    const { y, A, b, lower, upper } = randomData(10, 3, 9);
    const problem = boxProjection({ y: [[...y.data()], [...y.neg().data()]], A, b, lower, upper });
    const solution = semismoothNewton().solve(problem);
    expect(solution.status).toEqual(["solved", "solved"]);
    const normal = normals(77);
    const tangents = {
      y: numbers(20, normal),
      A: numbers(30, normal),
      b: numbers(3, normal),
      lower: numbers(10, normal),
      upper: numbers(10, normal),
    };
    const cotangent = { x: numbers(20, normal), nu: numbers(6, normal), zeta: numbers(20, normal) };
    const rule = boxProjectionImplicit();
    const { gradients } = rule.vjp(problem, solution, cotangent);
    const tangent = rule.jvp?.(problem, solution, tangents).tangent;
    if (!tangent?.zeta) throw new Error("no tangent");
    const there = inner(cotangent.x, tangent.x) + inner(cotangent.nu, tangent.nu) + inner(cotangent.zeta, tangent.zeta);
    const names = ["y", "A", "b", "lower", "upper"] as const;
    const back = names.reduce((sum, name) => sum + inner(gradients[name] ?? [], tangents[name]), 0);
    expect(Math.abs(there - back)).toBeLessThan(1e-10 * Math.abs(back));
  });

  it("starts from an earlier solution and needs no step", () => {
    const data = randomData(40, 5, 21);
    const { solution } = boxProjectionLayer(data);
    expect(solution.iterations[0]).toBeGreaterThan(1);
    expect(boxProjectionLayer(data, { warmStart: solution }).solution.iterations[0]).toBeLessThanOrEqual(1);
  });

  it("keeps the equations to rounding where y is large", () => {
    const { y, A, b, lower, upper } = randomData(30, 3, 33);
    const far = y.data().map((value) => value + 1e8 * Math.sign(value));
    const wide = { lower: lower.data().map((value) => value * 1e9), upper: upper.data().map((value) => value * 1e9) };
    const { solution } = boxProjectionLayer({ y: far, A, b, ...wide });
    expect(solution.status).toEqual(["solved"]);
  });

  const awkward = fc.record({
    n: fc.integer({ min: 1, max: 7 }),
    p: fc.integer({ min: 1, max: 3 }),
    entries: fc.array(fc.constantFrom(-2, -1, 0, 0.5, 1, 3), { minLength: 21, maxLength: 21 }),
    bounds: fc.array(fc.constantFrom(0, 0.5, 1, 2, Infinity), { minLength: 14, maxLength: 14 }),
    b: fc.array(fc.constantFrom(-1, 0, 0.5, 1, 4), { minLength: 3, maxLength: 3 }),
    y: fc.array(fc.constantFrom(-1, 0, 0.25, 1, 1e6), { minLength: 7, maxLength: 7 }),
  });

  it("solves any problem or proves that it has no solution, with a finite gradient", () => {
    fc.assert(
      fc.property(awkward, ({ n, p, entries, bounds, b, y }) => {
        const rows = Array.from({ length: p }, (_, i) => entries.slice(i * n, (i + 1) * n));
        const leaf = (values: number[] | number[][]) => tensor(values, { requiresGrad: true });
        const data = {
          y: leaf(y.slice(0, n)),
          A: leaf(rows),
          b: leaf(b.slice(0, p)),
          lower: leaf(bounds.slice(0, n).map((value) => -value)),
          upper: leaf(bounds.slice(7, 7 + n)),
        };
        const result = boxProjectionLayer(data, { onFailure: "mask" });
        const { status, certificates } = result.solution;
        expect(["solved", "primal_infeasible"]).toContain(status[0]);
        if (status[0] === "primal_infeasible") expectProof(data, certificates[0]);
        weighted(result).backward();
        for (const value of Object.values(data)) expect(value.grad?.data().every(Number.isFinite)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});

/** A'nu + [-I; I]'lambda = 0, lambda >= 0 and b'nu + [-lower; upper]'lambda < 0, by loops of its own. */
function expectProof(data: Record<string, Tensor>, proof: unknown): void {
  const { nu, lambda } = proof as { nu: Float64Array; lambda: Float64Array };
  const [A, b, lower, upper] = [data.A, data.b, data.lower, data.upper].map((value) => value.data());
  const n = lower.length;
  let value = inner(b, nu);
  for (let j = 0; j < n; j++) {
    let sum = lambda[n + j] - lambda[j];
    for (let i = 0; i < nu.length; i++) sum += A[i * n + j] * nu[i];
    // where x_j is unbounded no lambda can take up the rounding of A'nu
    expect(Math.abs(sum)).toBeLessThanOrEqual(1e-9 * Math.max(...Array.from(nu, Math.abs)));
    expect(Math.min(lambda[j], lambda[n + j])).toBeGreaterThanOrEqual(0);
    if (lambda[j] > 0) value -= lower[j] * lambda[j];
    if (lambda[n + j] > 0) value += upper[j] * lambda[n + j];
  }
  expect(value).toBeLessThan(0);
}

describe("boxProjectionLayer with rows of other units", () => {
  const rows = [
    [1, 2, -1, 0.5],
    [0.3, -1, 2, 1],
  ];
  const solved = (A: number[][], b: number[]) => {
    const y = tensor([1, -2, 3, 0.3], { requiresGrad: true });
    const { x, solution } = boxProjectionLayer({ y, A, b, lower: [-1, -1, -1, -1], upper: [1, 1, 1, 1] });
    const loss = x.mul(tensor([1, -0.6, 0.3, 2])).sum();
    const gradients = [false, true].map((createGraph) => grad(loss, [y], { createGraph })[0].data());
    return { x: x.data(), gradients, status: solution.status };
  };
  const expected = solved(rows, [1, 0.5]);

  it.each([1e-9, 1e-6, 1e6, 1e9])(
    "does not take a row for dependent because another one is %d times as long",
    (unit) => {
      const scaled = rows[0].map((value) => unit * value);
      for (const copy of [solved([scaled, rows[1]], [unit, 0.5]), solved([rows[0], scaled, rows[1]], [1, unit, 0.5])]) {
        expect(copy.status).toEqual(["solved"]);
        expect(relativeError(copy.x, expected.x)).toBeLessThan(1e-12);
        for (const gradient of copy.gradients)
          expect(relativeError(gradient, expected.gradients[0])).toBeLessThan(1e-12);
      }
    },
  );

  it.each([1e308, 1e200, 1e30])("does not let a y of %d excuse an x that misses its equation", (far) => {
    const [a, b] = [-0.136, 0.0041];
    const problem = boxProjection({ y: [far], A: [[a]], b: [b], lower: [-0.0302], upper: [0.44] });
    const { status, x } = semismoothNewton({ tolerance: 1e-3 }).solve(problem);
    expect(status[0] !== "solved" || Math.abs(a * x[0] - b) < 1e-4).toBe(true);
  });

  it.each([1e-3, 1e-6, 1e-7])("does not call rows that differ by %d contradictory", (angle) => {
    const data = {
      y: [0.3, 0.9, -2],
      A: [
        [1, 1, 1],
        [1, 1 + angle, 1],
      ],
      b: [1, 1 + angle / 2],
    };
    const { x, solution } = boxProjectionLayer(data);
    expect(solution.status).toEqual(["solved"]);
    expect(relativeError(x.data(), [1.4, 0.5, -0.9])).toBeLessThan(1e-8);
    expect(relativeError(projectionLayer(affine(data.A, data.b), data.y).x.data(), [1.4, 0.5, -0.9])).toBeLessThan(
      1e-8,
    );
  });
});

describe("boxProjectionLayer without a solution", () => {
  const cases: [string, BoxProjectionData][] = [
    ["an equation out of the box's reach", { y: [1, 2], A: [[1, -1]], b: [5], lower: [0, 0], upper: [1, 1] }],
    ["bounds that cross", { y: [1, 2], lower: [0, 1], upper: [1, 0.5] }],
    [
      "equations that contradict each other",
      {
        y: [1, 2, 3],
        A: [
          [1, 1, 1],
          [2, 2, 2],
        ],
        b: [1, 3],
      },
    ],
  ];

  it.each(cases)("raises for %s", (_name, data) => {
    expect(() => boxProjectionLayer(data)).toThrow(OptimizationError);
    expect(boxProjectionLayer(data, { onFailure: "mask" }).solution.status).toEqual(["primal_infeasible"]);
  });

  it.each([1e-12, 1, 1e9])(
    "does not call a point of size %d solved that an aborted signal left off its equation",
    (size) => {
      const data = { y: [size, 2 * size], A: [[1, -1]], b: [size], lower: [0, 0], upper: [size, size] };
      const { status } = boxProjectionLayer(data, { signal: AbortSignal.abort(), onFailure: "mask" }).solution;
      expect(status).toEqual(["time_limit"]);
      expect(boxProjectionLayer(data).solution.status).toEqual(["solved"]);
    },
  );

  it("refuses bad data by an error that names them", () => {
    expect(() => boxProjectionLayer({ y: [1, 2], A: [[1, 1]] })).toThrow(DatumTypeError);
    expect(() => boxProjectionLayer({ y: [1, 2], A: [[1, 1, 1]], b: [1] })).toThrow("A has shape (1, 3)");
    expect(() => boxProjectionLayer({ y: [1, 2], lower: [0, Infinity] })).toThrow("lower is Infinity at (1)");
    const sparse = fromDense([1, 3], [1, 0, 2]);
    expect(() => boxProjectionLayer({ y: [1, 2], A: sparse, b: [1] })).toThrow("A is 1 x 3; expected 1 x 2");
    expect(() => boxProjectionLayer({ y: [1, 2, 3], A: { ...sparse, data: [1] }, b: [1] })).toThrow(DatumRangeError);
  });
});
