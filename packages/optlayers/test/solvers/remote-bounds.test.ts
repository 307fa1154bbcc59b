import { exp, type Tensor } from "@solvegrad/autograd";
import { describe, expect, it } from "vitest";
import {
  admm,
  assess,
  convexInteriorPoint,
  convexProgram,
  entropicInteriorPoint,
  entropyProgram,
  interiorPoint,
  quadraticProgram,
  type Solver,
} from "../../src/index.ts";
import { relativeError } from "../random-programs.ts";

/** minimize 1/2 |x|^2 - 3 x1 (or -3 x1 alone) subject to x1 + x2 = 1 and 0 <= x <= bound: x = (1, 0) for a bound of 1 or more. */
function bounded(bound: number, curvature: number) {
  return quadraticProgram({
    Q: [
      [curvature, 0],
      [0, curvature],
    ],
    q: [-3, 0],
    A: [[1, 1]],
    b: [1],
    G: [
      [1, 0],
      [0, 1],
      [-1, 0],
      [0, -1],
    ],
    h: [bound, bound, 0, 0],
  });
}

const solvers: [string, Solver, number][] = [
  ["interior point", interiorPoint(), 1e-9],
  ["ADMM", admm({ tolerance: 1e-7 }), 1e-5],
];

describe.each(solvers)("%s", (_name, solver, accuracy) => {
  it.each([1e4, 1e6, 1e9])("is not stopped by a bound of %d that stands for infinity", (bound) => {
    for (const curvature of [1, 0]) {
      const { status, x, iterations } = solver.solve(bounded(bound, curvature));
      expect(status).toEqual(["solved"]);
      expect(relativeError(x, [1, 0])).toBeLessThan(accuracy);
      expect(iterations[0]).toBeLessThan(1000);
    }
  });

  it("finds a solution that lies on a bound far above everything else", () => {
    const problem = quadraticProgram({ Q: [[1e-7]], q: [-3], G: [[1], [-1]], h: [1e7, 0] });
    const { status, x, lambda } = solver.solve(problem);
    expect(status).toEqual(["solved"]);
    expect(relativeError(x, [1e7])).toBeLessThan(accuracy);
    expect(relativeError(lambda, [2, 0])).toBeLessThan(accuracy);
  });
});

describe.each([1e8, 1e20, 1e100])("a bound of %d", (bound) => {
  const G = [
    [1, 1, 1],
    [-1, 0, 0],
  ];

  it("is none to a convex program", () => {
    const program = (h: number) =>
      convexProgram({ objective: (x: Tensor) => exp(x).add(x.square()).sum(-1), n: 3, G, h: [-1, h] });
    const solution = convexInteriorPoint().solve(program(bound));
    expect(solution.status).toEqual(["solved"]);
    expect(solution.iterations[0]).toBeLessThan(50);
    expect(relativeError(solution.x, convexInteriorPoint().solve(program(10)).x)).toBeLessThan(1e-9);
  });

  it("is none to an entropy program", () => {
    const program = (h: number) => entropyProgram({ y: [1, 2, 3], A: [[1, 1, 1]], b: [1], G, h: [3, h] });
    const solution = entropicInteriorPoint().solve(program(bound));
    expect(solution.status).toEqual(["solved"]);
    expect(solution.iterations[0]).toBeLessThan(20);
    expect(relativeError(solution.x, entropicInteriorPoint().solve(program(10)).x)).toBeLessThan(1e-9);
  });
});

describe("assess", () => {
  it("does not let a bound that stands for infinity excuse the residual of another row", () => {
    const x = Float64Array.of(1.5, 0);
    const point = { x, nu: new Float64Array(1), lambda: new Float64Array(4) };
    const { residuals, relative } = assess(bounded(1e9, 0), point);
    expect(residuals.primal[0]).toBe(0.5);
    expect(relative[0]).toBeGreaterThan(0.1);
  });
});
