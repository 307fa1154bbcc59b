import { exp, type Tensor } from "@solvegrad/autograd";
import { describe, expect, it } from "vitest";
import {
  admm,
  convexAdmm,
  convexInteriorPoint,
  convexLayer,
  convexProgram,
  entropicAdmm,
  entropicInteriorPoint,
  entropyProgram,
  interiorPoint,
  quadraticLayer,
  quadraticProgram,
  type Solution,
  type SolveOptions,
  softmaxLayer,
} from "../../src/index.ts";
import { relativeError } from "../random-programs.ts";

const G = [
  [1, 1, 1],
  [-1, 0, 0],
];
const convex = convexProgram({ objective: (x: Tensor) => exp(x).add(x.square()).sum(-1), n: 3, G, h: [-1, 0.3] });
const entropy = entropyProgram({ y: [1, 2, 3], A: [[1, 1, 1]], b: [1], G: [[0, 0, 1]], h: [0.3] });
const quadratic = quadraticProgram({
  Q: [
    [2, 0],
    [0, 2],
  ],
  q: [1, 1],
  G: [[1, 0]],
  h: [-1],
});

const solvers: Record<string, (options?: SolveOptions) => Solution> = {
  interiorPoint: (options) => interiorPoint().solve(quadratic, options),
  admm: (options) => admm().solve(quadratic, options),
  convexInteriorPoint: (options) => convexInteriorPoint().solve(convex, options),
  convexAdmm: (options) => convexAdmm().solve(convex, options),
  entropicInteriorPoint: (options) => entropicInteriorPoint().solve(entropy, options),
  entropicAdmm: (options) => entropicAdmm().solve(entropy, options),
};

describe.each(Object.entries(solvers))("%s", (_, solve) => {
  const cold = solve();

  it.each([Number.NaN, Infinity, 1e300, -5, 0])("is not led astray by an earlier solution of all %d", (value) => {
    const all = (values: Float64Array) => values.map(() => value);
    const { x, nu, lambda, s } = cold;
    const warm = solve({ warmStart: { ...cold, x: all(x), nu: all(nu), lambda: all(lambda), s: all(s) } });
    expect(warm.status).toEqual(["solved"]);
    expect(relativeError(warm.x, cold.x)).toBeLessThan(1e-5);
  });

  it("is not led astray by multipliers that are NaN", () => {
    const warm = solve({ warmStart: { ...cold, lambda: cold.lambda.map(() => Number.NaN) } });
    expect(warm.status).toEqual(["solved"]);
    expect(relativeError(warm.x, cold.x)).toBeLessThan(1e-5);
  });
});

describe("a layer", () => {
  const layers: Record<string, (warmStart: Solution) => unknown> = {
    quadraticLayer: (warmStart) => quadraticLayer({ Q: [[2]], q: [1] }, { warmStart }),
    "quadraticLayer with bounds": (warmStart) => quadraticLayer({ Q: [[2]], q: [1], lower: [0] }, { warmStart }),
    softmaxLayer: (warmStart) => softmaxLayer({ y: [1, 2] }, { warmStart }),
    convexLayer: (warmStart) =>
      convexLayer({ objective: (x: Tensor) => x.square().sum(-1), n: 1, G: [[1]], h: [-1] }, { warmStart }),
  };
  const useless: unknown[] = [{}, [], { x: new Float64Array(1) }, "the last one"];
  it.each(Object.entries(layers))("%s names a warm start that is no solution", (_, layer) => {
    for (const start of useless) {
      expect(() => layer(start as Solution)).toThrow(/option warmStart is .*, expected an earlier solution/);
    }
  });
});
