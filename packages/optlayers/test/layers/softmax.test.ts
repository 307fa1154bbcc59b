import { grad, gradcheck, logSoftmax, type Tensor, tensor } from "@solvegrad/autograd";
import { describe, expect, it } from "vitest";
import {
  assessEntropy,
  DatumRangeError,
  DatumTypeError,
  type DifferentiationReport,
  type EntropyName,
  type EntropyProgramData,
  entropicImplicit,
  entropicInteriorPoint,
  entropyNames,
  entropyProgram,
  OptimizationError,
  OptionError,
  softmaxLayer,
} from "../../src/index.ts";
import { type RandomEntropy, randomEntropy, randomEntropyProgram } from "../random-entropy.ts";
import { inner, normals, relativeError, uniforms } from "../random-programs.ts";
import { goldenOfKind } from "../support/golden-kinds.ts";

function gradient(value: Tensor): Tensor {
  if (!value.grad) throw new Error("no gradient");
  return value.grad;
}

/** The data of a random program as Tensors that require gradients, in the order of the names. */
function tensors(options: RandomEntropy): Tensor[] {
  const data = randomEntropy(options);
  return entropyNames.map((name) => tensor(data[name] as number[], { requiresGrad: true }));
}

function asData(values: readonly Tensor[]): EntropyProgramData {
  return Object.fromEntries(entropyNames.map((name, k) => [name, values[k]])) as unknown as EntropyProgramData;
}

function numbers(count: number, next: () => number): Float64Array {
  return Float64Array.from({ length: count }, next);
}

const golden = goldenOfKind<EntropyName>("entropy");

describe("softmaxLayer", () => {
  it.skipIf(golden.length === 0)("gives the golden solutions, duals and gradients", () => {
    for (const { id, params, c, solution, grad: expected } of golden) {
      const names = entropyNames.filter((name) => params[name] !== undefined);
      const data = Object.fromEntries(names.map((name) => [name, tensor(params[name], { requiresGrad: true })]));
      const { x, nu, lambda } = softmaxLayer(data as unknown as EntropyProgramData);
      expect(relativeError(x.data(), solution.x), id).toBeLessThan(1e-13);
      expect(relativeError(nu.data(), solution.nu as number[]), id).toBeLessThan(1e-13);
      if (solution.lam.length > 0) expect(relativeError(lambda.data(), solution.lam), id).toBeLessThan(1e-13);
      x.mul(tensor(c)).sum().backward();
      for (const name of names) {
        const exact = (expected[name] as number[]).flat();
        expect(relativeError(gradient(data[name]).data(), exact), `${id} ${name}`).toBeLessThan(1e-12);
      }
    }
  });

  it.each([1, 10, 100])(
    "is autograd's softmax, value and gradient to 1e-12, for A = 1', b = 1 and y of size %d",
    (spread) => {
      const normal = normals(spread);
      const values = numbers(40, () => spread * normal());
      const own = tensor(values, { shape: [4, 10], requiresGrad: true });
      const theirs = tensor(values, { shape: [4, 10], requiresGrad: true });
      const weights = tensor(numbers(40, normal), { shape: [4, 10] });
      const { x } = softmaxLayer({ y: own, A: [new Array(10).fill(1)], b: [1] });
      const softmax = logSoftmax(theirs, 1).exp();
      expect(Math.max(...x.sub(softmax).abs().data())).toBeLessThan(1e-12);
      x.mul(weights).sum().backward();
      softmax.mul(weights).sum().backward();
      expect(Math.max(...gradient(own).sub(gradient(theirs)).abs().data())).toBeLessThan(1e-12);
    },
  );

  it("is exp(y - 1) without constraints", () => {
    const y = tensor([0, 1, -3], { requiresGrad: true });
    const { x, nu, lambda } = softmaxLayer({ y });
    expect(relativeError(x.data(), [Math.exp(-1), 1, Math.exp(-4)])).toBeLessThan(1e-15);
    expect([nu.shape, lambda.shape]).toEqual([[0], [0]]);
    x.sum().backward();
    expect(relativeError(gradient(y).data(), x.data())).toBeLessThan(1e-15);
  });

  it.each([
    ["equalities and inequalities", { n: 7, p: 2, m: 5, seed: 3 }],
    ["positive rows, as in the paper", { n: 8, p: 2, m: 6, seed: 4, positive: true }],
    ["a batch of y", { n: 6, p: 1, m: 4, batch: 3, seed: 5 }],
  ])("passes gradcheck in every datum through x, nu and lambda: %s", (_name, options) => {
    const loss = (...values: Tensor[]) => {
      const { x, nu, lambda } = softmaxLayer(asData(values));
      return x.square().sum().add(nu.square().sum()).add(lambda.square().sum());
    };
    gradcheck(loss, tensors(options), { tolerance: 1e-6 });
  });

  it("gives each item of a batch what it gets alone, and shared data the sum", () => {
    const [y, ...shared] = tensors({ n: 6, p: 1, m: 4, batch: 3, seed: 5 });
    const weights = tensor(numbers(18, normals(9)), { shape: [3, 6] });
    const together = grad(
      softmaxLayer(asData([y, ...shared]))
        .x.mul(weights)
        .sum(),
      [y, ...shared],
    );
    const sums = shared.map(({ size }) => new Float64Array(size));
    for (let i = 0; i < 3; i++) {
      const own = y.slice(0, i, i + 1).reshape([6]);
      const { x } = softmaxLayer(asData([own, ...shared]));
      const alone = grad(x.mul(weights.slice(0, i, i + 1).reshape([6])).sum(), [own, ...shared]);
      expect(relativeError(together[0].slice(0, i, i + 1).data(), alone[0].data())).toBeLessThan(1e-12);
      sums.forEach((sum, k) => {
        for (let e = 0; e < sum.length; e++) sum[e] += alone[k + 1].data()[e];
      });
    }
    sums.forEach((sum, k) => {
      expect(relativeError(together[k + 1].data(), sum)).toBeLessThan(1e-12);
    });
  });

  it("keeps float32, working in float64 between", () => {
    const y = tensor(Float32Array.of(1, 2, 3), { requiresGrad: true });
    const { x, solution } = softmaxLayer({ y, A: [[1, 1, 1]], b: [1] });
    expect(x.dtype).toBe("float32");
    expect(solution.x).toBeInstanceOf(Float64Array);
    x.sum().backward();
    expect(gradient(y)).toMatchObject({ dtype: "float32", shape: [3] });
    expect(() => softmaxLayer({ y, A: tensor([[1, 1, 1]]), b: [1] })).toThrow(DatumTypeError);
  });

  it("lets an entry underflow to 0, with a finite gradient", () => {
    const y = tensor([2000, 0, 2000 + Math.log(3)], { requiresGrad: true });
    const { x, solution } = softmaxLayer({ y, A: [[1, 1, 1]], b: [1] });
    expect(solution.status).toEqual(["solved"]);
    expect(relativeError(x.data(), [0.25, 0, 0.75])).toBeLessThan(1e-12);
    x.mul(tensor([1, 5, 0]))
      .sum()
      .backward();
    expect(relativeError(gradient(y).data(), [3 / 16, 0, -3 / 16])).toBeLessThan(1e-11);
  });

  it("takes the least-norm cotangents of dependent rows, and says so", () => {
    const y = tensor([1, 2, 0.5], { requiresGrad: true });
    const single = softmaxLayer({ y, A: [[1, 1, 1]], b: [1] });
    const expected = grad(single.x.square().sum(), [y])[0];
    const reports: DifferentiationReport[] = [];
    const b = tensor([1, 1], { requiresGrad: true });
    const double = softmaxLayer(
      {
        y,
        A: [
          [1, 1, 1],
          [1, 1, 1],
        ],
        b,
      },
      { onBackward: (report) => reports.push(report) },
    );
    expect(relativeError(double.x.data(), single.x.data())).toBeLessThan(1e-12);
    double.x.square().sum().backward();
    expect(relativeError(gradient(y).data(), expected.data())).toBeLessThan(1e-9);
    expect(gradient(b).data()[0]).toBeCloseTo(gradient(b).data()[1], 9);
    expect(reports[0].notes.join()).toContain("rank 1 of 2");
  });

  it("needs at most one iteration for a problem whose solution it is given", () => {
    const data = randomEntropy({ n: 30, p: 3, m: 12, seed: 7 });
    const { solution } = softmaxLayer(data);
    const again = softmaxLayer(data, { warmStart: solution });
    expect(again.solution.iterations[0]).toBeLessThanOrEqual(1);
    expect(again.solution.iterations[0]).toBeLessThan(solution.iterations[0]);
    expect(relativeError(again.x.data(), solution.x)).toBeLessThan(1e-12);
  });

  it("refuses bad data by an error that names them", () => {
    expect(() => softmaxLayer({ y: [1, Infinity] })).toThrow("y is Infinity at (1); expected finite numbers");
    expect(() => softmaxLayer({ y: [1, 2], A: [[1, 1]] })).toThrow("A came without b; expected A and b together");
    expect(() => softmaxLayer({ y: [1, 2], G: [[1, 1, 1]], h: [1] })).toThrow(DatumRangeError);
    expect(() => softmaxLayer({ y: [1, 2] }, { onFailure: "ignore" as "mask" })).toThrow(OptionError);
    expect(() => entropicInteriorPoint({ tolerance: 0 })).toThrow(OptionError);
  });
});

describe("entropicInteriorPoint", () => {
  it("solves programs of any spread and size, x within the positive orthant, as the residuals confirm", () => {
    for (let seed = 0; seed < 120; seed++) {
      const uniform = uniforms(seed);
      const n = 1 + Math.floor(uniform() * 30);
      const p = Math.floor(uniform() * Math.min(n, 5));
      const m = Math.floor(uniform() * 15);
      const spread = 10 ** (2 * uniform() - 1);
      const size = 10 ** (6 * uniform() - 3);
      const problem = randomEntropyProgram({ n, p, m, spread, size, seed, positive: seed % 2 === 0 });
      const solution = entropicInteriorPoint().solve(problem);
      const where = `seed ${seed}: n ${n}, p ${p}, m ${m}, spread ${spread}, size ${size}`;
      expect(solution.status, where).toEqual(["solved"]);
      expect(Math.min(...solution.x), where).toBeGreaterThan(0);
      expect(assessEntropy(problem, solution).relative[0], where).toBeLessThan(1e-9);
    }
  });

  it("survives data of any magnitude: every claim holds, and the gradient of what it claims is finite", () => {
    const magnitudes = [0, 1, -1, 0.5, 2, -2, 3, 100, 1e-9, 1e8, -1e8, 1e16, 1e300, -1e300, 5e-324];
    for (let seed = 0; seed < 150; seed++) {
      const uniform = uniforms(seed);
      const [n, p, m] = [4, 3, 4].map((most) => Math.floor(uniform() * most));
      const row = (count: number) =>
        Array.from(
          { length: count },
          () => magnitudes[Math.floor(uniform() * (seed % 2 === 0 ? 8 : magnitudes.length))],
        );
      const rows = (count: number) => Array.from({ length: count }, () => row(n + 1));
      const data = { y: row(n + 1), ...(p > 0 && { A: rows(p), b: row(p) }), ...(m > 0 && { G: rows(m), h: row(m) }) };
      const problem = entropyProgram(data);
      const solution = entropicInteriorPoint().solve(problem);
      if (solution.status[0] !== "solved") continue;
      expect(assessEntropy(problem, solution).relative[0], JSON.stringify(data)).toBeLessThan(1e-9);
      const { gradients } = entropicImplicit().vjp(problem, solution, { x: new Float64Array(n + 1).fill(1) });
      const finite = Object.values(gradients).every((values) => values.every(Number.isFinite));
      expect(finite, JSON.stringify(data)).toBe(true);
    }
  });

  it("comes within the tolerance of an entry that has to be 0, where no multiplier makes the logarithm stationary", () => {
    const problem = entropyProgram({ y: [1, 2], G: [[1, 0]], h: [0] });
    const solution = entropicInteriorPoint().solve(problem);
    expect(solution.status).toEqual(["solved"]);
    expect(Math.abs(solution.x[0])).toBeLessThan(1e-9);
    expect(solution.x[1]).toBeCloseTo(Math.E, 8);
    expect(assessEntropy(problem, solution).relative[0]).toBeLessThan(1e-9);
  });

  it("stops at its limits and says which", () => {
    const problem = randomEntropyProgram({ n: 20, p: 2, m: 8, seed: 1 });
    expect(entropicInteriorPoint({ maxIterations: 2 }).solve(problem).status).toEqual(["max_iterations"]);
    const aborted = AbortSignal.abort();
    expect(entropicInteriorPoint().solve(problem, { signal: aborted }).status).toEqual(["time_limit"]);
  });

  it.each([
    ["equalities that want a negative sum", { y: [1, 2], A: [[1, 1]], b: [-1] }],
    [
      "contradicting equalities",
      {
        y: [1, 2],
        A: [
          [1, 1],
          [1, 1],
        ],
        b: [1, 2],
      },
    ],
    [
      "a cap below what the sum needs",
      {
        y: [1, 2],
        A: [[1, 1]],
        b: [1],
        G: [
          [1, 0],
          [0, 1],
        ],
        h: [0.3, 0.3],
      },
    ],
    ["an inequality that only negative numbers satisfy", { y: [1, 2], G: [[1, 2]], h: [-0.1] }],
  ])("proves that %s are infeasible", (_name, data) => {
    const problem = entropyProgram(data);
    const { status, certificates } = entropicInteriorPoint().solve(problem);
    expect(status).toEqual(["primal_infeasible"]);
    const [proof] = certificates;
    if (proof?.kind !== "primal_infeasible") throw new Error("no certificate");
    const size = Math.max(...proof.nu.map(Math.abs), ...proof.lambda);
    for (let j = 0; j < 2; j++) {
      let combination = 0;
      for (let k = 0; k < problem.p; k++) combination += problem.A.values[k * 2 + j] * proof.nu[k];
      for (let k = 0; k < problem.m; k++) combination += problem.G.values[k * 2 + j] * proof.lambda[k];
      expect(combination).toBeGreaterThan(-1e-7 * size);
    }
    expect(Math.min(0, ...proof.lambda)).toBeGreaterThan(-1e-9 * size);
    expect(inner(problem.b.values, proof.nu) + inner(problem.h.values, proof.lambda)).toBeLessThan(0);
    expect(() => softmaxLayer(data)).toThrow(OptimizationError);
  });

  it("keeps the rest of a batch alive when an item is masked", () => {
    const y = tensor(
      [
        [1, 2],
        [1, 2],
        [0, 3],
      ],
      { requiresGrad: true },
    );
    const b = tensor([[1], [-1], [1]], { requiresGrad: true });
    const { x, solution } = softmaxLayer({ y, A: [[1, 1]], b }, { onFailure: "mask" });
    expect(solution.status).toEqual(["solved", "primal_infeasible", "solved"]);
    expect(x.slice(0, 1, 2).toArray()).toEqual([[0, 0]]);
    x.square().sum().backward();
    expect(gradient(y).slice(0, 1, 2).toArray()).toEqual([[0, 0]]);
    expect(gradient(b).data()[1]).toBe(0);
    const alone = tensor([0, 3], { requiresGrad: true });
    softmaxLayer({ y: alone, A: [[1, 1]], b: [1] })
      .x.square()
      .sum()
      .backward();
    expect(relativeError(gradient(y).slice(0, 2, 3).data(), gradient(alone).data())).toBeLessThan(1e-12);
  });
});
