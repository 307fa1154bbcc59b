import { grad, gradcheck, type Tensor, tensor } from "@solvegrad/autograd";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { simplexDerivative, simplexPullBack, simplexPushForward } from "../../src/differentiate/simplex-projection.ts";
import {
  admm,
  alternating,
  asSparsemaxRule,
  asSparsemaxSolver,
  assess,
  DatumRangeError,
  DatumTypeError,
  implicit,
  interiorPoint,
  OptimizationError,
  OptionError,
  type SparsemaxName,
  simplexProjection,
  sparsemaxAsQuadratic,
  sparsemaxImplicit,
  sparsemaxLayer,
  sparsemaxProblem,
  unrolled,
} from "../../src/index.ts";
import { leastNormSolution } from "../../src/kkt/least-norm.ts";
import { inner, normals, relativeError, uniforms } from "../random-programs.ts";
import { goldenOfKind } from "../support/golden-kinds.ts";

function gradient(value: Tensor): Tensor {
  if (!value.grad) throw new Error("no gradient");
  return value.grad;
}

function numbers(count: number, next: () => number): Float64Array {
  return Float64Array.from({ length: count }, next);
}

const golden = goldenOfKind<SparsemaxName>("sparsemax");

/** A batch of random problems in which about a third of the entries binds at each bound. */
function randomData(n: number, batch: number, seed: number) {
  const [normal, uniform] = [normals(seed), uniforms(seed + 1)];
  const y = tensor(
    numbers(batch * n, () => normal() * 0.3),
    { shape: [batch, n], requiresGrad: true },
  );
  const u = tensor(
    numbers(n, () => (0.5 + uniform()) * (3 / n)),
    { requiresGrad: true },
  );
  const total = tensor(
    numbers(batch, () => 0.8 + uniform() / 2),
    { requiresGrad: true },
  );
  return { y, u, total };
}

function loss({ x, nu, lambda }: { x: Tensor; nu: Tensor; lambda: Tensor }): Tensor {
  return x.square().sum().add(nu.square().sum()).add(lambda.square().mul(0.5).sum());
}

/** A problem of any kind of degeneracy: entries and bounds from a few values, so that ties, zeros and vertices abound. */
const awkward = fc.integer({ min: 1, max: 9 }).chain((n) =>
  fc.record({
    y: fc.array(fc.oneof(fc.constantFrom(-1, 0, 0.25, 0.5, 1, 1e8), fc.double({ min: -3, max: 3, noNaN: true })), {
      minLength: n,
      maxLength: n,
    }),
    u: fc.array(fc.constantFrom(0, 0.1, 0.25, 1 / 3, 0.5, 1, 2, 1e-9, Infinity), { minLength: n, maxLength: n }),
    total: fc.constantFrom(0, 1e-12, 0.1, 0.5, 1, 2),
  }),
);

describe("sparsemaxLayer", () => {
  it.skipIf(golden.length === 0)("gives the golden solution, duals and gradients", () => {
    for (const { id, params, c, solution, grad: expected } of golden) {
      const y = tensor(params.y, { requiresGrad: true });
      const u = tensor(params.u, { requiresGrad: true });
      const total = tensor(1, { requiresGrad: true });
      const { x, nu, lambda } = sparsemaxLayer({ y, u, total });
      expect(relativeError(x.data(), solution.x), id).toBeLessThan(1e-14);
      expect(nu.item()).toBeCloseTo(solution.nu as number, 14);
      expect(relativeError(lambda.data(), [...solution.lam_lower, ...solution.lam_upper]), id).toBeLessThan(1e-14);
      x.mul(tensor(c)).sum().backward();
      expect(relativeError(gradient(y).data(), expected.y as number[]), id).toBeLessThan(1e-14);
      expect(
        Math.max(
          ...gradient(u)
            .sub(tensor(expected.u as number[]))
            .abs()
            .data(),
        ),
      ).toBeLessThan(1e-14);
      expect(gradient(total).item()).toBeCloseTo(expected.total as number, 14);
    }
  });

  it("projects on the simplex: the largest entries stay, shifted by one threshold", () => {
    const { x, nu, lambda } = sparsemaxLayer({ y: [0.75, 0.5, -1] });
    expect(x.toArray()).toEqual([0.625, 0.375, 0]);
    expect(nu.toArray()).toEqual([0.125]);
    expect(lambda.toArray()).toEqual([0, 0, 1.125]);
  });

  it.each([
    ["interior point, implicit", { solver: interiorPoint(), differentiation: implicit() }],
    ["ADMM, alternating", { solver: admm({ tolerance: 1e-12 }), differentiation: alternating() }],
    ["ADMM, unrolled", { solver: admm({ tolerance: 1e-12 }), differentiation: unrolled({ tolerance: 1e-12 }) }],
    ["ADMM, Jacobian", { solver: admm({ tolerance: 1e-12 }), differentiation: alternating({ mode: "forward" }) }],
  ])("agrees with the QP solved and differentiated by %s", (_name, options) => {
    const structural = randomData(7, 3, 11);
    const result = sparsemaxLayer(structural);
    loss(result).backward();
    const general = randomData(7, 3, 11);
    const asQp = sparsemaxLayer(general, options);
    loss(asQp).backward();
    expect(relativeError(asQp.x.data(), result.x.data())).toBeLessThan(1e-9);
    expect(relativeError(asQp.lambda.data(), result.lambda.data())).toBeLessThan(1e-8);
    for (const name of ["y", "u", "total"] as const) {
      expect(relativeError(gradient(general[name]).data(), gradient(structural[name]).data()), name).toBeLessThan(1e-7);
    }
  });

  it("has rules that agree: by structure, and those for QPs on the same problem as a QP, infinite bounds included", () => {
    const normal = normals(21);
    const y = [Array.from({ length: 6 }, normal), Array.from({ length: 6 }, normal)];
    const problem = sparsemaxProblem({ y, u: [0.3, Infinity, 0.4, 0.2, Infinity, 0.5], total: [1, 1.5] });
    const solution = simplexProjection().solve(problem);
    const cotangent = { x: numbers(12, normal), nu: numbers(2, normal), lambda: numbers(24, normal) };
    const own = sparsemaxImplicit().vjp(problem, solution, cotangent).gradients;
    for (const rule of [implicit(), alternating()]) {
      const general = asSparsemaxRule(rule).vjp(problem, solution, cotangent).gradients;
      for (const name of ["y", "u", "total"] as const) {
        expect(relativeError(general[name] ?? [], own[name] ?? []), `${rule.name} ${name}`).toBeLessThan(1e-8);
      }
    }
    const qp = asSparsemaxSolver(interiorPoint()).solve(problem);
    expect(relativeError(qp.x, solution.x)).toBeLessThan(1e-9);
  });

  it("passes gradcheck of both orders in y, u and total, through x, nu and lambda", () => {
    const { y, u, total } = randomData(8, 3, 5);
    const all = (...[a, b, c]: Tensor[]) => loss(sparsemaxLayer({ y: a, u: b, total: c }));
    gradcheck(all, [y, u, total], { tolerance: 1e-9 });
    const cubic = (...[a, b, c]: Tensor[]) => {
      const { x, nu, lambda } = sparsemaxLayer({ y: a, u: b, total: c });
      return x.pow(3).sum().add(nu.pow(3).sum()).add(lambda.pow(3).sum());
    };
    gradcheck(cubic, [y, u, total], { order: 2, tolerance: 1e-8 });
  });

  it("gives each item of a batch what it gets alone, and shared data the sum", () => {
    const { y, u, total } = randomData(6, 4, 3);
    const weights = tensor(numbers(24, normals(9)), { shape: [4, 6] });
    const together = grad(sparsemaxLayer({ y, u, total }).x.mul(weights).sum(), [y, u, total]);
    const sum = new Float64Array(6);
    for (let i = 0; i < 4; i++) {
      const own = { y: y.slice(0, i, i + 1).reshape([6]), u, total: total.slice(0, i, i + 1).reshape([]) };
      const { x } = sparsemaxLayer(own);
      const alone = grad(x.mul(weights.slice(0, i, i + 1).reshape([6])).sum(), [own.y, u, own.total]);
      expect(together[0].slice(0, i, i + 1).toArray()).toEqual([alone[0].toArray()]);
      expect(together[2].data()[i]).toBe(alone[2].item());
      for (let j = 0; j < 6; j++) sum[j] += alone[1].data()[j];
    }
    expect(relativeError(together[1].data(), sum)).toBeLessThan(1e-14);
  });

  it("keeps float32, working in float64 between, and takes float32 bounds that sum to 1 but for their rounding", () => {
    const seventh = Math.fround(1 / 7) - 2 ** -27;
    const y = tensor(Float32Array.of(3, 1, 2, 0, 5, 4, 6), { requiresGrad: true });
    const { x, solution } = sparsemaxLayer({ y, u: new Float32Array(7).fill(seventh) });
    expect(x.dtype).toBe("float32");
    expect(solution.x).toBeInstanceOf(Float64Array);
    expect(x.data()).toEqual(new Float32Array(7).fill(seventh));
    x.sum().backward();
    expect(gradient(y)).toMatchObject({ dtype: "float32", shape: [7] });
    expect(() => sparsemaxLayer({ y, u: new Float64Array(7) })).toThrow(DatumTypeError);
  });

  it("keeps all digits of x where y is large: y + 1e8 gives the same x, which sums to 1", () => {
    const y = Float64Array.of(0.5, 0.25, -0.125, -3, 0.375);
    const moved = y.map((value) => value + 1e8);
    const { x, solution } = sparsemaxLayer({ y: moved });
    expect(relativeError(x.data(), sparsemaxLayer({ y }).x.data())).toBeLessThan(1e-15);
    expect(x.sum().item()).toBe(1);
    expect(solution.status).toEqual(["solved"]);
  });

  it("returns the KKT point of any problem, degenerate or not, with a finite gradient", () => {
    fc.assert(
      fc.property(awkward, ({ y, u, total }) => {
        const feasible = u.reduce((sum, value) => sum + value, 0) >= total * (1 - 1e-10);
        const data = {
          y: tensor(y, { requiresGrad: true }),
          u: tensor(u, { requiresGrad: true }),
          total: tensor(total, { requiresGrad: true }),
        };
        const { x, nu, lambda, solution } = sparsemaxLayer(data, { onFailure: "mask" });
        expect(solution.status).toEqual([feasible ? "solved" : "primal_infeasible"]);
        if (feasible) {
          expect(solution.residuals.primal[0]).toBeLessThan(1e-9);
          expect(Math.max(...[...x.data()].map((value, j) => Math.max(-value, value - u[j])))).toBeLessThanOrEqual(0);
        }
        x.square().sum().add(nu.sum()).add(lambda.sum()).backward();
        for (const value of Object.values(data)) expect(gradient(value).data().every(Number.isFinite)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it("says what the QP's own residuals say", () => {
    fc.assert(
      fc.property(awkward, ({ y, u, total }) => {
        const problem = sparsemaxProblem({ y: y.map((value) => value % 7), u, total });
        const solution = simplexProjection().solve(problem);
        fc.pre(solution.status[0] === "solved");
        expect(assess(sparsemaxAsQuadratic(problem), solution).relative[0]).toBeLessThan(1e-9);
      }),
      { numRuns: 300 },
    );
  });

  it("has a JVP that is the transpose of its VJP, at vertices too", () => {
    fc.assert(
      fc.property(awkward, fc.integer({ min: 0, max: 1e6 }), ({ y, u, total }, seed) => {
        const problem = sparsemaxProblem({ y: [y, y.map((value) => -value)], u, total });
        const derivative = simplexDerivative(problem, simplexProjection().solve(problem));
        const normal = normals(seed);
        const n = y.length;
        const tangents = { y: numbers(2 * n, normal), u: numbers(n, normal), total: numbers(1, normal) };
        const cotangents = { x: numbers(2 * n, normal), nu: numbers(2, normal), lambda: numbers(4 * n, normal) };
        const forward = simplexPushForward(derivative, tangents);
        const backward = simplexPullBack(derivative, cotangents);
        const there =
          inner(cotangents.x, forward.x) + inner(cotangents.nu, forward.nu) + inner(cotangents.lambda, forward.lambda);
        const back =
          inner(backward.y, tangents.y) + inner(backward.u, tangents.u) + inner(backward.total, tangents.total);
        expect(Math.abs(there - back)).toBeLessThan(1e-12 * (1 + Math.abs(there)) * n);
      }),
      { numRuns: 300 },
    );
  });

  it("takes the least-norm solution of the KKT system at a vertex", () => {
    const y = tensor([2, 1.9, 0.3, 0.1], { requiresGrad: true });
    const u = tensor([0.5, 0.5, 0.5, 0.5], { requiresGrad: true });
    const total = tensor(1, { requiresGrad: true });
    const { x } = sparsemaxLayer({ y, u, total });
    expect(x.toArray()).toEqual([0.5, 0.5, 0, 0]);
    const c = [1, -2, 0.5, 3];
    x.mul(tensor(c)).sum().backward();
    // K = [I B'; B 0] with the rows of B for 1'x = total, x1 <= u1, x2 <= u2, -x3 <= 0, -x4 <= 0
    const B = [
      [1, 1, 1, 1],
      [1, 0, 0, 0],
      [0, 1, 0, 0],
      [0, 0, -1, 0],
      [0, 0, 0, -1],
    ];
    const K = new Float64Array(81);
    for (let j = 0; j < 4; j++) {
      K[j * 10] = 1;
      for (let r = 0; r < 5; r++) K[(4 + r) * 9 + j] = K[j * 9 + 4 + r] = B[r][j];
    }
    const { x: z, rank } = leastNormSolution(K, 9, Float64Array.of(...c, 0, 0, 0, 0, 0));
    expect(rank).toBe(8);
    expect(gradient(total).item()).toBeCloseTo(z[4], 12);
    expect(relativeError(gradient(u).data(), [z[5], z[6], 0, 0])).toBeLessThan(1e-12);
    expect(gradient(y).toArray()).toEqual([0, 0, 0, 0]);
  });

  it.each([
    ["sorted", (i: number) => i],
    ["geometric", (i: number) => 2 ** (-i / 20)],
    ["equal", () => 1],
    ["harmonic", (i: number) => 1 / (1 + i)],
    ["with one giant", (i: number) => (i === 7 ? 1e12 : Math.sin(i))],
  ])("finds the threshold of %s entries in a few evaluations", (_name, entry) => {
    for (const cap of [Infinity, 0.003]) {
      const n = 5000;
      const y = Float64Array.from({ length: n }, (_, i) => entry(i));
      const { solution } = sparsemaxLayer({ y, u: new Float64Array(n).fill(cap) });
      expect(solution.status).toEqual(["solved"]);
      expect(solution.iterations[0]).toBeLessThan(60);
    }
  });
});

describe("sparsemaxLayer without a solution", () => {
  const cases: [string, Parameters<typeof sparsemaxLayer>[0]][] = [
    ["bounds that sum to less than total", { y: [1, 2, 3], u: [0.3, 0.3, 0.3] }],
    ["a negative bound", { y: [1, 2, 3], u: [2, -0.1, 2] }],
    ["a negative total", { y: [1, 2, 3], u: [1, 1, 1], total: -1 }],
    ["a negative total without bounds", { y: [1, 2, 3], total: -1 }],
  ];

  it.each(cases)("proves that %s cannot be satisfied", (_name, data) => {
    const problem = sparsemaxProblem(data);
    const { status, certificates } = simplexProjection().solve(problem);
    expect(status).toEqual(["primal_infeasible"]);
    const [proof] = certificates;
    if (proof?.kind !== "primal_infeasible") throw new Error("no certificate");
    const { A, b, G, h, m } = sparsemaxAsQuadratic(problem);
    for (let j = 0; j < 3; j++) {
      let combination = A.values[j] * proof.nu[0];
      for (let k = 0; k < m; k++) combination += G.values[k * 3 + j] * proof.lambda[k];
      expect(combination).toBe(0);
    }
    expect(Math.min(...proof.lambda)).toBeGreaterThanOrEqual(0);
    expect(b.values[0] * proof.nu[0] + inner(h.values, proof.lambda)).toBeLessThan(0);
  });

  it.each(cases)("raises for %s", (_name, data) => {
    expect(() => sparsemaxLayer(data)).toThrow(OptimizationError);
  });

  it("goes on without the item when it is masked, to the same gradients of the others", () => {
    const y = tensor(
      [
        [1, 2, 3],
        [1, 2, 3],
        [3, 2, 2.5],
      ],
      { requiresGrad: true },
    );
    const u = tensor(
      [
        [1, 1, 1],
        [0.3, 0.3, 0.3],
        [1, 1, 1],
      ],
      { requiresGrad: true },
    );
    const { x, solution } = sparsemaxLayer({ y, u }, { onFailure: "mask" });
    expect(solution.status).toEqual(["solved", "primal_infeasible", "solved"]);
    expect(x.slice(0, 1, 2).toArray()).toEqual([[0, 0, 0]]);
    x.square().sum().backward();
    expect(gradient(y).slice(0, 1, 2).toArray()).toEqual([[0, 0, 0]]);
    const last = tensor([3, 2, 2.5], { requiresGrad: true });
    sparsemaxLayer({ y: last }).x.square().sum().backward();
    expect(gradient(y).slice(0, 2, 3).toArray()).toEqual([gradient(last).toArray()]);
  });

  it("refuses bad data by an error that names them", () => {
    expect(() => sparsemaxLayer({ y: [1, Number.NaN] })).toThrow("y is NaN at (1); expected finite numbers");
    expect(() => sparsemaxLayer({ y: [1, 2], u: [1, -Infinity] })).toThrow(
      "u is -Infinity at (1); expected finite numbers, or Infinity for no bound",
    );
    expect(() => sparsemaxLayer({ y: [1, 2], u: [1, 1, 1] })).toThrow(
      "u has shape (3), expected (2) or, batched, (B, 2) (from y with n = 2)",
    );
    expect(() => sparsemaxLayer({ y: [] })).toThrow(DatumRangeError);
    expect(() => sparsemaxLayer({ y: [1], total: Infinity })).toThrow("total is Infinity; expected finite numbers");
    expect(() => sparsemaxLayer({ y: [1], v: [1] } as never)).toThrow("v is not a datum of a sparsemax problem");
    expect(() => sparsemaxLayer({ y: [1] }, { onFailure: "ignore" as "mask" })).toThrow(OptionError);
  });
});
