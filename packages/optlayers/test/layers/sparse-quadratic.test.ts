import { grad, gradcheck, type Tensor, tensor } from "@solvegrad/autograd";
import { analyzeLdl } from "@solvegrad/linalg";
import { afterAll, describe, expect, it, vi } from "vitest";
import {
  DatumRangeError,
  DatumTypeError,
  differentiateSparse,
  OptimizationError,
  quadraticLayer,
  type SparseQuadraticBatchData,
  sparseAdmm,
  sparseAlternating,
  sparseImplicit,
  sparseInteriorPoint,
  sparseQuadraticBatch,
  sparseQuadraticLayer,
  sparseUnrolled,
} from "../../src/index.ts";
import { clearSparse, matrixOf, patternsOf, type RandomSparse } from "../random-sparse.ts";
import { hasMarosMeszaros, MarosMeszaros } from "../support/maros-meszaros.ts";
import { randomFrom } from "../table/table-class.ts";

vi.mock("@solvegrad/linalg", async (original) => {
  const linalg = await original<typeof import("@solvegrad/linalg")>();
  return { ...linalg, analyzeLdl: vi.fn(linalg.analyzeLdl) };
});

const patterns = patternsOf(6, 2, 4);
const random = (seed: number): RandomSparse => clearSparse(randomFrom(seed), patterns);
const leaf = (values: Float64Array) => tensor(values, { requiresGrad: true });
const identity = (n: number) =>
  matrixOf(
    [n, n],
    (i, j) => i === j,
    () => 1,
  );
const precise = { solver: sparseInteriorPoint({ tolerance: 1e-12 }) };

describe("sparseQuadraticLayer", () => {
  it("passes gradcheck in the stored entries and vectors, through x and every multiplier", () => {
    const data = random(1);
    const inputs = [data.q, data.A.data, data.b, data.G.data, data.lower, data.upper].map((values) =>
      tensor(values.map((value) => (Number.isFinite(value) ? value : Math.sign(value) * 50))),
    );
    const error = gradcheck((q, A, b, G, lower, upper) => {
      const stated = { ...data, q, A: { ...data.A, data: A }, b, G: { ...data.G, data: G }, lower, upper };
      const { x, nu, lambda, zeta } = sparseQuadraticLayer(stated, precise);
      return x.square().sum().add(nu.sum()).add(lambda.square().sum()).add(zeta.sum());
    }, inputs);
    expect(error).toBeLessThan(1e-6);
  });

  it("passes gradcheck of second order, on sparse and on dense data, whatever the rule of the inner systems", () => {
    const data = random(9);
    const finite = (values: Float64Array) =>
      values.map((value) => (Number.isFinite(value) ? value : Math.sign(value) * 50));
    const inputs = [
      data.q,
      data.A.data,
      data.b,
      data.G.data,
      finite(data.u),
      data.upper.map((v) => Math.min(v, 9)),
    ].map((values) => tensor(values));
    for (const differentiation of [sparseImplicit(), sparseAlternating({ truncate: 1e-13 })]) {
      const error = gradcheck(
        (q, A, b, G, u, upper) => {
          const stated = { ...data, q, A: { ...data.A, data: A }, b, G: { ...data.G, data: G }, u, upper };
          const { x, nu, lambda, zeta } = sparseQuadraticLayer(stated, {
            solver: sparseAdmm({ tolerance: 1e-13 }),
            differentiation,
          });
          const duals = [nu, lambda, zeta].map((part) => part.square().sum());
          return duals.reduce((sum, part) => sum.add(part), x.square().sum());
        },
        inputs,
        { order: 2, tolerance: 1e-5 },
      );
      expect(error).toBeLessThan(1e-5);
    }
  });

  it("gives Hessian-vector products in Q by differences of gradients", () => {
    const data = random(10);
    const gradientAt = (values: Float64Array) => {
      const Q = leaf(values);
      const { x } = sparseQuadraticLayer({ ...data, Q: { ...data.Q, data: Q } }, precise);
      return { Q, gradient: grad(x.square().sum(), [Q], { createGraph: true })[0] };
    };
    const { source, mirror } = sparseQuadraticBatch(data).layouts.Q;
    const direction = new Float64Array(data.Q.data.length);
    source.forEach((from, k) => {
      direction[from] = Math.cos(3 * k);
      direction[mirror?.[k] ?? from] = Math.cos(3 * k);
    });
    const { Q, gradient } = gradientAt(data.Q.data);
    const [product] = grad(gradient.mul(tensor(direction)).sum(), [Q]);
    const step = 1e-5;
    const at = (t: number) => gradientAt(data.Q.data.map((value, k) => value + t * direction[k])).gradient.data();
    const [above, below] = [at(step), at(-step)];
    product.data().forEach((value, k) => {
      expect(value).toBeCloseTo((above[k] - below[k]) / (2 * step), 6);
    });
  });

  it("puts the gradient of a sparse matrix on its pattern alone, in the order of its entries", () => {
    const data = random(2);
    const G = leaf(data.G.data);
    sparseQuadraticLayer({ ...data, G: { ...data.G, data: G } })
      .x.sum()
      .backward();
    expect(G.grad?.shape).toEqual([data.G.data.length]);
    expect(G.grad?.data().some((value) => value !== 0)).toBe(true);
  });

  it("sums the gradients of what a batch shares, and keeps those of each item apart", () => {
    const data = random(3);
    const items = [data.q, data.q.map((value) => value / 2), data.q.map((value) => -value)];
    const gradientsOf = (q: Tensor) => {
      const [Q, b, upper] = [leaf(data.Q.data), leaf(data.b), leaf(data.upper)];
      sparseQuadraticLayer({ ...data, q, Q: { ...data.Q, data: Q }, b, upper }, precise)
        .x.square()
        .sum()
        .backward();
      return [q, Q, b, upper].map(({ grad }) => Float64Array.from(grad?.data() ?? []));
    };
    const together = gradientsOf(
      tensor(
        items.map((item) => [...item]),
        { requiresGrad: true },
      ),
    );
    const apart = items.map((item) => gradientsOf(leaf(item)));
    apart.forEach(([q], i) => {
      q.forEach((value, j) => {
        expect(together[0][i * q.length + j]).toBeCloseTo(value, 9);
      });
    });
    together.slice(1).forEach((shared, k) => {
      shared.forEach((value, at) => {
        const sum = apart.reduce((total, own) => total + own[k + 1][at], 0);
        expect(value).toBeCloseTo(sum, 9);
      });
    });
  });

  it("analyses a pattern once, for a batch and for the calls that follow", () => {
    const seen = random(4);
    const fresh = (M: RandomSparse["Q"]) => ({ ...M, indices: M.indices.slice() });
    const data = { ...seen, Q: fresh(seen.Q), A: fresh(seen.A), G: fresh(seen.G) };
    const analyses = vi.mocked(analyzeLdl);
    analyses.mockClear();
    const q = tensor([[...data.q], [...data.q]], { requiresGrad: true });
    for (let call = 0; call < 3; call++)
      sparseQuadraticLayer({ ...data, q })
        .x.sum()
        .backward();
    expect(analyses).toHaveBeenCalledTimes(1);
  });

  it("takes one matrix an item: entries with a leading batch axis over one pattern", () => {
    const [first, second] = [random(5), random(6)];
    const G = tensor([[...first.G.data], [...second.G.data]], { requiresGrad: true });
    const batch = sparseQuadraticLayer(
      {
        ...first,
        G: { ...patterns.G, data: G },
        l: [[...first.l], [...second.l]],
        u: [[...first.u], [...first.u].map(() => 9)],
      },
      { ...precise, onFailure: "mask" },
    );
    const alone = sparseQuadraticLayer(first, precise);
    expect(batch.x.shape).toEqual([2, 6]);
    alone.x.data().forEach((value, j) => {
      expect(batch.x.data()[j]).toBeCloseTo(value, 9);
    });
  });

  it("takes h for u, and agrees with quadraticLayer on dense data", () => {
    const [Q, q] = [
      [
        [2, 0.5],
        [0.5, 1],
      ],
      [-3, -1],
    ];
    const [G, h] = [[[1, 1]], [1]];
    const A = [[1, -1]];
    const sparse = sparseQuadraticLayer({ Q, q, A, b: [0.2], G, h }, precise);
    const dense = quadraticLayer({ Q, q, A, b: [0.2], G, h });
    dense.x.data().forEach((value, j) => {
      expect(sparse.x.data()[j]).toBeCloseTo(value, 8);
    });
    dense.lambda.data().forEach((value, i) => {
      expect(sparse.lambda.data()[i]).toBeCloseTo(value, 8);
    });
    expect(() => sparseQuadraticLayer({ Q, q, G, h, u: h })).toThrow("two names of one bound");
  });

  it("signs multipliers by the side that binds, and sets Qx + q + A'nu + G'lambda + zeta to zero", () => {
    const { x, zeta } = sparseQuadraticLayer({ Q: identity(2), q: [-3, 3], lower: [-1, -1], upper: [1, 1] });
    expect([...x.data()].map((value) => Math.round(1e6 * value) / 1e6)).toEqual([1, -1]);
    expect([...zeta.data()].map((value) => Math.round(1e6 * value) / 1e6)).toEqual([2, -2]);
  });

  it("raises where an item fails, and with mask gives zeros and a zero gradient there alone", () => {
    const q = tensor(
      [
        [1, 1],
        [1, 1],
      ],
      { requiresGrad: true },
    );
    const data = {
      Q: identity(2),
      q,
      lower: [
        [0, 0],
        [5, 0],
      ],
      upper: [1, 1],
    };
    expect(() => sparseQuadraticLayer(data)).toThrow(OptimizationError);
    expect(() => sparseQuadraticLayer(data)).toThrow("item 1 of 2 is primal_infeasible");
    const { x, solution } = sparseQuadraticLayer({ ...data, q: q.mul(-0.5) }, { onFailure: "mask" });
    expect(solution.status).toEqual(["solved", "primal_infeasible"]);
    expect(solution.items[1].certificate).toEqual({ kind: "primal_infeasible", crossed: 0 });
    x.sum().backward();
    expect([...x.data()].slice(2)).toEqual([0, 0]);
    expect([...(q.grad?.data() ?? [])].map((value) => Math.round(1e9 * value) / 1e9 + 0)).toEqual([0.5, 0.5, 0, 0]);
  });

  it("hands warm start, signal and reports on", () => {
    const data = random(7);
    const options = { solver: sparseAdmm({ polish: false }), differentiation: sparseAlternating() };
    const cold = sparseQuadraticLayer(data, options);
    expect(cold.solution.iterations[0]).toBeGreaterThan(0);
    expect(sparseQuadraticLayer(data, { ...options, warmStart: cold.solution }).solution.iterations[0]).toBe(0);
    const abort = new AbortController();
    abort.abort();
    expect(() => sparseQuadraticLayer(data, { ...options, signal: abort.signal })).toThrow("time_limit");
    const seen: number[] = [];
    const q = leaf(data.q);
    const onBackward = ({ iterations }: { iterations: number }) => void seen.push(iterations);
    sparseQuadraticLayer({ ...data, q }, { ...options, onBackward })
      .x.sum()
      .backward();
    expect(seen).toHaveLength(1);
    expect(seen[0]).toBeGreaterThan(1);
  });

  it("is zero in q at the vertex of a linear program, and passes the gradient to the bounds that hold it", () => {
    const [q, upper] = [leaf(Float64Array.of(-1, -2)), leaf(Float64Array.of(1, 1))];
    sparseQuadraticLayer({ q, lower: [0, 0], upper })
      .x.sum()
      .backward();
    expect([...(q.grad?.data() ?? [])].map(Math.abs)).toEqual([0, 0]);
    expect([...(upper.grad?.data() ?? [])]).toEqual([1, 1]);
  });

  it("keeps float32 data in float32, with matrices of the linear algebra package among them", () => {
    const q = tensor(Float32Array.of(-3, 0.25), { requiresGrad: true });
    const { x, zeta } = sparseQuadraticLayer({ Q: identity(2), q, upper: [1, 1] });
    x.sum().add(zeta.sum()).backward();
    expect([x.dtype, zeta.dtype, q.grad?.dtype]).toEqual(["float32", "float32", "float32"]);
  });
});

describe("quadraticLayer with bounds", () => {
  const Q = [
    [2, 0.5],
    [0.5, 1],
  ];

  it("agrees with the same bounds written as rows of G, in x, multipliers and gradients", () => {
    const gradients = [0, 1].map((asRows) => {
      const q = tensor([-5, 1], { requiresGrad: true });
      const G = [
        [1, 0],
        [0, 1],
        [-1, 0],
        [0, -1],
      ];
      const rows = { G, h: [1, 2, 1, 0.5] };
      const { x } = asRows
        ? quadraticLayer({ Q, q, ...rows })
        : quadraticLayer({ Q, q, lower: [-1, -0.5], upper: [1, 2] });
      x.square().sum().backward();
      return [...x.data(), ...(q.grad?.data() ?? [])];
    });
    gradients[0].forEach((value, k) => {
      expect(value).toBeCloseTo(gradients[1][k], 8);
    });
  });

  it("has the multipliers of the bounds, and factors no row for them", () => {
    const { zeta, lambda, solution } = quadraticLayer({ Q, q: [-5, 1], upper: [1, 2] });
    expect([lambda.size, zeta.size]).toEqual([0, 2]);
    expect(solution.items[0].state?.program.rows).toBe(0);
  });

  it("keeps to the dense way without them", () => {
    expect("zeta" in quadraticLayer({ Q, q: [-5, 1], G: [[1, 1]], h: [1] }).solution).toBe(false);
  });
});

describe("the data of sparseQuadraticLayer", () => {
  const Q = identity(2);
  const q = [1, 1];

  it.each<[string, SparseQuadraticBatchData, string]>([
    [
      "a pattern that is not symmetric",
      { Q: { shape: [2, 2], indptr: [0, 1, 3], indices: [0, 0, 1], data: [1, 1, 1] }, q },
      "its pattern is not symmetric",
    ],
    [
      "values that are not symmetric",
      {
        Q: [
          [1, 0],
          [1, 1],
        ],
        q,
      },
      "Q is not symmetric: Q[0][1] is 0, Q[1][0] is 1",
    ],
    [
      "an objective that is not convex",
      {
        Q: [
          [-1, 0],
          [0, 1],
        ],
        q,
      },
      "Q is not positive semidefinite",
    ],
    ["a matrix of another size", { Q, q, A: identity(3), b: [1, 1, 1] }, "A is 3 x 3; expected 3 x 2"],
    ["a pattern with too few entries", { Q: { ...Q, data: [1] }, q }, "Q has 1 entries in data and 2 in its pattern"],
    [
      "rows that do not rise",
      { Q: { shape: [2, 2], indptr: [0, 2, 2], indices: [1, 0], data: [1, 1] }, q },
      "expected rows that rise",
    ],
    ["a lower bound of Infinity", { Q, q, lower: [Infinity, 0] }, "lower is Infinity at (0)"],
    ["an upper bound that is not a number", { Q, q, upper: [Number.NaN, 0] }, "upper is NaN at (0)"],
    [
      "batches of two sizes",
      {
        Q,
        q: [
          [1, 1],
          [1, 1],
        ],
        lower: [
          [0, 0],
          [0, 0],
          [0, 0],
        ],
      },
      "lower has shape (3, 2)",
    ],
    [
      "an infinite entry",
      {
        Q: [
          [Infinity, 0],
          [0, 1],
        ],
        q,
      },
      "Q is Infinity at (0, 0)",
    ],
  ])("are refused for %s", (_, data, message) => {
    expect(() => sparseQuadraticBatch(data)).toThrow(DatumRangeError);
    expect(() => sparseQuadraticBatch(data)).toThrow(message);
  });

  it.each<[string, object, string]>([
    ["A without b", { Q, q, A: Q }, "A came without b"],
    ["l without G", { Q, q, l: [0] }, "l came without G"],
    ["G without bounds", { Q, q, G: Q }, "G came without l or u"],
    ["no q", { Q }, "q is missing"],
    ["an unknown name", { Q, q, r: [1] }, "r is not a datum of a sparse QP"],
  ])("are refused for %s", (_, data, message) => {
    expect(() => sparseQuadraticBatch(data as SparseQuadraticBatchData)).toThrow(DatumTypeError);
    expect(() => sparseQuadraticBatch(data as SparseQuadraticBatchData)).toThrow(message);
  });
});

describe("differentiateSparse", () => {
  it("gives the layer's gradients under the names that the data came with, by every rule", () => {
    const { Q, q } = random(8);
    const h = [1, 1, 1, 1];
    const G = { ...patterns.G, data: [...random(8).G.data] };
    const cotangent = { x: Float64Array.of(1, 2, 3, 4, 5, 6) };
    const reference = differentiateSparse({ Q, q, G, h }, { cotangent }).gradients ?? {};
    expect(Object.keys(reference).sort()).toEqual(["G", "Q", "h", "q"]);
    for (const rule of ["alternating", "unrolled"] as const) {
      const { solution, gradients } = differentiateSparse({ Q, q, G, h }, { rule, tolerance: 1e-10, cotangent });
      expect(solution.status).toEqual(["solved"]);
      for (const [name, values] of Object.entries(reference)) {
        const own = Object.entries(gradients ?? {}).find(([other]) => other === name)?.[1] ?? new Float64Array(0);
        values.forEach((value, k) => {
          expect(own[k]).toBeCloseTo(value, 6);
        });
      }
    }
  });

  it("gives no gradient without a cotangent, and refuses one of the wrong length", () => {
    expect(differentiateSparse({ q: [1], lower: [0] }).gradients).toBeNull();
    expect(() => differentiateSparse({ q: [1], lower: [0] }, { cotangent: { x: new Float64Array(2) } })).toThrow(
      "the cotangent of x has 2 entries; expected 1 numbers",
    );
  });
});

describe.runIf(hasMarosMeszaros)("a problem of the Maros-Meszaros set in the layer", () => {
  const problems = new MarosMeszaros();
  afterAll(() => problems.close());

  it.each(["HS21", "DUALC1", "CVXQP2_S", "MOSARQP2"])(
    "%s: all rules give the slope of a central difference",
    (name) => {
      const data = problems.read(name);
      const direction = Float64Array.from(data.q, (_, j) => Math.sin(j + 1));
      const q0 = Float64Array.from(data.q);
      const loss = (t: number) => {
        const q = q0.map((value, j) => value + t * (1 + Math.abs(value)) * direction[j]);
        return sparseQuadraticLayer({ ...data, q }, precise)
          .x.square()
          .sum()
          .item();
      };
      const step = 1e-6;
      const slope = (loss(step) - loss(-step)) / (2 * step);
      const methods = {
        implicit: precise,
        alternating: { solver: sparseAdmm({ tolerance: 1e-9 }), differentiation: sparseAlternating() },
        unrolled: { solver: sparseAdmm({ tolerance: 1e-9 }), differentiation: sparseUnrolled() },
      };
      for (const [rule, options] of Object.entries(methods)) {
        const q = leaf(q0.slice());
        sparseQuadraticLayer({ ...data, q }, options)
          .x.square()
          .sum()
          .backward();
        const predicted = Float64Array.from(q.grad?.data() ?? []).reduce((sum, value, j) => {
          return sum + value * (1 + Math.abs(q0[j])) * direction[j];
        }, 0);
        expect(Math.abs(predicted - slope), rule).toBeLessThan(1e-5 * (1 + Math.abs(slope)));
      }
    },
  );
});

describe("a vector in compressed columns", () => {
  const Q = { shape: [2, 2] as const, indptr: [0, 1, 2], indices: [0, 1], data: [1, 1] };
  const column = { shape: [2, 1] as const, indptr: [0, 2], indices: [0, 1], data: [1, 1] };

  it.each(["q", "b", "u", "h", "lower"])("is refused as %s, not read as its stored entries", (name) => {
    const data = { Q, q: [1, 2], [name]: column } as unknown as SparseQuadraticBatchData;
    expect(() => sparseQuadraticLayer(data)).toThrow(DatumTypeError);
    expect(() => sparseQuadraticLayer(data)).toThrow(
      `${name} came in compressed columns; expected a vector of numbers`,
    );
  });
});
