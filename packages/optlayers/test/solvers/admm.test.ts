import { describe, expect, it } from "vitest";
import { OptionError } from "../../src/errors.ts";
import type { QuadraticProgram } from "../../src/problem/quadratic-program.ts";
import { quadraticProgram } from "../../src/problem/read-quadratic-program.ts";
import { admmGeometry } from "../../src/solvers/admm/geometry.ts";
import { runAdmm } from "../../src/solvers/admm/iteration.ts";
import { admm } from "../../src/solvers/admm.ts";
import { interiorPoint } from "../../src/solvers/interior-point.ts";
import { residualUnits } from "../../src/solvers/residual-units.ts";
import { assess } from "../../src/solvers/residuals.ts";
import type { Solution } from "../../src/solvers/solver.ts";
import { inner, normals, randomProgram, relativeError, uniforms } from "../random-programs.ts";

const shapes = {
  "p + m < n": { n: 20, p: 4, m: 9, batch: 3, batched: ["q", "h"], seed: 1 },
  "p + m > n": { n: 10, p: 3, m: 15, batch: 2, batched: ["q"], seed: 2 },
  "no equalities": { n: 15, p: 0, m: 10, seed: 3 },
  "no inequalities": { n: 15, p: 5, m: 0, seed: 4 },
  "its own matrices": { n: 9, p: 2, m: 8, batch: 3, batched: ["Q", "A", "b", "G", "h"], seed: 5 },
} as const;

function largest(values: Float64Array): number {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

/** The layer of Alt-Diff's image classifier: constraints whose rows share one dominant direction. */
function imageLayer(batch: number): QuadraticProgram {
  const uniform = uniforms(11);
  const matrix = (rows: number) => Array.from({ length: rows }, () => Array.from({ length: 200 }, uniform));
  return quadraticProgram({
    Q: Array.from({ length: 200 }, (_, i) => Array.from({ length: 200 }, (_, j) => (i === j ? 0.1 : 0))),
    q: Array.from({ length: batch }, () => Array.from({ length: 200 }, () => Math.max(0, 4 * uniform() - 2))),
    A: matrix(50),
    b: new Array(50).fill(1),
    G: matrix(50),
    h: Array.from({ length: 50 }, uniform),
  });
}

/** Alt-Diff's dense QP, Q = R'R with a square normal R, of which one row is a thousandth of the others. */
function illConditioned(n: number, seed: number): QuadraticProgram {
  const normal = normals(seed);
  const matrix = (rows: number) => Array.from({ length: rows }, () => Float64Array.from({ length: n }, normal));
  const R = matrix(n);
  R[0] = R[0].map((value) => value / 1000);
  const columns = Array.from({ length: n }, (_, j) => Float64Array.from(R, (row) => row[j]));
  const rows = (count: number) => matrix(count).map((row) => Array.from(row));
  const vector = (length: number) => Array.from({ length }, normal);
  return quadraticProgram({
    Q: columns.map((left) => columns.map((right) => inner(left, right))),
    q: vector(n),
    A: rows(n / 6),
    b: vector(n / 6),
    G: rows(n / 3),
    h: vector(n / 3),
  });
}

describe.each(Object.entries(shapes))("admm with %s", (_title, options) => {
  const problem = randomProgram({ ...options, batched: "batched" in options ? options.batched : [] });

  it("finds the interior-point solution and both of its duals", () => {
    const exact = interiorPoint({ tolerance: 1e-10 }).solve(problem);
    const solution = admm({ tolerance: 1e-10 }).solve(problem);
    expect(new Set(solution.status)).toEqual(new Set(["solved"]));
    expect(relativeError(solution.x, exact.x)).toBeLessThan(1e-7);
    if (problem.p > 0) expect(relativeError(solution.nu, exact.nu)).toBeLessThan(1e-7);
    if (problem.m > 0) expect(relativeError(solution.lambda, exact.lambda)).toBeLessThan(1e-7);
  });

  it("says solved only where the recomputed residuals meet the tolerance", () => {
    for (const tolerance of [1e-2, 1e-5, 1e-8]) {
      const solution = admm({ tolerance }).solve(problem);
      const { relative } = assess(problem, solution);
      solution.status.forEach((status, i) => {
        expect(status).toBe("solved");
        expect(relative[i]).toBeLessThanOrEqual(tolerance);
      });
    }
  });

  it("has the same solution whatever the relaxation and the first penalty", () => {
    const exact = interiorPoint({ tolerance: 1e-10 }).solve(problem);
    for (const relaxation of [0.8, 1, 1.6, 1.9]) {
      for (const rho of [0.3, 4]) {
        const { x } = admm({ tolerance: 1e-10, relaxation, rho }).solve(problem);
        expect(relativeError(x, exact.x), `${relaxation}, ${rho}`).toBeLessThan(1e-7);
      }
    }
  });

  it("keeps lambda and s complementary and nonnegative to the last bit", () => {
    const { lambda, s } = admm({ tolerance: 1e-4 }).solve(problem);
    lambda.forEach((value, k) => {
      expect(value * s[k]).toBe(0);
      expect(Math.min(value, s[k])).toBeGreaterThanOrEqual(0);
    });
  });
});

describe("admm", () => {
  it("gives the same iterates in the space of the constraints and in the space of x", () => {
    const problem = randomProgram({ n: 12, p: 3, m: 6, seed: 31 });
    const settings = {
      tolerance: 1e-14,
      relaxation: 1.6,
      rho: 1,
      adaptiveRho: false,
      maxIterations: 20,
      checkEvery: 5,
      interrupted: () => false,
    };
    const states = (["reduced", "full"] as const).map((space) => {
      const geometry = admmGeometry(problem, 0, space);
      const k = Float64Array.from([...problem.b.values, ...problem.h.values], (value, j) => value * geometry.scale[j]);
      const t = new Float64Array(9);
      const { X } = runAdmm(
        { geometry, F: problem.q.values, k, t, units: residualUnits(problem), item: () => problem },
        settings,
      );
      return [...t, ...X];
    });
    expect(relativeError(states[0], states[1])).toBeLessThan(1e-11);
  });

  it("needs tens of iterations where all rows share one dominant direction", () => {
    const solution = admm({ tolerance: 1e-6 }).solve(imageLayer(4));
    expect(new Set(solution.status)).toEqual(new Set(["solved"]));
    expect(Math.max(...solution.iterations)).toBeLessThan(60);
  });

  it.each([1, 2, 3])(
    "returns an x that meets the constraints as the iteration did where Q is ill-conditioned, seed %i",
    (seed) => {
      const problem = illConditioned(120, seed);
      const exact = interiorPoint({ tolerance: 1e-10 }).solve(problem);
      const solution = admm({ tolerance: 1e-6, polish: false }).solve(problem);
      expect(solution.status).toEqual(["solved"]);
      expect(assess(problem, solution).relative[0]).toBeLessThanOrEqual(1e-6);
      expect(relativeError(solution.x, exact.x)).toBeLessThan(1e-5);
    },
  );

  it("solves problems whose Q is singular, linear programs among them", () => {
    const box = {
      G: [
        [1, 0],
        [0, 1],
        [-1, 0],
        [0, -1],
      ],
      h: [1, 2, 0, 0],
    };
    const linear = quadraticProgram({
      Q: [
        [0, 0],
        [0, 0],
      ],
      q: [-1, -1],
      ...box,
    });
    const solution = admm({ tolerance: 1e-9 }).solve(linear);
    expect(solution.status).toEqual(["solved"]);
    expect(relativeError(solution.x, [1, 2])).toBeLessThan(1e-7);
    const flat = quadraticProgram({
      Q: [
        [2, 0],
        [0, 0],
      ],
      q: [-1, 1],
      A: [[1, 1]],
      b: [1],
      G: [[0, -1]],
      h: [0],
    });
    const found = admm({ tolerance: 1e-9 }).solve(flat);
    expect(found.status).toEqual(["solved"]);
    expect(relativeError(found.x, [1, 0])).toBeLessThan(1e-7);
  });

  it("names the infeasible item of a batch, proves it, and solves the others", () => {
    const problem = quadraticProgram({
      Q: [
        [1, 0],
        [0, 1],
      ],
      q: [1, 1],
      G: [
        [1, 1],
        [-1, -1],
      ],
      h: [
        [1, 0],
        [-2, 1],
        [3, 3],
      ],
    });
    const solution = admm().solve(problem);
    expect(solution.status).toEqual(["solved", "primal_infeasible", "solved"]);
    const certificate = solution.certificates[1];
    if (certificate?.kind !== "primal_infeasible") throw new Error("no certificate of primal infeasibility");
    const { lambda } = certificate;
    expect(Math.min(...lambda)).toBeGreaterThanOrEqual(0);
    // a proof is accepted at 1e-4 of what it gains
    expect(Math.abs(lambda[0] - lambda[1])).toBeLessThan(1e-4 * Math.max(...lambda));
    expect(-2 * lambda[0] + lambda[1]).toBeLessThan(-0.5);
  });

  it("proves an item infeasible at a loose tolerance too, in a batch of 64 that is otherwise done", () => {
    const layer = imageLayer(64);
    layer.G.values.copyWithin(49 * 200, 0, 200);
    for (let j = 49 * 200; j < 50 * 200; j++) layer.G.values[j] *= -1;
    const h = new Float64Array(64 * 50);
    for (let i = 0; i < 64; i++) {
      h.set(layer.h.values, i * 50);
      h[i * 50 + 49] = -h[i * 50] + (i === 7 ? -0.5 : 0.5);
    }
    for (const tolerance of [1e-3, 1e-6]) {
      const solution = admm({ tolerance }).solve({ ...layer, h: { values: h, shape: [50], batched: true } });
      const failed = solution.status.flatMap((status, i) => (status === "solved" ? [] : [i, status]));
      expect(failed).toEqual([7, "primal_infeasible"]);
      expect(Math.max(...solution.iterations)).toBeLessThan(300);
    }
  });

  it("proves that contradicting equalities have no solution", () => {
    const problem = quadraticProgram({
      Q: [
        [1, 0],
        [0, 1],
      ],
      q: [0, 1],
      A: [
        [1, 2],
        [2, 4],
      ],
      b: [1, 3],
    });
    const solution = admm().solve(problem);
    expect(solution.status).toEqual(["primal_infeasible"]);
    const certificate = solution.certificates[0];
    if (certificate?.kind !== "primal_infeasible") throw new Error("no certificate of primal infeasibility");
    expect(inner(certificate.nu, [1, 3])).toBeLessThan(0);
    expect(Math.abs(certificate.nu[0] + 2 * certificate.nu[1])).toBeLessThan(1e-4);
  });

  it("gives the direction in which an unbounded item falls without end", () => {
    const problem = quadraticProgram({
      Q: [
        [1, 0],
        [0, 0],
      ],
      q: [0, -1],
      G: [
        [1, 0],
        [0, -1],
      ],
      h: [1, 0],
    });
    const solution = admm().solve(problem);
    expect(solution.status).toEqual(["dual_infeasible"]);
    const certificate = solution.certificates[0];
    if (certificate?.kind !== "dual_infeasible") throw new Error("no direction");
    expect(certificate.direction[1]).toBeCloseTo(1, 3);
    expect(Math.abs(certificate.direction[0])).toBeLessThan(1e-4);
  });

  it("says max_iterations and time_limit when it was stopped early", () => {
    const problem = randomProgram({ n: 10, p: 3, m: 15, seed: 2 });
    const few = admm({ tolerance: 1e-10, maxIterations: 7 }).solve(problem);
    expect(few.status).toEqual(["max_iterations"]);
    expect([...few.iterations]).toEqual([7]);
    expect(admm({ tolerance: 1e-10, timeLimit: 1e-9 }).solve(problem).status).toEqual(["time_limit"]);
    const signal = AbortSignal.abort();
    expect(admm({ tolerance: 1e-10 }).solve(problem, { signal }).status).toEqual(["time_limit"]);
  });

  it("starts from an earlier solution, of this solver or another", () => {
    const problem = randomProgram({ n: 20, p: 4, m: 9, seed: 41 });
    const cold = admm({ tolerance: 1e-8 }).solve(problem);
    for (const solver of [admm({ tolerance: 1e-9 }), interiorPoint()]) {
      const warm = admm({ tolerance: 1e-8 }).solve(problem, { warmStart: solver.solve(problem) });
      expect(warm.status).toEqual(["solved"]);
      expect(warm.iterations[0]).toBeLessThanOrEqual(5);
      expect(cold.iterations[0]).toBeGreaterThan(10);
    }
  });

  it("starts afresh where the earlier solution has failed or another shape", () => {
    const problem = randomProgram({ n: 12, p: 3, m: 6, batch: 2, batched: ["q"], seed: 42 });
    const cold = admm({ tolerance: 1e-8 }).solve(problem);
    const failed = { ...cold, nu: cold.nu.map(() => Number.NaN) };
    const other = admm().solve(randomProgram({ n: 12, p: 2, m: 5, seed: 43 }));
    for (const warmStart of [failed, other]) {
      const again = admm({ tolerance: 1e-8 }).solve(problem, { warmStart });
      expect([...again.x]).toEqual([...cold.x]);
    }
  });

  it("notices matrices that were changed in place between two calls", () => {
    const problem = randomProgram({ n: 12, p: 3, m: 6, seed: 51 });
    const solver = admm({ tolerance: 1e-9 });
    const agrees = (solution: Solution) => relativeError(solution.x, interiorPoint().solve(problem).x);
    expect(agrees(solver.solve(problem))).toBeLessThan(1e-6);
    for (const name of ["Q", "A", "G"] as const) {
      problem[name].values[0] += 0.3;
      expect(agrees(solver.solve(problem)), name).toBeLessThan(1e-6);
    }
  });

  it("refuses options outside their range", () => {
    expect(() => admm({ tolerance: 0 })).toThrow(OptionError);
    expect(() => admm({ relaxation: 2 })).toThrow(/relaxation is 2/);
    expect(() => admm({ rho: -1 })).toThrow(/rho is -1/);
    expect(() => admm({ maxIterations: 1.5 })).toThrow(/maxIterations is 1.5/);
    expect(() => admm({ timeLimit: 0 })).toThrow(/timeLimit is 0/);
  });

  it("keeps its residuals small in the units of the data, not of the scaled problem", () => {
    const problem = randomProgram({ n: 12, p: 3, m: 6, seed: 61 });
    const stretched = {
      ...problem,
      G: { ...problem.G, values: problem.G.values.map((value) => 1e4 * value) },
      h: { ...problem.h, values: problem.h.values.map((value) => 1e4 * value) },
    };
    const solution = admm({ tolerance: 1e-8 }).solve(stretched);
    expect(solution.status).toEqual(["solved"]);
    expect(relativeError(solution.x, interiorPoint().solve(problem).x)).toBeLessThan(1e-6);
    expect(largest(solution.residuals.dual)).toBeLessThan(1e-6);
  });
});

describe("the interval between two looks at the residuals", () => {
  it("of one iteration stops ADMM at the first iterate that meets the tolerance", () => {
    const problem = imageLayer(1);
    const options = { tolerance: 1e-5, checkEvery: 1 };
    const [needed] = admm(options).solve(problem).iterations;
    expect(needed).toBeGreaterThan(2);
    expect(admm({ ...options, maxIterations: needed }).solve(problem).status).toEqual(["solved"]);
    expect(admm({ ...options, maxIterations: needed - 1 }).solve(problem).status).not.toEqual(["solved"]);
  });

  it("of no whole number of iterations is refused", () => {
    expect(() => admm({ checkEvery: 0.5 })).toThrow(OptionError);
  });
});
