import { readFileSync } from "node:fs";
import {
  addProduct,
  addSymmetricProduct,
  addTransposedProduct,
  fromDense,
  fromTriplets,
  type Triplet,
  toDense,
} from "@solvegrad/linalg";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  assessSparse,
  interiorPoint,
  OptionError,
  quadraticProgram,
  readMps,
  type SparseQuadraticProgram,
  type SparseSolution,
  sparseAdmm,
  sparseInteriorPoint,
  sparseQuadraticProgram,
} from "../../src/index.ts";
import { dataFile } from "../support/data.ts";

const solver = sparseInteriorPoint();

const entry = fc.integer({ min: -8, max: 8 }).map((k) => k / 4);

/** A small QP that has a feasible point, Q = XX' of any rank, with every kind of bound. */
const feasibleProgram = fc
  .record({ n: fc.integer({ min: 1, max: 7 }), p: fc.nat(3), m: fc.nat(6), rank: fc.nat(7) })
  .chain(({ n, p, m, rank }) => {
    const numbers = (length: number) => fc.array(entry, { minLength: length, maxLength: length });
    return fc.record({
      n: fc.constant(n),
      p: fc.constant(Math.min(p, n)),
      m: fc.constant(m),
      rank: fc.constant(rank),
      X: numbers(n * rank),
      q: numbers(n),
      A: numbers(Math.min(p, n) * n),
      G: numbers(m * n),
      feasible: numbers(n),
      slack: fc.array(fc.integer({ min: 0, max: 8 }), { minLength: m, maxLength: m }),
      kinds: fc.array(fc.nat(2), { minLength: m, maxLength: m }),
    });
  })
  .map(({ n, p, m, rank, X, q, A, G, feasible, slack, kinds }) => {
    const Q = Array.from({ length: n * n }, (_, at) => {
      let sum = 0;
      for (let k = 0; k < rank; k++) sum += X[Math.floor(at / n) * rank + k] * X[(at % n) * rank + k];
      return sum;
    });
    const image = (M: number[], i: number) => feasible.reduce((sum, x, j) => sum + M[i * n + j] * x, 0);
    const Gx = Array.from({ length: m }, (_, i) => image(G, i));
    return {
      n,
      p,
      m,
      dense: { Q, q, A, b: Array.from({ length: p }, (_, i) => image(A, i)), G },
      // kind 0: from above, 1: from below, 2: both
      l: Gx.map((value, i) => (kinds[i] === 0 ? -Infinity : value - slack[i] / 4)),
      u: Gx.map((value, i) => (kinds[i] === 1 ? Infinity : value + slack[i] / 4)),
      lower: feasible.map((x) => x - 2),
      upper: feasible.map((x, j) => (j % 3 === 0 ? Infinity : x + 1)),
    };
  });

/** The largest entry of Qx + q + A'nu + G'lambda + zeta, computed here. */
function stationarity(problem: SparseQuadraticProgram, point: SparseSolution): number {
  const sum = problem.q.map((value, j) => value + point.zeta[j]);
  addSymmetricProduct(1, problem.Q, point.x, sum);
  addTransposedProduct(1, problem.A, point.nu, sum);
  addTransposedProduct(1, problem.G, point.lambda, sum);
  return Math.max(...sum.map(Math.abs));
}

describe("the sparse interior point on small problems", () => {
  it("satisfies the KKT conditions and finds the objective that the dense solver finds", () => {
    fc.assert(
      fc.property(feasibleProgram, ({ n, p, m, dense, l, u, lower, upper }) => {
        const problem = sparseQuadraticProgram({
          Q: fromDense([n, n], dense.Q),
          q: dense.q,
          A: fromDense([p, n], dense.A),
          b: dense.b,
          G: fromDense([m, n], dense.G),
          l,
          u,
          lower,
          upper,
        });
        const solution = solver.solve(problem);
        if (solution.status === "dual_infeasible") return;
        expect(solution.status).toBe("solved");
        expect(stationarity(problem, solution)).toBeLessThan(1e-6);
        const rows: number[][] = [];
        const h: number[] = [];
        const add = (row: number[], bound: number) => {
          if (!Number.isFinite(bound)) return;
          rows.push(row);
          h.push(bound);
        };
        for (let i = 0; i < m; i++) {
          const row = dense.G.slice(i * n, (i + 1) * n);
          add(row, u[i]);
          add(
            row.map((value) => -value),
            -l[i],
          );
        }
        for (let j = 0; j < n; j++) {
          const unit = Array.from({ length: n }, (_, k) => (k === j ? 1 : 0));
          add(unit, upper[j]);
          add(
            unit.map((value) => -value),
            -lower[j],
          );
        }
        const chunk = (values: number[]) =>
          Array.from({ length: values.length / n }, (_, i) => values.slice(i * n, i * n + n));
        const equalities = p > 0 ? { A: chunk(dense.A), b: dense.b } : {};
        const reference = interiorPoint().solve(
          quadraticProgram({ Q: chunk(dense.Q), q: dense.q, ...equalities, G: rows, h }),
        );
        expect(reference.status).toEqual(["solved"]);
        expect(Math.abs(solution.objective - reference.objective[0])).toBeLessThan(
          1e-6 * (1 + Math.abs(solution.objective)),
        );
      }),
      { numRuns: 60 },
    );
  });

  it("projects on a box, with signed multipliers", () => {
    const problem = sparseQuadraticProgram({
      Q: fromDense([3, 3], [1, 0, 0, 0, 1, 0, 0, 0, 1]),
      q: [-5, 5, -0.25],
      lower: [0, 0, 0],
      upper: [1, 1, 1],
    });
    const { x, zeta, status } = solver.solve(problem);
    expect(status).toBe("solved");
    [1, 0, 0.25].forEach((value, j) => {
      expect(x[j]).toBeCloseTo(value, 8);
    });
    [4, -5, 0].forEach((value, j) => {
      expect(zeta[j]).toBeCloseTo(value, 7);
    });
  });

  it("holds a variable whose bounds agree, and a row whose bounds agree", () => {
    const problem = sparseQuadraticProgram({
      q: [1, 2, -1],
      G: fromDense([1, 3], [1, 1, 1]),
      l: [4],
      u: [4],
      lower: [1, 0, 0],
      upper: [1, 10, 2],
    });
    const { x, objective, status } = solver.solve(problem);
    expect(status).toBe("solved");
    [1, 1, 2].forEach((value, j) => {
      expect(x[j]).toBeCloseTo(value, 8);
    });
    expect(objective).toBeCloseTo(1, 8);
  });

  it("solves with redundant equalities, and with no constraint at all", () => {
    const Q = fromDense([2, 2], [2, 0, 0, 4]);
    const redundant = solver.solve(
      sparseQuadraticProgram({ Q, q: [0, 0], A: fromDense([3, 2], [1, 1, 1, 1, 2, 2]), b: [3, 3, 6] }),
    );
    expect(redundant.status).toBe("solved");
    expect(redundant.x[0]).toBeCloseTo(2, 8);
    const free = solver.solve(sparseQuadraticProgram({ Q, q: [-2, 4], constant: 10 }));
    expect([...free.x]).toEqual([1, -1]);
    expect(free.objective).toBe(7);
  });

  it("gives finite multipliers where the feasible set has no interior and they are not unique", () => {
    // x1 + x2 = 0 leaves nonnegative x one point
    const problem = sparseQuadraticProgram({
      q: [1, -1, 1],
      A: fromDense([2, 3], [1, 1, 0, 1, 0, 1]),
      b: [0, 1],
      lower: [0, 0, 0],
    });
    const { status, nu, residuals } = sparseInteriorPoint({ residuals: "absolute" }).solve(problem);
    expect(status).toBe("solved");
    expect(residuals.gap).toBeLessThan(1e-9);
    expect(Math.max(...nu.map(Math.abs))).toBeLessThan(1e6);
  });

  it("ends on its active set exactly, however loose the tolerance", () => {
    const problem = linearProgram(50);
    const { status, residuals, iterations } = sparseInteriorPoint({ tolerance: 1e-4 }).solve(problem);
    expect(status).toBe("solved");
    expect(Math.max(residuals.primal, residuals.dual, residuals.gap)).toBeLessThan(1e-12);
    expect(iterations).toBeLessThan(solver.solve(problem).iterations);
  });

  it("says that its options are out of range", () => {
    expect(() => sparseInteriorPoint({ tolerance: 0 })).toThrow(OptionError);
    expect(() => sparseInteriorPoint({ maxIterations: 1.5 })).toThrow("option maxIterations is 1.5");
    expect(() => sparseInteriorPoint({ timeLimit: -1 })).toThrow("option timeLimit");
  });

  it("stops at an aborted signal, and after maxIterations, without calling the point solved", () => {
    const problem = sparseQuadraticProgram({ q: [1, 1], A: fromDense([1, 2], [1, 2]), b: [3], lower: [0, 0] });
    expect(solver.solve(problem, { signal: AbortSignal.abort() }).status).toBe("time_limit");
    expect(sparseInteriorPoint({ maxIterations: 1 }).solve(problem).status).not.toBe("primal_infeasible");
  });
});

/** The chain |x_(i+1) - x_i| <= 1/2 next to y, a sum of sines that breaks many of its limits. */
function chain(n: number, shift = 0): SparseQuadraticProgram {
  const identity = fromTriplets(
    [n, n],
    Array.from({ length: n }, (_, i): Triplet => [i, i, 1]),
  );
  const differences = fromTriplets(
    [n - 1, n],
    Array.from({ length: n - 1 }, (_, i): Triplet[] => [
      [i, i, -1],
      [i, i + 1, 1],
    ]).flat(),
  );
  return sparseQuadraticProgram({
    Q: identity,
    q: Array.from({ length: n }, (_, i) => -9 * Math.sin(i / 7) - 3 * Math.sin(1.7 * i) - shift * Math.cos(i)),
    G: differences,
    l: new Array(n - 1).fill(-0.5),
    u: new Array(n - 1).fill(0.5),
  });
}

/** An LP with a unique solution: the cheapest flow through a row of n steps, each with two ways. */
function linearProgram(n: number, shift = 0): SparseQuadraticProgram {
  const rows = Array.from({ length: n }, (_, i): Triplet[] => [
    [i, 2 * i, 1],
    [i, 2 * i + 1, 1 + (i % 3) / 10],
  ]).flat();
  return sparseQuadraticProgram({
    q: Array.from({ length: 2 * n }, (_, j) => 1 + ((7 * j) % 5) / 3 + shift * Math.sin(j)),
    A: fromTriplets([n, 2 * n], rows),
    b: Array.from({ length: n }, (_, i) => 1 + (i % 4)),
    lower: new Array(2 * n).fill(0),
    upper: new Array(2 * n).fill(2.5),
  });
}

describe("a warm start", () => {
  it.each([
    ["a QP", chain],
    ["an LP", linearProgram],
  ])("solves %s again without an iteration, and the point passes unchanged", (_, program) => {
    const problem = program(50);
    const cold = solver.solve(problem);
    const warm = solver.solve(problem, { warmStart: cold });
    expect(cold.iterations).toBeGreaterThan(1);
    expect(warm.status).toBe("solved");
    expect(warm.iterations).toBe(0);
    expect(warm.x).toEqual(cold.x);
    expect(warm.residuals).toEqual(assessSparse(problem, cold));
  });

  it.each([
    ["QPs", chain],
    ["LPs", linearProgram],
  ])("takes less than half of the cold iterations over a row of nearby %s, with the same solutions", (_, program) => {
    let [coldIterations, warmIterations] = [0, 0];
    let before = solver.solve(program(60));
    for (let k = 1; k <= 10; k++) {
      const problem = program(60, k / 100);
      const cold = solver.solve(problem);
      const warm = solver.solve(problem, { warmStart: before });
      expect(warm.status).toBe("solved");
      expect(Math.abs(warm.objective - cold.objective)).toBeLessThan(1e-8 * (1 + Math.abs(cold.objective)));
      coldIterations += cold.iterations;
      warmIterations += warm.iterations;
      before = warm;
    }
    expect(warmIterations).toBeLessThan(coldIterations / 2);
  });

  it("from anywhere, or from nonsense, ends at the solution", () => {
    const problem = chain(40);
    const { x } = solver.solve(problem);
    fc.assert(
      fc.property(fc.array(fc.double({ min: -1e3, max: 1e3 }), { minLength: 118, maxLength: 118 }), (numbers) => {
        const part = (from: number, length: number) => Float64Array.from(numbers.slice(from, from + length));
        const nu = new Float64Array(0);
        const warmStart = { x: part(0, 40), nu, lambda: part(40, 39), zeta: part(78, 40) };
        const warm = solver.solve(problem, { warmStart });
        expect(warm.status).toBe("solved");
        warm.x.forEach((value, j) => {
          expect(Math.abs(value - x[j])).toBeLessThan(1e-6);
        });
      }),
      { numRuns: 30 },
    );
    const zeros = (length: number) => new Float64Array(length);
    const empty = { x: zeros(0), nu: zeros(0), lambda: zeros(0), zeta: zeros(0) };
    expect(solver.solve(problem, { warmStart: empty }).status).toBe("solved");
    const nan = { x: zeros(40).fill(Number.NaN), nu: zeros(0), lambda: zeros(39), zeta: zeros(40) };
    expect(solver.solve(problem, { warmStart: nan }).status).toBe("solved");
  });

  it("of a problem that has become infeasible ends with a certificate", () => {
    const problem = chain(20);
    const before = solver.solve(problem);
    const lower = new Float64Array(20).fill(-Infinity);
    const upper = new Float64Array(20).fill(Infinity);
    [upper[0], lower[19]] = [0, 100];
    const solution = solver.solve({ ...problem, lower, upper }, { warmStart: before });
    expect(solution.status).toBe("primal_infeasible");
    expect(solution.certificate).not.toBeNull();
  });
});

describe("the progress of a solve", () => {
  it("is told after every iteration, counted on through all that is tried", () => {
    for (const problem of [chain(50), linearProgram(20)]) {
      const seen: number[] = [];
      const { iterations } = solver.solve(problem, { onIteration: ({ iteration }) => seen.push(iteration) });
      expect(seen).toEqual(Array.from({ length: iterations }, (_, k) => k + 1));
    }
  });

  it("may abort it, and a time limit of the solve ends it, without a claim to have solved it", () => {
    const problem = linearProgram(50);
    const controller = new AbortController();
    const aborted = solver.solve(problem, { signal: controller.signal, onIteration: () => controller.abort() });
    expect(aborted.status).toBe("time_limit");
    expect(aborted.iterations).toBe(1);
    expect(solver.solve(problem, { timeLimit: 1e-9 }).status).toBe("time_limit");
    expect(() => solver.solve(problem, { timeLimit: 0 })).toThrow(OptionError);
  });
});

describe("problems without a solution", () => {
  it.each([
    ["the interior point", sparseInteriorPoint()],
    ["ADMM", sparseAdmm()],
  ])("a maximum far out, along a curvature that is negative by rounding, is not called solved by %s", (_, method) => {
    const Q = fromDense([2, 2], [1, 0, 0, -1e-14]);
    const { status, x } = method.solve(sparseQuadraticProgram({ Q, q: [1, 2] }));
    expect([status, Number.isFinite(x[1])]).toEqual([expect.not.stringMatching(/^solved/), true]);
  });

  /** Checks a certificate by its definition, on dense copies. */
  function provesInfeasible(problem: SparseQuadraticProgram, { certificate }: SparseSolution): boolean {
    if (certificate?.kind !== "primal_infeasible") return false;
    if ("crossed" in certificate) {
      const k = certificate.crossed;
      const { n, lower, upper, l, u } = problem;
      return k < n ? lower[k] > upper[k] : l[k - n] > u[k - n];
    }
    const { nu, lambda, zeta } = certificate;
    const sum = zeta.slice();
    addTransposedProduct(1, problem.A, nu, sum);
    addTransposedProduct(1, problem.G, lambda, sum);
    const pushes = (y: Float64Array, low: Float64Array, high: Float64Array) =>
      y.reduce((total, value, k) => (value === 0 ? total : total + value * (value > 0 ? high[k] : low[k])), 0);
    const value =
      nu.reduce((total, entry, i) => total + entry * problem.b[i], 0) +
      pushes(lambda, problem.l, problem.u) +
      pushes(zeta, problem.lower, problem.upper);
    return value < -0.5 && Math.max(...sum.map(Math.abs)) < 1e-6;
  }

  function provesUnbounded(problem: SparseQuadraticProgram, { certificate }: SparseSolution): boolean {
    if (certificate?.kind !== "dual_infeasible") return false;
    const { direction } = certificate;
    const Qd = new Float64Array(problem.n);
    const Ad = new Float64Array(problem.p);
    const Gd = new Float64Array(problem.m);
    addSymmetricProduct(1, problem.Q, direction, Qd);
    addProduct(1, problem.A, direction, Ad);
    addProduct(1, problem.G, direction, Gd);
    const stopped = (d: Float64Array, low: Float64Array, high: Float64Array) =>
      d.some((value, k) => (value > 1e-6 && high[k] < Infinity) || (value < -1e-6 && low[k] > -Infinity));
    return (
      Math.max(0, ...Qd.map(Math.abs), ...Ad.map(Math.abs)) < 1e-6 &&
      !stopped(Gd, problem.l, problem.u) &&
      !stopped(direction, problem.lower, problem.upper) &&
      direction.reduce((sum, value, j) => sum + value * problem.q[j], 0) < -0.5
    );
  }

  it.each([
    ["contradictory equalities", { q: [1, 1], A: fromDense([2, 2], [1, 1, 1, 1]), b: [1, 2] }],
    [
      "an equality outside the bounds",
      { q: [0, 0], A: fromDense([1, 2], [1, 1]), b: [5], lower: [0, 0], upper: [1, 1] },
    ],
    ["rows that exclude each other", { q: [0], G: fromDense([2, 1], [1, 1]), l: [2, -Infinity], u: [Infinity, 1] }],
    ["bounds that cross", { q: [0, 0], lower: [0, 1], upper: [1, 0] }],
    ["bounds of a row that cross", { q: [0], G: fromDense([1, 1], [1]), l: [1], u: [0] }],
    ["an empty row that asks for 1", { q: [1, 1], A: fromDense([1, 2], [0, 0]), b: [1], lower: [0, 0] }],
  ])("%s are called infeasible, with a proof that checks", (_, data) => {
    const problem = sparseQuadraticProgram(data);
    const solution = solver.solve(problem);
    expect(solution.status).toBe("primal_infeasible");
    expect(provesInfeasible(problem, solution)).toBe(true);
  });

  it.each([
    ["a linear objective without bounds", { q: [1, 0] }],
    ["an LP with a ray", { q: [-1, -1], A: fromDense([1, 2], [1, -1]), b: [0], lower: [0, 0] }],
    ["a QP along the null space of Q", { Q: fromDense([2, 2], [1, 1, 1, 1]), q: [1, -1] }],
  ])("%s is called unbounded, with a direction that checks", (_, data) => {
    const problem = sparseQuadraticProgram(data);
    const solution = solver.solve(problem);
    expect(solution.status).toBe("dual_infeasible");
    expect(provesUnbounded(problem, solution)).toBe(true);
  });

  const folder = dataFile("netlib_lp");
  const known: Record<string, number | "primal_infeasible" | "dual_infeasible"> = {
    afiro: -464.75314286,
    adlittle: 225494.96316,
    israel: -896644.82186,
    shell: 1208825346,
    stair: -251.26695119,
    standata: 1257.6995,
    box1: "primal_infeasible",
    galenet: "primal_infeasible",
    klein1: "primal_infeasible",
    woodinfe: "primal_infeasible",
    bgetam: "primal_infeasible",
    gas11: "dual_infeasible",
  };

  it.skipIf(folder === null).each(Object.entries(known))("Netlib's %s ends as it is known to", (name, expected) => {
    const problem = sparseQuadraticProgram(readMps(readFileSync(`${folder}/${name}.mps`, "utf8")).data);
    const solution = solver.solve(problem);
    if (typeof expected === "number") {
      expect(solution.status).toBe("solved");
      expect(Math.abs(solution.objective - expected)).toBeLessThan(1e-8 * Math.abs(expected));
      expect(assessSparse(problem, solution)).toEqual(solution.residuals);
    } else {
      expect(solution.status).toBe(expected);
      const proof = expected === "primal_infeasible" ? provesInfeasible : provesUnbounded;
      expect(proof(problem, solution)).toBe(true);
    }
  });
});

describe("residuals", () => {
  const problem = sparseQuadraticProgram({
    Q: fromDense([2, 2], [2, 1, 1, 2]),
    q: [1, 1],
    A: fromDense([1, 2], [1, 1]),
    b: [1],
    lower: [0, -Infinity],
  });

  it("are those of the definition", () => {
    const x = Float64Array.of(-1, 3);
    const { primal, dual, gap, objective } = assessSparse(problem, {
      x,
      nu: Float64Array.of(2),
      lambda: new Float64Array(0),
      zeta: Float64Array.of(-1, 0),
    });
    expect([...toDense(problem.A)]).toEqual([1, 1]);
    // Ax - b = 1, x1 is 1 below its bound; Qx = (1, 5); x'Qx = 14, q'x = 2, b'nu = 2
    expect({ primal, dual, gap, objective }).toEqual({ primal: 1, dual: 8, gap: 18, objective: 9 });
  });

  it("count a multiplier that pushes against an infinite bound as a dual residual", () => {
    const point = { x: Float64Array.of(0, 1), nu: Float64Array.of(0), lambda: new Float64Array(0) };
    const { dual } = assessSparse(problem, { ...point, zeta: Float64Array.of(-2, -3) });
    expect(dual).toBe(3);
  });
});
