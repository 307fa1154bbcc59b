import { tensor } from "@solvegrad/autograd";
import { describe, expect, it } from "vitest";
import {
  type BoxProjection,
  box,
  boxProjectionLayer,
  interiorPoint,
  LayerError,
  OptimizationError,
  projectedGradient,
  quadraticLayer,
  type SetProgram,
  type Solution,
  type Solver,
  semismoothNewton,
  setLayer,
} from "../../src/index.ts";

const right = interiorPoint();

/** A solver of the caller's that gets something wrong. */
function spoilt(spoil: (solution: Solution) => Partial<Solution>): Solver {
  return {
    name: "spoilt",
    solve: (problem, options) => {
      const solution = right.solve(problem, options);
      return { ...solution, solver: "spoilt", ...spoil(solution) };
    },
  };
}

const data = () => ({ Q: [[2]], q: tensor([[1], [2]], { requiresGrad: true }), G: [[1]], h: [5] });

describe("a layer with a solver of the caller's", () => {
  const nan = spoilt(({ x }) => ({ x: x.map((value, i) => (i === 1 ? Number.NaN : value)) }));

  it("does not let NaN pass under the status solved: the item has failed", () => {
    expect(() => quadraticLayer(data(), { solver: nan })).toThrow(OptimizationError);
    expect(() => quadraticLayer(data(), { solver: nan })).toThrow("spoilt: item 1 of 2 is numerical_error");
  });

  it("masks an item that is NaN like any other that failed", () => {
    const { q, ...rest } = data();
    const { x, solution } = quadraticLayer({ q, ...rest }, { solver: nan, onFailure: "mask" });
    x.sum().backward();
    expect(solution.status).toEqual(["solved", "numerical_error"]);
    expect(x.toArray()).toEqual([[expect.closeTo(-0.5)], [0]]);
    expect(q.grad?.toArray()).toEqual([[expect.closeTo(-0.5)], [0]]);
  });

  const misshapen: [string, (solution: Solution) => Partial<Solution>, string][] = [
    ["x is short", ({ x }) => ({ x: x.slice(1) }), "the solver spoilt returned 1 entries of x, expected 2"],
    ["there is no status", () => ({ status: [] }), "returned 0 entries of status, expected 2"],
    ["lambda is short", ({ lambda }) => ({ lambda: lambda.slice(1) }), "1 entries of lambda, expected 2"],
  ];
  it.each(misshapen)("refuses a solution where %s", (_, spoil, message) => {
    expect(() => quadraticLayer(data(), { solver: spoilt(spoil) })).toThrow(LayerError);
    expect(() => quadraticLayer(data(), { solver: spoilt(spoil) })).toThrow(message);
  });

  it("does not believe that a box projection is solved at a point that misses its equations", () => {
    const own = semismoothNewton();
    const halved: Solver<BoxProjection> = {
      name: "halved",
      solve: (problem, options) => {
        const solution = own.solve(problem, options);
        return { ...solution, x: solution.x.map((value) => value / 2) };
      },
    };
    const projection = { y: [1, 2, 3], A: [[1, 1, 1]], b: [1] };
    expect(() => boxProjectionLayer(projection, { solver: halved })).toThrow("is numerical_error");
    expect(boxProjectionLayer(projection, { solver: own }).solution.status).toEqual(["solved"]);
  });

  it("does not believe that a program over a set is solved at a point from where it goes on downhill", () => {
    const own = projectedGradient();
    const halved: Solver<SetProgram> = {
      name: "halved",
      solve: (problem, options) => {
        const solution = own.solve(problem, options);
        return { ...solution, x: solution.x.map((value) => value / 2) };
      },
    };
    const program = {
      Q: [
        [2, 0],
        [0, 2],
      ],
      q: [-1, -1],
      set: box(0),
    };
    expect(() => setLayer(program, { solver: halved })).toThrow("is numerical_error");
    expect(setLayer(program, { solver: own }).solution.status).toEqual(["solved"]);
  });
});
