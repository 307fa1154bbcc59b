import { grad, ones, type Tensor, tensor } from "@solvegrad/autograd";
import { describe, expect, it } from "vitest";
import {
  admm,
  alternating,
  type DifferentiationRule,
  entropicAdmm,
  entropicInteriorPoint,
  implicit,
  implicitLayer,
  interiorPoint,
  OptimizationError,
  quadraticLayer,
  quadraticProgram,
  type Solution,
  type Solver,
  softmaxLayer,
  sparsemaxLayer,
  unrolled,
} from "../src/index.ts";
import { normals, randomProgram, relativeError } from "./random-programs.ts";

/** Failures that other libraries of optimization layers have had, each with what such a library gives. */

const ways: { name: string; solver: Solver; differentiation: DifferentiationRule }[] = [
  { name: "implicit", solver: interiorPoint(), differentiation: implicit() },
  { name: "alternating", solver: admm({ tolerance: 1e-10 }), differentiation: alternating() },
  { name: "unrolled", solver: admm({ tolerance: 1e-10 }), differentiation: unrolled() },
];

function variable(values: number[] | number[][]): Tensor {
  return tensor(values, { requiresGrad: true });
}

describe("gradients of shared data averaged instead of summed", () => {
  // x_i = -q_i: averaged over the batch of 4, the gradient of the shared Q is a quarter of this
  it.each(ways)("$name: the gradient of shared data is the sum over the batch", ({ solver, differentiation }) => {
    const Q = variable([[2]]);
    const q = variable([[1], [2], [3], [4]]);
    const { x } = quadraticLayer({ Q, q, G: [[1]], h: [10] }, { solver, differentiation });
    const [slopeQ, slopeq] = grad(x.sum(), [Q, q]);
    // x = -q / Q: dx/dQ = q / Q^2, summed 10 / 4; averaged it would be 0.625
    expect(slopeQ.toArray()).toEqual([[expect.closeTo(2.5, 7)]]);
    expect(slopeq.data().every((value: number) => Math.abs(value + 0.5) < 1e-8)).toBe(true);
  });

  it("in the entropy and sparsemax layers too", () => {
    const b = variable([2]);
    const rows = softmaxLayer({
      y: [
        [0, 1],
        [3, 2],
        [1, 1],
      ],
      A: [[1, 1]],
      b,
    }).x;
    // every x scales with b: d sum x / db = 1 an item, 3 in sum and 1 on average
    expect(grad(rows.sum(), [b])[0].toArray()).toEqual([expect.closeTo(3, 9)]);
    const total = tensor(1, { requiresGrad: true });
    const { x } = sparsemaxLayer({
      y: [
        [0, 0.1],
        [0.3, 0.2],
        [1, 1],
      ],
      total,
    });
    expect(grad(x.sum(), [total])[0].toArray()).toBeCloseTo(3, 9);
  });
});

describe("Q with eigenvalues from 1 to 1e6", () => {
  // with a fixed penalty and an absolute tolerance the stiff directions stop far from their gradient
  const n = 7;
  const v = Array.from({ length: n }, normals(3));
  const square = v.reduce((sum, value) => sum + value * value, 0);
  const mirror = v.map((a, i) => v.map((b, j) => (i === j ? 1 : 0) - (2 * a * b) / square));
  const eigenvalues = v.map((_, k) => 10 ** k);
  const Q = mirror.map((row) =>
    mirror.map((other) => row.reduce((sum, value, k) => sum + value * eigenvalues[k] * other[k], 0)),
  );
  const symmetric = Q.map((row, i) => row.map((value, j) => (value + Q[j][i]) / 2));
  const product = (z: number[]) => mirror.map((row) => row.reduce((sum, value, k) => sum + value * z[k], 0));

  it.each(ways)("$name has the solution and the gradient of the separated problem", ({ solver, differentiation }) => {
    // x = Mz, M = M': minimize sum d_k z_k^2 / 2 + r_k z_k over |z_k| <= 1, so z_k = clip(-r_k / d_k)
    const r = eigenvalues.map((d, k) => (k % 3 === 0 ? -2 * d : 0.4 * d));
    const z = r.map((value, k) => Math.min(Math.max(-value / eigenvalues[k], -1), 1));
    const q = variable(product(r));
    const G = [...mirror, ...mirror.map((row) => row.map((value) => -value))];
    const { x } = quadraticLayer({ Q: symmetric, q, G, h: new Array(2 * n).fill(1) }, { solver, differentiation });
    expect(relativeError(x.data(), product(z))).toBeLessThan(1e-8);
    const c = Array.from({ length: n }, normals(4));
    const slope = product(c).map((value, k) => (Math.abs(z[k]) < 1 ? -value / eigenvalues[k] : 0));
    const [gradient] = grad(x.mul(tensor(c)).sum(), [q]);
    expect(relativeError(gradient.data(), product(slope))).toBeLessThan(1e-6);
  });
});

describe("singular Q", () => {
  // a Cholesky factor of Q fails, or 1e-4 is added to its diagonal and x_2 is off by as much
  it.each(ways)("$name: the constraints may decide what Q does not", ({ solver, differentiation }) => {
    const h = variable([3, 0]);
    const q = variable([-1, -1]);
    const data = {
      Q: [
        [1, 0],
        [0, 0],
      ],
      q,
      G: [
        [0, 1],
        [0, -1],
      ],
      h,
    };
    const { x, lambda } = quadraticLayer(data, { solver, differentiation });
    expect(relativeError([...x.data(), ...lambda.data()], [1, 3, 1, 0])).toBeLessThan(1e-8);
    const [slopeq, slopeh] = grad(x.mul(tensor([2, 5])).sum(), [q, h]);
    expect(relativeError([...slopeq.data(), ...slopeh.data()], [-2, 0, 5, 0])).toBeLessThan(1e-7);
  });
});

describe("a feasible problem called infeasible at 1e-11", () => {
  // bounds that cross by the rounding of their computation: "primal infeasible", and the training run ends
  const G = [
    [1, 0],
    [-1, 0],
  ];
  const h = [1, -1 - 1e-11];
  it.each([interiorPoint(), admm({ tolerance: 1e-8 })])("$name solves it", (solver) => {
    const { status, x } = solver.solve(
      quadraticProgram({
        Q: [
          [1, 0],
          [0, 1],
        ],
        q: [0, -2],
        G,
        h,
      }),
    );
    expect(status).toEqual(["solved"]);
    expect(relativeError(x, [1, 2])).toBeLessThan(1e-6);
  });

  it.each([entropicInteriorPoint(), entropicAdmm()])("the $name layer solves it", (solver) => {
    const { x } = softmaxLayer({ y: [0, 0], G, h }, { solver });
    expect(relativeError(x.data(), [1, Math.exp(-1)])).toBeLessThan(1e-4);
  });

  it("the projection on the simplex solves it", () => {
    const { x } = sparsemaxLayer({ y: [1, 2, 3], u: [0.5, 0.25, 0.25 - 1e-11] });
    expect(relativeError(x.data(), [0.5, 0.25, 0.25])).toBeLessThan(1e-10);
  });
});

describe("a stop on the objective's change that leaves the gradient 30 % off", () => {
  const problem = randomProgram({ n: 10, p: 2, m: 20, seed: 5 });
  const c = { x: Float64Array.from({ length: 10 }, normals(5)) };
  const gradientAt = (solution: Solution) => implicit().vjp(problem, solution, c, { wanted: ["q"] }).gradients.q ?? [];
  const exact = gradientAt(interiorPoint().solve(problem));

  it("the residuals go on where the objective stands still", () => {
    const stopped = (maxIterations: number) =>
      admm({ maxIterations, checkEvery: 1, polish: false, tolerance: 1e-6 }).solve(problem);
    let k = 2;
    const change = () => Math.abs(stopped(k).objective[0] / stopped(k - 1).objective[0] - 1);
    while (change() > 1e-4) k++;
    const early = stopped(k);
    // what a stop there would believe
    expect(relativeError(gradientAt({ ...early, status: ["solved"] }), exact)).toBeGreaterThan(0.3);
    expect(early.status).toEqual(["max_iterations"]);
    const late = admm({ polish: false, tolerance: 1e-6 }).solve(problem);
    expect(late.status).toEqual(["solved"]);
    expect(relativeError(gradientAt(late), exact)).toBeLessThan(1e-4);
  });
});

describe("slacks clamped so that gradients stop at 1e-5", () => {
  // min x^2 / 2 - q x subject to x <= 1: with slacks and multipliers kept above 1e-8 or so, a margin of 1e-6 gives
  // gradients between 0 and 1 instead of one of them
  it.each(ways)(
    "$name: a constraint that is clear by 1e-6 binds wholly or not at all",
    ({ solver, differentiation }) => {
      for (const margin of [1e-6, -1e-6]) {
        const q = variable([-1 - margin]);
        const h = variable([1]);
        const { x } = quadraticLayer({ Q: [[1]], q, G: [[1]], h }, { solver, differentiation });
        const [slopeq, slopeh] = grad(x.sum(), [q, h]);
        const expected = margin > 0 ? [0, 1] : [-1, 0];
        expect(Math.abs(slopeq.data()[0] - expected[0])).toBeLessThan(1e-9);
        expect(Math.abs(slopeh.data()[0] - expected[1])).toBeLessThan(1e-9);
      }
    },
  );
});

describe("an expanded (stride 0) cotangent from sum()", () => {
  // sum() broadcasts its cotangent of 1; kernels that read it as if it were contiguous take memory beyond it
  const numbers = [
    [1, 2, 3],
    [0.5, -1, 2],
  ];
  const layers: [string, (y: Tensor) => Tensor][] = [
    [
      "quadratic",
      (y) =>
        quadraticLayer({
          Q: [
            [2, 0, 0],
            [0, 2, 0],
            [0, 0, 2],
          ],
          q: y,
          A: [[1, 2, 3]],
          b: [1],
        }).x,
    ],
    [
      "quadratic by ADMM",
      (y) =>
        quadraticLayer(
          {
            Q: [
              [2, 0, 0],
              [0, 2, 0],
              [0, 0, 2],
            ],
            q: y,
            A: [[1, 2, 3]],
            b: [1],
          },
          ways[1],
        ).x,
    ],
    ["softmax", (y) => softmaxLayer({ y, A: [[1, 2, 3]], b: [2] }).x],
    ["sparsemax", (y) => sparsemaxLayer({ y }).x],
    ["implicit", (y) => implicitLayer({ solve: (own) => own.exp(), optimality: (x, own) => x.log().sub(own) })(y)],
  ];
  it.each(layers)("%s: gives what a cotangent of ones gives", (_name, layer) => {
    const y = variable(numbers);
    const [expanded] = grad(layer(y).sum(), [y]);
    const [contiguous] = grad(layer(y), [y], { cotangent: ones([2, 3]) });
    const [transposed] = grad(layer(y).transpose().sum(), [y]);
    expect(expanded.toArray()).toEqual(contiguous.toArray());
    expect(transposed.toArray()).toEqual(contiguous.toArray());
  });
});

describe("x leaving the positive orthant in the entropy layer", () => {
  // a Newton step without a line search makes an entry negative, and its logarithm NaN
  it.each([entropicInteriorPoint(), entropicAdmm()])("$name: x > 0, and nothing is NaN", (solver) => {
    for (const [k, spread] of [0.1, 5, 50, 300].entries()) {
      const y = variable(
        Array.from(
          { length: 8 },
          (
            (next) => () =>
              spread * next()
          )(normals(20 + k)),
        ),
      );
      const G = Array.from({ length: 3 }, () => Array.from({ length: 8 }, normals(40 + k)));
      const h = G.map((row) => row.reduce((sum, value) => sum + value / 8, 0.01));
      const { x, solution } = softmaxLayer({ y, A: [new Array(8).fill(1)], b: [1], G, h }, { solver });
      expect(solution.status).toEqual(["solved"]);
      expect(x.data().every((value: number) => value >= 0)).toBe(true);
      const [slope] = grad(x.square().sum(), [y]);
      expect(slope.data().every(Number.isFinite)).toBe(true);
    }
  });

  it("an x of 1e-217 is not 0, and its gradient as exact", () => {
    const y = variable([0, -500]);
    const { x } = softmaxLayer({ y, A: [[1, 1]], b: [1] });
    const [slope] = grad(x.slice(0, 1, 2).sum(), [y]);
    expect(relativeError(slope.data(), [-Math.exp(-500), Math.exp(-500)])).toBeLessThan(1e-9);
  });
});

describe("a missing zero cone, or no constraints at all", () => {
  // an empty block of equalities or inequalities: a shape error, or NaN from a reduction over nothing
  const Q = [
    [2, 0],
    [0, 4],
  ];
  const cases: [string, object, number[], number[]][] = [
    ["no constraints", {}, [-1, -2], [-0.5, 0]],
    ["no inequalities", { A: [[1, 1]], b: [1] }, [5 / 3, -2 / 3], [-1 / 6, 1 / 6]],
    ["no equalities", { G: [[0, -1]], h: [1] }, [-1, -1], [-0.5, 0]],
  ];
  for (const way of ways) {
    it.each(cases)(`${way.name}: %s`, (_name, constraints, x, slope) => {
      const q = variable([2, 8]);
      const found = quadraticLayer({ Q, q, ...constraints }, way);
      expect(relativeError(found.x.data(), x)).toBeLessThan(1e-8);
      const gradient = grad(found.x.slice(0, 0, 1).sum(), [q])[0].data();
      expect(Math.max(...slope.map((value, k) => Math.abs(gradient[k] - value)))).toBeLessThan(1e-8);
    });
  }

  it.each([entropicInteriorPoint(), entropicAdmm()])(
    "$name: no constraints, no equalities, no inequalities",
    (solver) => {
      const free = softmaxLayer({ y: [0, 1] }, { solver }).x;
      expect(relativeError(free.data(), [Math.exp(-1), 1])).toBeLessThan(1e-6);
      const bounded = softmaxLayer({ y: [0, 1], G: [[0, 1]], h: [0.5] }, { solver }).x;
      expect(relativeError(bounded.data(), [Math.exp(-1), 0.5])).toBeLessThan(1e-6);
      const simplex = softmaxLayer({ y: [0, Math.log(3)], A: [[1, 1]], b: [1] }, { solver }).x;
      expect(relativeError(simplex.data(), [0.25, 0.75])).toBeLessThan(1e-6);
    },
  );
});

describe("an inner solver that did not converge and was believed", () => {
  // its point goes on the tape, and the implicit function theorem is applied where no F = 0 holds
  it("implicitLayer refuses a point at which the optimality condition is not met", () => {
    const newton = (steps: number) => (a: Tensor) => {
      let x = ones([...a.shape]);
      for (let k = 0; k < steps; k++) x = x.add(a.div(x)).div(2);
      return x;
    };
    const optimality = (x: Tensor, a: Tensor) => x.square().sub(a);
    const root = (steps: number) => implicitLayer({ solve: newton(steps), optimality, tolerance: 1e-8 });
    const a = variable([2, 9]);
    expect(() => root(2)(a)).toThrow("did not converge");
    expect(relativeError(grad(root(8)(a).sum(), [a])[0].data(), [0.5 / Math.sqrt(2), 1 / 6])).toBeLessThan(1e-9);
  });

  it("a layer refuses a wrong point that a solver of the caller's calls solved", () => {
    const lies: Solver = {
      name: "optimist",
      solve: (problem) => {
        const solution = interiorPoint().solve(problem);
        return { ...solution, x: solution.x.map((value) => value + 0.1) };
      },
    };
    const layer = () => quadraticLayer({ Q: [[2]], q: [1], G: [[1]], h: [5] }, { solver: lies });
    expect(layer).toThrow(OptimizationError);
    expect(layer).toThrow("numerical_error");
    const entropic = {
      name: "optimist",
      solve: (problem: Parameters<ReturnType<typeof entropicAdmm>["solve"]>[0]) => {
        const solution = entropicInteriorPoint().solve(problem);
        return { ...solution, x: solution.x.map((value) => value * 1.1) };
      },
    };
    expect(() => softmaxLayer({ y: [0, 1], A: [[1, 1]], b: [1] }, { solver: entropic })).toThrow("numerical_error");
  });

  it("a solution that was truncated on purpose, and says so, is used", () => {
    const { solution } = quadraticLayer(
      {
        Q: [
          [1, 0.5],
          [0.5, 3],
        ],
        q: [1, 2],
        G: [
          [-1, 0],
          [1, 1],
        ],
        h: [0.1, -1],
      },
      { solver: admm({ tolerance: 1e-2 }) },
    );
    expect(solution.status).toEqual(["solved"]);
    expect(Math.max(solution.residuals.primal[0], solution.residuals.dual[0])).toBeGreaterThan(1e-6);
  });
});
