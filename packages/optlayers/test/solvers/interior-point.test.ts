import { describe, expect, it } from "vitest";
import {
  assess,
  type Certificate,
  interiorPoint,
  OptionError,
  type QuadraticProgram,
  quadraticProgram,
  type Solution,
} from "../../src/index.ts";
import { identity, normals, randomProgram, uniforms } from "../random-programs.ts";
import { solveByEnumeration } from "../support/enumerate.ts";
import { goldenProblems, haveGolden, labelledQps } from "../support/golden.ts";

/** The largest difference of two vectors, entry by entry. */
function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  return Array.from(a).reduce((worst, value, i) => Math.max(worst, Math.abs(value - b[i])), 0);
}

function matrix(rows: number, columns: number, seed: number): number[][] {
  const normal = normals(seed);
  return Array.from({ length: rows }, () => Array.from({ length: columns }, normal));
}

/** A problem whose KKT conditions hold by construction at a random x with random multipliers, a third of them active. */
function aroundKnownOptimum(seed: number): { problem: QuadraticProgram; optimum: number } {
  const uniform = uniforms(seed);
  const n = 1 + Math.floor(12 * uniform());
  const m = Math.floor(2.5 * n * uniform());
  const p = Math.floor(0.6 * n * uniform());
  const L = matrix(n, Math.floor((n + 1) * uniform()), seed + 1);
  const Q = L.map((a) => L.map((b) => dot(a, b)));
  const size = () => (seed % 3 === 0 ? 10 ** Math.floor(8 * uniform() - 4) : 1);
  const rows = (count: number, rowSeed: number) =>
    matrix(count, n, rowSeed).map((row) => {
      const e = size();
      return row.map((value) => value * e);
    });
  const G = rows(m, seed + 2);
  if (seed % 4 === 0) for (let i = 1; i < m; i += 3) G[i] = [...G[i - 1]];
  const A = rows(p, seed + 3);
  const x = matrix(1, n, seed + 4)[0];
  const active = G.map(() => uniform() < 0.33);
  const lambda = active.map((isActive) => (isActive ? uniform() + 0.05 : 0));
  const nu = A.map(() => uniform() - 0.5);
  const q = x.map(
    (_, j) =>
      -dot(Q[j], x) -
      dot(
        A.map((row) => row[j]),
        nu,
      ) -
      dot(
        G.map((row) => row[j]),
        lambda,
      ),
  );
  const h = G.map((row, i) => dot(row, x) + (active[i] ? 0 : Math.hypot(...row) * (uniform() + 0.05)));
  const equalities = p > 0 ? { A, b: A.map((row) => dot(row, x)) } : {};
  const problem = quadraticProgram({ Q, q, ...equalities, ...(m > 0 ? { G, h } : {}) });
  return { problem, optimum: Q.reduce((sum, row, j) => sum + x[j] * (dot(row, x) / 2 + q[j]), 0) };
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Array.from(a).reduce((sum, value, i) => sum + value * b[i], 0);
}

function solveAll(problem: QuadraticProgram): Solution {
  const solution = interiorPoint().solve(problem);
  expect([...new Set(solution.status)]).toEqual(["solved"]);
  expect(Math.max(...assess(problem, solution).relative)).toBeLessThan(1e-11);
  return solution;
}

describe("the interior-point method", () => {
  it.skipIf(!haveGolden)("reproduces the exact solutions of the golden sample to 1e-12", () => {
    for (const { id, params, x, nu, lambda } of goldenProblems()) {
      const solution = solveAll(quadraticProgram(params));
      expect(distance(solution.x, x), id).toBeLessThan(1e-12);
      expect(distance(solution.nu, nu), id).toBeLessThan(1e-12);
      expect(distance(solution.lambda, lambda), id).toBeLessThan(1e-12);
    }
  });

  it("finds the solution that enumeration of all active sets finds", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const problem = randomProgram({ n: 4, p: seed % 2, m: 6, seed });
      const truth = solveByEnumeration(problem);
      const solution = solveAll(problem);
      expect(distance(solution.x, truth?.x ?? [])).toBeLessThan(1e-10);
      expect(distance(solution.nu, truth?.nu ?? [])).toBeLessThan(1e-9);
      expect(distance(solution.lambda, truth?.lambda ?? [])).toBeLessThan(1e-9);
    }
  });

  it.each([
    ["equalities and inequalities", { n: 60, p: 15, m: 40 }],
    ["more rows than twice the variables", { n: 8, p: 1, m: 40 }],
    ["no equalities at all", { n: 20, p: 0, m: 20 }],
    ["equalities alone", { n: 20, p: 7, m: 0 }],
    ["no constraints", { n: 20, p: 0, m: 0 }],
  ])("solves a batch with %s, shared or not", (_title, sizes) => {
    for (const batched of [["q"], ["q", "h", "b"], ["Q", "q", "A", "b", "G", "h"]] as const) {
      solveAll(randomProgram({ ...sizes, batch: 5, batched, seed: 7 }));
    }
  });

  it("gives an item of a batch what it gives the item alone", () => {
    const problem = randomProgram({ n: 10, p: 3, m: 8, batch: 4, batched: ["q", "G"], seed: 3 });
    const together = solveAll(problem);
    for (let i = 0; i < 4; i++) {
      const only = (datum: QuadraticProgram["q"], size: number) =>
        datum.batched ? { ...datum, values: datum.values.slice(i * size, (i + 1) * size), batched: false } : datum;
      const alone = solveAll({ ...problem, batch: 1, batched: false, q: only(problem.q, 10), G: only(problem.G, 80) });
      expect(distance(alone.x, together.x.slice(i * 10, (i + 1) * 10))).toBeLessThan(1e-12);
    }
  });

  it("solves linear programs, Q = 0", () => {
    const solution = solveAll(
      quadraticProgram({
        Q: identity(2, 0),
        q: [-1, -2],
        G: [
          [1, 1],
          [1, 0],
          [-1, 0],
          [0, -1],
        ],
        h: [4, 3, 0, 0],
      }),
    );
    expect(distance(solution.x, [0, 4])).toBeLessThan(1e-12);
  });

  it("solves a singular Q of low rank under box constraints", () => {
    const n = 30;
    const L = matrix(n, 3, 5);
    const Q = L.map((a) => L.map((b) => a.reduce((sum, value, k) => sum + value * b[k], 0)));
    const q = matrix(1, n, 6)[0];
    solveAll(quadraticProgram({ Q, q, G: [...identity(n), ...identity(n, -1)], h: new Array(2 * n).fill(1) }));
  });

  it("solves a singular Q that is positive definite on the equalities", () => {
    const Q = [
      [1, 0, 0],
      [0, 0, 0],
      [0, 0, 0],
    ];
    const solution = solveAll(
      quadraticProgram({
        Q,
        q: [-1, 0, 0],
        A: [
          [1, 1, 0],
          [0, 1, 1],
        ],
        b: [3, 5],
      }),
    );
    expect(distance(solution.x, [1, 2, 3])).toBeLessThan(1e-12);
  });

  it("solves with redundant equalities and duplicate inequalities", () => {
    const row = [1, 1, 1];
    const solution = solveAll(
      quadraticProgram({
        Q: identity(3),
        q: [-3, 0, 0],
        A: [row, row],
        b: [1, 1],
        G: [
          [1, 0, 0],
          [1, 0, 0],
        ],
        h: [1, 1],
      }),
    );
    expect(distance(solution.x, [1, 0, 0])).toBeLessThan(1e-12);
  });

  it("solves where the feasible set has no interior", () => {
    const G = [
      [1, 1],
      [-1, -1],
    ];
    const solution = solveAll(quadraticProgram({ Q: identity(2), q: [0, 0], G, h: [1, -1] }));
    expect(distance(solution.x, [0.5, 0.5])).toBeLessThan(1e-12);
  });

  it("solves with eigenvalues of Q from 1 to 1e6", () => {
    const problem = randomProgram({ n: 40, p: 8, m: 30, seed: 9 });
    const values = new Float64Array(1600);
    for (let i = 0; i < 40; i++) values[i * 41] = 10 ** ((6 * i) / 39);
    solveAll({ ...problem, Q: { ...problem.Q, values } });
  });

  it("solves with rows whose sizes differ by eight orders of magnitude", () => {
    const problem = randomProgram({ n: 20, p: 5, m: 20, seed: 10 });
    const size = (row: number) => 10 ** ((row % 9) - 4);
    const scaled = (datum: QuadraticProgram["A"], width: number) => ({
      ...datum,
      values: datum.values.map((value, k) => value * size(Math.floor(k / width))),
    });
    const { A, b, G, h } = problem;
    const plain = solveAll(problem);
    const rescaled = solveAll({ ...problem, A: scaled(A, 20), b: scaled(b, 1), G: scaled(G, 20), h: scaled(h, 1) });
    expect(distance(plain.x, rescaled.x)).toBeLessThan(1e-7);
  });

  it("reaches the known optimum of 200 problems with Q of any rank, duplicate rows and rows of any size", () => {
    for (let seed = 1; seed <= 200; seed++) {
      const { problem, optimum } = aroundKnownOptimum(seed);
      const solution = interiorPoint().solve(problem);
      expect(["solved", "solved_inaccurate"], `seed ${seed}`).toContain(solution.status[0]);
      expect(Math.abs(solution.objective[0] - optimum) / (1 + Math.abs(optimum)), `seed ${seed}`).toBeLessThan(1e-7);
    }
  });

  it("starts from an earlier solution in fewer iterations", () => {
    const problem = randomProgram({ n: 40, p: 5, m: 40, seed: 11 });
    const cold = solveAll(problem);
    const warm = interiorPoint().solve(problem, { warmStart: cold });
    expect(warm.iterations[0]).toBeLessThan(cold.iterations[0]);
    expect(distance(warm.x, cold.x)).toBeLessThan(1e-10);
  });

  it("says where it stopped short, and never NaN under a good status", () => {
    const problem = randomProgram({ n: 20, p: 5, m: 20, batch: 3, batched: ["q"], seed: 12 });
    const short = interiorPoint({ maxIterations: 1 }).solve(problem);
    expect(new Set(short.status)).toEqual(new Set(["max_iterations"]));
    const aborted = interiorPoint().solve(problem, { signal: AbortSignal.abort() });
    expect(new Set(aborted.status)).toEqual(new Set(["time_limit"]));
    const late = interiorPoint({ timeLimit: 1e-6 }).solve(problem);
    expect(new Set(late.status)).toEqual(new Set(["time_limit"]));
  });

  it("refuses options out of range, naming them", () => {
    expect(() => interiorPoint({ tolerance: 0 })).toThrow(OptionError);
    expect(() => interiorPoint({ maxIterations: 1.5 })).toThrow("maxIterations is 1.5, expected a positive integer");
    expect(() => interiorPoint({ timeLimit: -1 })).toThrow(OptionError);
  });
});

describe("certificates", () => {
  function transposedProduct(M: QuadraticProgram["A"], y: Float64Array, n: number): number[] {
    return Array.from({ length: n }, (_, j) => y.reduce((sum, yi, i) => sum + M.values[i * n + j] * yi, 0));
  }
  function product(M: QuadraticProgram["A"], x: Float64Array): number[] {
    const n = x.length;
    return Array.from({ length: M.shape[0] }, (_, i) => x.reduce((sum, xj, j) => sum + M.values[i * n + j] * xj, 0));
  }
  /** Checks a certificate of a single problem against its definition. */
  function check(problem: QuadraticProgram, certificate: Certificate | null): void {
    if (certificate === null) throw new Error("no certificate");
    if (certificate.kind === "primal_infeasible") {
      const { nu, lambda } = certificate;
      const fromA = transposedProduct(problem.A, nu, problem.n);
      const combination = transposedProduct(problem.G, lambda, problem.n).map((value, j) => value + fromA[j]);
      const size = Math.max(1, ...lambda, ...nu.map(Math.abs));
      expect(Math.max(...combination.map(Math.abs)) / size).toBeLessThan(1e-9);
      expect(Math.min(0, ...lambda)).toBe(0);
      expect(dot(problem.b.values, nu) + dot(problem.h.values, lambda)).toBeCloseTo(-1, 9);
      return;
    }
    const d = certificate.direction;
    const size = Math.max(...d.map(Math.abs));
    expect(Math.max(...product(problem.Q, d).map(Math.abs)) / size).toBeLessThan(1e-9);
    expect(Math.max(0, ...product(problem.A, d).map(Math.abs)) / size).toBeLessThan(1e-9);
    expect(Math.max(0, ...product(problem.G, d)) / size).toBeLessThan(1e-9);
    expect(dot(problem.q.values, d)).toBeCloseTo(-1, 9);
  }

  it.each([
    [
      "contradicting inequalities",
      {
        Q: identity(2),
        q: [1, 1],
        G: [
          [1, 0],
          [-1, 0],
        ],
        h: [0, -1],
      },
    ],
    [
      "contradicting equalities",
      {
        Q: identity(2),
        q: [1, 1],
        A: [
          [1, 1],
          [1, 1],
        ],
        b: [0, 1],
      },
    ],
    [
      "a sum below zero of nonnegative numbers",
      { Q: identity(3), q: [1, 1, 1], A: [[1, 1, 1]], b: [-1], G: identity(3, -1), h: [0, 0, 0] },
    ],
    [
      "a gap of 1e-4",
      {
        Q: identity(2),
        q: [1, 1],
        G: [
          [1, 0],
          [-1, 0],
        ],
        h: [0, -1e-4],
      },
    ],
    ["an empty row", { Q: identity(2), q: [1, 1], G: [[0, 0]], h: [-1] }],
  ])("prove that there is no feasible point: %s", (_title, data) => {
    const problem = quadraticProgram(data);
    const solution = interiorPoint().solve(problem);
    expect(solution.status).toEqual(["primal_infeasible"]);
    check(problem, solution.certificates[0]);
  });

  it.each([
    ["a linear program", { Q: identity(2, 0), q: [-1, -1], G: identity(2, -1), h: [0, 0] }],
    [
      "a singular Q without constraints",
      {
        Q: [
          [1, 1],
          [1, 1],
        ],
        q: [1, -1],
      },
    ],
    [
      "a free direction on the equalities",
      {
        Q: [
          [1, 0],
          [0, 0],
        ],
        q: [0, 1],
        A: [[1, 0]],
        b: [2],
      },
    ],
  ])("prove that the objective is unbounded: %s", (_title, data) => {
    const problem = quadraticProgram(data);
    const solution = interiorPoint().solve(problem);
    expect(solution.status).toEqual(["dual_infeasible"]);
    check(problem, solution.certificates[0]);
  });

  it.skipIf(!haveGolden)("agree with the labels of the golden sample", () => {
    const statusOf: Record<string, string> = {
      infeasible: "primal_infeasible",
      unbounded: "dual_infeasible",
      degenerate: "solved",
    };
    for (const { id, params, label } of labelledQps) {
      const problem = quadraticProgram(params);
      const solution = interiorPoint().solve(problem);
      expect(solution.status, id).toEqual([statusOf[label]]);
      if (label !== "degenerate") check(problem, solution.certificates[0]);
    }
  });

  it("an infeasible item does not disturb the 63 others of its batch", () => {
    const problem = randomProgram({ n: 12, p: 2, m: 10, batch: 64, batched: ["q", "h"], seed: 4 });
    const healthy = interiorPoint().solve(problem);
    const h = problem.h.values.slice();
    const G = problem.G.values.slice();
    G.copyWithin(12, 0, 12);
    for (let j = 0; j < 12; j++) G[12 + j] = -G[j];
    for (let i = 0; i < 64; i++) h[i * 10 + 1] = -h[i * 10] + (i === 17 ? -1 : 1);
    const mixed = { ...problem, G: { ...problem.G, values: G }, h: { ...problem.h, values: h } };
    const solution = interiorPoint().solve(mixed);
    expect(healthy.status.every((status) => status === "solved")).toBe(true);
    expect(solution.status.flatMap((status, i) => (status === "solved" ? [] : [[i, status]]))).toEqual([
      [17, "primal_infeasible"],
    ]);
    const relative = assess(mixed, solution).relative.filter((_, i) => i !== 17);
    expect(Math.max(...relative)).toBeLessThan(1e-12);
  });
});
