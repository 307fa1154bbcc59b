import { tensor } from "@solvegrad/autograd";
import { describe, expect, it } from "vitest";
import { ball, box, OptionError, projectedGradient, setProgram, simplex } from "../../src/index.ts";
import { normals, relativeError } from "../random-programs.ts";

/** Q with eigenvalues from 1 to `condition`, turned by reflections. */
function spread(n: number, condition: number, seed: number): number[][] {
  const next = normals(seed);
  const w = Array.from({ length: n }, next);
  const square = w.reduce((sum, value) => sum + value * value, 0);
  const values = Array.from({ length: n }, (_, j) => condition ** (j / (n - 1)));
  const reflect = (j: number, k: number) => (j === k ? 1 : 0) - (2 * w[j] * w[k]) / square;
  const Q = Array.from({ length: n }, (_, j) =>
    Array.from({ length: n }, (_, k) =>
      values.reduce((sum, value, l) => sum + reflect(j, l) * value * reflect(l, k), 0),
    ),
  );
  return Q.map((row, j) => row.map((value, k) => (value + Q[k][j]) / 2));
}

function program(n: number, condition: number, seed: number) {
  const next = normals(seed + 1);
  return setProgram({
    Q: spread(n, condition, seed),
    q: Array.from({ length: n }, () => 3 * next()),
    set: box(-0.5, 0.5),
  });
}

describe("projectedGradient", () => {
  it.each(["plain", "accelerated"] as const)(
    "satisfies x = P(x - grad f(x)) to rounding by the %s method",
    (method) => {
      const problem = program(12, 50, 3);
      const { x, status, residuals } = projectedGradient({ method, tolerance: 1e-12 }).solve(problem);
      expect(status).toEqual(["solved"]);
      expect(residuals.dual[0]).toBeLessThan(1e-10);
      const gradient = problem.q.values.map((value, j) => {
        return x.reduce((sum, entry, k) => sum + problem.Q.values[j * 12 + k] * entry, value);
      });
      gradient.forEach((slope, j) => {
        if (x[j] === -0.5) expect(slope).toBeGreaterThan(-1e-10);
        else if (x[j] === 0.5) expect(slope).toBeLessThan(1e-10);
        else expect(Math.abs(slope)).toBeLessThan(1e-9);
      });
    },
  );

  it("needs many times fewer iterations with acceleration where the curvature spreads", () => {
    const [plain, accelerated] = (["plain", "accelerated"] as const).map((method) => {
      return projectedGradient({ method, maxIterations: 100_000 }).solve(program(20, 1e4, 5));
    });
    expect(accelerated.status).toEqual(["solved"]);
    expect(accelerated.iterations[0]).toBeLessThan(plain.iterations[0] / 3);
  });

  it("takes no iteration from its own solution, and fewer for a nearby problem", () => {
    const problem = program(15, 100, 7);
    const solver = projectedGradient();
    const cold = solver.solve(problem);
    expect(solver.solve(problem, { warmStart: cold }).iterations[0]).toBeLessThanOrEqual(1);
    const near = { ...problem, q: { ...problem.q, values: problem.q.values.map((value) => value * 1.0001) } };
    expect(solver.solve(near, { warmStart: cold }).iterations[0]).toBeLessThan(cold.iterations[0]);
  });

  it("measures in the problem's units: small numbers are not taken for a solution", () => {
    const next = normals(2);
    const q = Array.from({ length: 6 }, next);
    for (const unit of [1e-9, 1, 1e9]) {
      const problem = setProgram({
        Q: spread(6, 20, 4),
        q: q.map((value) => value * unit),
        set: box(-0.3 * unit, 0.3 * unit),
      });
      const { x, status } = projectedGradient({ tolerance: 1e-11 }).solve(problem);
      const reference = projectedGradient({ tolerance: 1e-13 }).solve(
        setProgram({ Q: spread(6, 20, 4), q, set: box(-0.3, 0.3) }),
      );
      expect(status).toEqual(["solved"]);
      expect(
        relativeError(
          x.map((value) => value / unit),
          reference.x,
        ),
      ).toBeLessThan(1e-9);
    }
  });

  it("stays in the domain of the objective, by shorter steps", () => {
    const y = tensor([1, 2, 3, 0.5]);
    const problem = setProgram({
      objective: (x, weights) => x.mul(x.log()).sub(x.mul(weights)).sum(),
      theta: [y],
      set: simplex(),
      start: [0.25, 0.25, 0.25, 0.25],
    });
    const { x, status } = projectedGradient().solve(problem);
    const softmax = y.exp().div(y.exp().sum());
    expect(status).toEqual(["solved"]);
    expect(relativeError(x, softmax.data())).toBeLessThan(1e-7);
  });

  it("says what stopped it: iterations, time, a signal", () => {
    const problem = program(20, 1e6, 9);
    expect(projectedGradient({ maxIterations: 3 }).solve(problem).status).toEqual(["max_iterations"]);
    const controller = new AbortController();
    const seen: number[] = [];
    const stopped = projectedGradient().solve(problem, {
      signal: controller.signal,
      onIteration: ({ iteration, unfinished }) => {
        seen.push(iteration);
        expect(unfinished).toBe(1);
        if (iteration === 5) controller.abort();
      },
    });
    expect(stopped.status).toEqual(["time_limit"]);
    expect(seen).toEqual([1, 2, 3, 4, 5]);
    expect(projectedGradient().solve(problem, { timeLimit: 1e-6 }).status).toEqual(["time_limit"]);
  });

  it("does not call an objective that falls for ever solved", () => {
    const problem = setProgram({
      Q: [
        [0, 0],
        [0, 1],
      ],
      q: [1, 1],
      set: box(),
    });
    expect(projectedGradient({ maxIterations: 200 }).solve(problem).status[0]).not.toBe("solved");
    const linear = setProgram({ Q: new Array(2).fill([0, 0]), q: [3, 4], set: ball(1) });
    expect(relativeError(projectedGradient().solve(linear).x, [-0.6, -0.8])).toBeLessThan(1e-9);
  });

  it("refuses options out of range", () => {
    expect(() => projectedGradient({ step: -1 })).toThrow(OptionError);
    expect(() => projectedGradient({ method: "fast" as "plain" })).toThrow(OptionError);
  });
});
