import { describe, expect, it } from "vitest";
import { admm, assess, interiorPoint, isUsable, quadraticProgram, type Solver } from "../../src/index.ts";
import { normals, randomProgram, uniforms } from "../random-programs.ts";

const solvers: [string, Solver, number][] = [
  ["interior point", interiorPoint(), 1e-9],
  ["ADMM", admm({ tolerance: 1e-7 }), 1e-7],
];

/** The Q of a random problem with eigenvalues 10^(step k), k = 0, ..., n - 1, in random directions. */
function spreadProgram(step: number, seed: number) {
  const n = 10;
  const normal = normals(seed);
  const basis: number[][] = [];
  for (let i = 0; i < n; i++) {
    let row = Array.from({ length: n }, normal);
    for (const other of basis) {
      const share = row.reduce((sum, value, k) => sum + value * other[k], 0);
      row = row.map((value, k) => value - share * other[k]);
    }
    const length = Math.hypot(...row);
    basis.push(row.map((value) => value / length));
  }
  const problem = randomProgram({ n, p: 2, m: 6, seed });
  const values = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      for (let k = 0; k < n; k++) sum += 10 ** (step * k) * basis[k][i] * basis[k][j];
      values[i * n + j] = sum;
      values[j * n + i] = sum;
    }
  }
  return { ...problem, Q: { ...problem.Q, values } };
}

describe.each(solvers)("%s", (_name, solver, tolerance) => {
  it.each([9, -9, 12, -12])("solves a Q whose eigenvalues go from 1 to 1e%d", (decades) => {
    const problem = spreadProgram(decades / 9, Math.abs(decades));
    const solution = solver.solve(problem);
    expect(solution.status).toEqual(["solved"]);
    expect(assess(problem, solution).relative[0]).toBeLessThanOrEqual(tolerance);
  });

  it.each([1e4, 1e6, 1e8, 1e10])("does not call a problem infeasible for a solution of size %d", (size) => {
    const far = [
      { Q: identity, q: [0, 0], A: [[1, -1]], b: [size], G: [[-1, 0]], h: [-size] },
      // nearly dependent rows, which meet far out
      {
        Q: identity,
        q: [0, 0],
        A: [
          [1, 1],
          [1, 1 + 1 / size],
        ],
        b: [1, 2],
      },
      {
        Q: identity,
        q: [0, 0],
        G: [
          [1, 1],
          [-1, -1 - 1 / size],
        ],
        h: [1, -2],
      },
      { Q: [[1 / size]], q: [-1], G: [[-1]], h: [0] },
    ];
    const statuses = far.map((data) => solver.solve(quadraticProgram(data)).status[0]);
    expect(statuses).not.toContain("primal_infeasible");
    expect(statuses).not.toContain("dual_infeasible");
    expect([statuses[0], statuses[3]]).toEqual(["solved", "solved"]);
  });

  it("solves 60 linear programs with degenerate vertices, duplicate inequalities and redundant equalities", () => {
    for (let seed = 1; seed <= 60; seed++) {
      const problem = quadraticProgram(degenerateLinearProgram(seed));
      const solution = solver.solve(problem);
      expect(solution.status, `seed ${seed}`).toEqual(["solved"]);
      const exact = interiorPoint({ tolerance: 1e-10 }).solve(problem).objective[0];
      expect(Math.abs(solution.objective[0] - exact) / (1 + Math.abs(exact))).toBeLessThan(1e-5);
    }
  });
});

const identity = [
  [1, 0],
  [0, 1],
];

/** A linear program in a box around a point at which about a third of the inequalities hold with equality. */
function degenerateLinearProgram(seed: number) {
  const [uniform, normal] = [uniforms(seed), normals(seed + 1000)];
  const integers = seed % 2 === 0;
  const entry = () => (integers ? Math.round(2 * normal()) : normal());
  const n = 2 + Math.floor(uniform() * 7);
  const row = () => Array.from({ length: n }, entry);
  const point = row();
  const at = (own: number[]) => own.reduce((sum, value, j) => sum + value * point[j], 0);
  const A = Array.from({ length: Math.floor((uniform() * n) / 2) }, row);
  if (A.length > 0) A.push(A[0].map((value) => 2 * value));
  const G = Array.from({ length: 2 * n }, row);
  const slack = () => (uniform() < 0.3 ? 0 : integers ? Math.floor(3 * uniform()) : uniform());
  const h = G.map((own) => at(own) + slack());
  G.push([...G[0]]);
  h.push(h[0]);
  for (let j = 0; j < n; j++) {
    for (const sign of [1, -1]) {
      G.push(Array.from({ length: n }, (_, k) => (k === j ? sign : 0)));
      h.push(sign * point[j] + 5);
    }
  }
  const Q = Array.from({ length: n }, () => new Array<number>(n).fill(0));
  return { Q, q: row(), ...(A.length > 0 && { A, b: A.map(at) }), G, h };
}

it("a status is what the recomputed residuals say, where the iteration gave up too", () => {
  for (const step of [11 / 9, 14 / 9, 16 / 9, -16 / 9]) {
    for (const [, solver, tolerance] of solvers) {
      const problem = spreadProgram(step, 11);
      const solution = solver.solve(problem);
      const relative = assess(problem, solution).relative[0];
      expect(isUsable(solution.status[0])).toBe(relative <= 1e3 * tolerance);
      expect(solution.status[0] === "solved").toBe(relative <= tolerance);
    }
  }
});
