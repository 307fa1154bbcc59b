import { grad, hessian, type Tensor, tensor } from "@solvegrad/autograd";
import { describe, expect, it } from "vitest";
import {
  admm,
  type DifferentiationReport,
  OptionError,
  type QuadraticLayerOptions,
  quadraticLayer,
  type Smoothing,
} from "../../src/index.ts";
import { identity, relativeError } from "../random-programs.ts";

/** The cheapest of three ways, two of which may be mixed at a price: a linear program on the simplex with a bound. */
const simplex = {
  Q: [
    [0, 0, 0],
    [0, 0, 0],
    [0, 0, 0],
  ],
  A: [[1, 1, 1]],
  b: [1],
  G: [
    [-1, 0, 0],
    [0, -1, 0],
    [0, 0, -1],
    [1, 0, 0],
  ],
  h: [0, 0, 0, 0.6],
};
const costs = [0.3, 0.5, 1.1];
const vertex = [0.6, 0.4, 0];

function solve(q: readonly number[], smoothing?: Smoothing, more: QuadraticLayerOptions = {}) {
  const cost = tensor([...q], { requiresGrad: true });
  return { cost, ...quadraticLayer({ ...simplex, q: cost }, { ...(smoothing && { smoothing }), ...more }) };
}

const kinds: Smoothing["kind"][] = ["quadratic", "entropic"];

describe("a linear program as a layer", () => {
  it("has a gradient of zero in its cost, and says so in the report and in the solution", () => {
    const reports: DifferentiationReport[] = [];
    const { cost, x, solution } = solve(costs, undefined, { onBackward: (report) => reports.push(report) });
    x.square().sum().backward();
    expect(relativeError(x.data(), vertex)).toBeLessThan(1e-9);
    expect(Math.max(...(cost.grad?.data() ?? [1]).map(Math.abs))).toBeLessThan(1e-12);
    expect(reports[0].notes).toContain(
      "x is at a vertex of its constraints: the gradient of q is zero almost everywhere; the layer's option smoothing gives x a slope.",
    );
    expect(solution.degeneracy[0]).toMatchObject({ vertex: true });
  });

  it("says of a batch how many items are at a vertex, and nothing where q wants no gradient", () => {
    const notes = (q: number[][], names: "q" | "b") => {
      const reports: DifferentiationReport[] = [];
      const given = tensor(q, { requiresGrad: names === "q" });
      const b = tensor([1], { requiresGrad: names === "b" });
      const { x } = quadraticLayer(
        { ...simplex, Q: identity(3), q: given, b },
        { onBackward: (report) => reports.push(report) },
      );
      x.square().sum().backward();
      return reports[0].notes.filter((note) => note.includes("vertex"));
    };
    const far = [
      [-9, 5, 9],
      [0.1, 0.1, 0.1],
    ];
    expect(notes(far, "q")).toEqual([expect.stringContaining("x of 1 of 2 items (the first is 0) is at a vertex")]);
    expect(notes(far, "b")).toEqual([]);
  });
});

describe("smoothing", () => {
  it.each(kinds)("%s: has a gradient in the cost that is not zero, and is that of differences", (kind) => {
    const smoothing = { kind, weight: 0.5 };
    const weights = tensor([1, -2, 0.5]);
    const loss = (q: readonly number[]) => {
      const { cost, x, nu, lambda } = solve(q, smoothing);
      const value = x.mul(weights).sum().add(nu.square().sum()).add(lambda.square().sum());
      return { cost, value };
    };
    const { cost, value } = loss(costs);
    value.backward();
    const gradient = cost.grad?.data() ?? new Float64Array();
    const differences = costs.map((_, j) => {
      const moved = (t: number) => loss(costs.map((c, i) => (i === j ? c + t : c))).value.item();
      return (moved(1e-5) - moved(-1e-5)) / 2e-5;
    });
    expect(relativeError(gradient, differences)).toBeLessThan(1e-6);
    expect(Math.max(...gradient.map(Math.abs))).toBeGreaterThan(0.1);
  });

  it.each(kinds)("%s: x and the duals tend to those of the linear program as the weight goes to 0", (kind) => {
    const exact = solve(costs);
    // the entropy holds x > 0 by itself, where the linear program has multipliers of x >= 0
    const first = kind === "entropic" ? 3 : 0;
    const distance = (weight: number) => {
      const numbers = (of: { x: Tensor; nu: Tensor; lambda: Tensor }) =>
        [of.x, of.nu, of.lambda.slice(0, first)].flatMap((part) => [...part.data()]);
      return relativeError(numbers(solve(costs, { kind, weight })), numbers(exact));
    };
    expect(distance(0.5)).toBeGreaterThan(0.05);
    expect(distance(1e-4)).toBeLessThan(1e-3);
    expect(distance(1e-4)).toBeLessThan(distance(1e-2) / 10);
  });

  it("quadratic: gives the x of the problem with Q + weight I, by any solver, and its duals", () => {
    const data = {
      ...simplex,
      Q: [
        [1, 0.5, 0],
        [0.5, 1, 0],
        [0, 0, 0],
      ],
      q: costs,
    };
    const stated = quadraticLayer({
      ...data,
      Q: [
        [1.25, 0.5, 0],
        [0.5, 1.25, 0],
        [0, 0, 0.25],
      ],
    });
    const smoothing = { kind: "quadratic", weight: 0.25 } as const;
    for (const solver of [undefined, admm({ tolerance: 1e-12 })]) {
      const smooth = quadraticLayer(data, { smoothing, ...(solver && { solver }) });
      expect(relativeError(smooth.x.data(), stated.x.data())).toBeLessThan(1e-9);
      expect(relativeError(smooth.nu.data(), stated.nu.data())).toBeLessThan(1e-9);
    }
  });

  it("quadratic: passes the gradient of Q, and second derivatives", () => {
    const Q = tensor(
      [
        [1, 0.5, 0],
        [0.5, 1, 0],
        [0, 0, 0.5],
      ],
      { requiresGrad: true },
    );
    const plain = tensor(
      [
        [1.25, 0.5, 0],
        [0.5, 1.25, 0],
        [0, 0, 0.75],
      ],
      { requiresGrad: true },
    );
    const q = tensor(costs);
    const loss = (given: typeof Q, smoothing?: Smoothing) =>
      quadraticLayer({ ...simplex, Q: given, q }, smoothing && { smoothing })
        .x.square()
        .sum();
    const smoothing = { kind: "quadratic", weight: 0.25 } as const;
    expect(relativeError(grad(loss(Q, smoothing), [Q])[0].data(), grad(loss(plain), [plain])[0].data())).toBeLessThan(
      1e-9,
    );
    const H = hessian(
      (cost) =>
        quadraticLayer({ ...simplex, q: cost }, { smoothing: { kind: "quadratic", weight: 1 } })
          .x.pow(3)
          .sum(),
      q,
    );
    expect(Math.max(...H.data().map(Math.abs))).toBeGreaterThan(0.1);
  });

  it("entropic: is softmax of -q / weight on the simplex, in the cost's unit, float32 and batches too", () => {
    const q = tensor(
      [
        [1, 2, 3],
        [0, 0, 1],
      ],
      { dtype: "float32", requiresGrad: true },
    );
    const data = { Q: simplex.Q, q, A: simplex.A, b: simplex.b };
    const { x, nu, solution } = quadraticLayer(data, { smoothing: { kind: "entropic", weight: 0.5 } });
    const direct = q.mul(-2).logSoftmax().exp();
    expect(x.dtype).toBe("float32");
    expect(relativeError(x.data(), direct.data())).toBeLessThan(1e-6);
    // q + weight (log x + 1) + nu = 0
    for (let i = 0; i < 2; i++) {
      const stationarity = Number(q.data()[3 * i]) + 0.5 * (Math.log(solution.x[3 * i]) + 1) + solution.nu[i];
      expect(Math.abs(stationarity)).toBeLessThan(1e-9);
      expect(nu.data()[i]).toBeCloseTo(solution.nu[i], 5);
    }
    expect(solution.objective[1]).toBeCloseTo(
      solution.x.slice(3).reduce((sum, value, j) => sum + value * q.data()[3 + j] + 0.5 * value * Math.log(value), 0),
      9,
    );
  });

  it("entropic: takes a batch that only Q has, and starts from an earlier solution of its own", () => {
    const smoothing = { kind: "entropic", weight: 0.5 } as const;
    const { x } = quadraticLayer({ ...simplex, Q: [simplex.Q, simplex.Q], q: costs }, { smoothing });
    expect(x.shape).toEqual([2, 3]);
    const first = solve(costs, smoothing);
    const again = solve(costs, smoothing, { warmStart: first.solution });
    expect(again.solution.iterations[0]).toBeLessThan(first.solution.iterations[0]);
    expect(relativeError(again.x.data(), first.x.data())).toBeLessThan(1e-9);
  });

  it("refuses what it cannot mean, in one line that names the option", () => {
    const refused: [QuadraticLayerOptions, number[][], string][] = [
      [
        { smoothing: { kind: "entropic", weight: 1 } },
        identity(3),
        'option smoothing.kind is entropic, expected "quadratic" where Q is not zero',
      ],
      [
        { smoothing: { kind: "entropic", weight: 1 }, solver: admm() },
        simplex.Q,
        "option solver is admm, expected to be left out",
      ],
      [
        { smoothing: { kind: "entropic", weight: 1 }, onFailure: "closest" },
        simplex.Q,
        'option onFailure is closest, expected "raise" or "mask"',
      ],
      [
        { smoothing: { kind: "quadratic", weight: 0 } },
        simplex.Q,
        "option smoothing.weight is 0, expected a positive number",
      ],
      [
        { smoothing: { kind: "cubic" as "quadratic", weight: 1 } },
        simplex.Q,
        'option smoothing.kind is cubic, expected "quadratic" or "entropic"',
      ],
    ];
    for (const [options, Q, message] of refused) {
      expect(() => quadraticLayer({ ...simplex, Q, q: costs }, options)).toThrow(OptionError);
      expect(() => quadraticLayer({ ...simplex, Q, q: costs }, options)).toThrow(message);
    }
  });
});

describe("smoothing of data with bounds, or in compressed columns", () => {
  const { A, b } = simplex;
  const bounded = { A, b, lower: [0, 0, 0], upper: [0.6, 1, 1] };
  const smoothing = { kind: "quadratic", weight: 0.25 } as const;
  const eighth = (Q: number[][]) => Q.map((row, i) => row.map((value, j) => (i === j ? value + 0.25 : value)));
  const Q = [
    [1, 0.5, 0],
    [0.5, 0, 0],
    [0, 0, 0],
  ].map((row, i) => row.map((value, j) => (i === 1 && j === 1 ? 2 : value)));
  // the entries of Q that are not zero: its last diagonal entry is not stored
  const columns = { shape: [3, 3] as [number, number], indptr: [0, 2, 4, 4], indices: [0, 1, 0, 1] };

  it("gives the x of Q + weight I, whether Q is dense, in columns, or left out", () => {
    const direct = quadraticLayer({ ...bounded, Q: eighth(Q), q: costs }).x.data();
    for (const given of [Q, { ...columns, data: [1, 0.5, 0.5, 2] }]) {
      expect(
        relativeError(quadraticLayer({ ...bounded, Q: given, q: costs }, { smoothing }).x.data(), direct),
      ).toBeLessThan(1e-9);
    }
    const linear = quadraticLayer({ ...bounded, q: costs }, { smoothing }).x.data();
    const squared = quadraticLayer({ ...bounded, Q: eighth(simplex.Q), q: costs }).x.data();
    expect(relativeError(linear, squared)).toBeLessThan(1e-9);
    expect(relativeError(quadraticLayer({ ...bounded, q: costs }).x.data(), vertex)).toBeLessThan(1e-9);
  });

  it("passes the gradient to the stored entries of Q, and to q", () => {
    const entries = tensor(
      [
        [1, 0.5, 0.5, 2],
        [2, 0.5, 0.5, 1],
      ],
      { requiresGrad: true, dtype: "float32" },
    );
    const q = tensor(costs, { requiresGrad: true, dtype: "float32" });
    const sparse = quadraticLayer({ ...bounded, Q: { ...columns, data: entries }, q }, { smoothing });
    const dense = tensor(
      [
        Q,
        [
          [2, 0.5, 0],
          [0.5, 1, 0],
          [0, 0, 0],
        ],
      ],
      { requiresGrad: true },
    );
    const other = tensor(costs, { requiresGrad: true });
    const expected = quadraticLayer({ ...bounded, Q: dense, q: other }, { smoothing });
    const [ofEntries, ofq] = grad(sparse.x.square().sum(), [entries, q]);
    const [ofDense, ofOther] = grad(expected.x.square().sum(), [dense, other]);
    const stored = [0, 1, 3, 4, 9, 10, 12, 13].map((at) => ofDense.data()[at]);
    expect(relativeError(ofEntries.data(), stored)).toBeLessThan(1e-5);
    expect(relativeError(ofq.data(), ofOther.data())).toBeLessThan(1e-5);
    expect(Math.max(...ofq.data().map(Math.abs))).toBeGreaterThan(0.1);
  });

  it("is what the report and the solution of a linear program with bounds advise", () => {
    const reports: DifferentiationReport[] = [];
    const q = tensor(costs, { requiresGrad: true });
    const { x, solution } = quadraticLayer({ ...bounded, q }, { onBackward: (report) => reports.push(report) });
    x.square().sum().backward();
    expect(reports[0].notes).toContainEqual(expect.stringContaining("x is at a vertex of its constraints"));
    expect(solution.degeneracy).toEqual([
      {
        weaklyActive: [],
        weaklyActiveBounds: [],
        dependent: { equalities: [], inequalities: [] },
        rank: 3,
        unique: true,
        vertex: true,
      },
    ]);
  });

  it("refuses the entropy", () => {
    const entropic = { smoothing: { kind: "entropic", weight: 1 } } as const;
    expect(() => quadraticLayer({ ...bounded, q: costs }, entropic)).toThrow(
      'option smoothing.kind is entropic, expected "quadratic" for data with bounds or compressed columns',
    );
  });
});
