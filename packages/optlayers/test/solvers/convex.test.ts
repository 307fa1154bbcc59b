import { exp, log, type Tensor, tensor } from "@solvegrad/autograd";
import { describe, expect, it } from "vitest";
import {
  assessConvex,
  type ConvexProgramData,
  convexAdmm,
  convexInteriorPoint,
  convexProgram,
  OptionError,
  type Solution,
} from "../../src/index.ts";
import { logSumExp, quartic, randomConstraints, randomConvexPrograms } from "../random-convex.ts";
import { normals, relativeError } from "../random-programs.ts";

const solvers = [
  { name: "interior point", solver: convexInteriorPoint(), tolerance: 1e-9 },
  { name: "ADMM", solver: convexAdmm({ tolerance: 1e-8, maxIterations: 2000 }), tolerance: 1e-8 },
];

const eye = (n: number) =>
  tensor(Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => Number(i === j))));

const objectives = Object.keys(randomConvexPrograms({ n: 4, p: 1, m: 3, seed: 1 }));
const stated = (name: string, seed: number, batch?: number) =>
  randomConvexPrograms({ n: 6, p: 2, m: 5, seed, ...(batch && { batch }) })[name];

describe.each(solvers)("the $name of convex programs", ({ solver, tolerance }) => {
  it.each(objectives)("solves %s, single and in a batch, by residuals that hold outside of it", (name) => {
    for (const [seed, batch] of [
      [1, undefined],
      [2, 3],
    ] as const) {
      const program = convexProgram(stated(name, seed, batch));
      const solution = solver.solve(program);
      expect(solution.status).toEqual(new Array(batch ?? 1).fill("solved"));
      expect(Math.max(...assessConvex(program, solution).relative)).toBeLessThanOrEqual(tolerance);
      expect(Math.min(...solution.lambda, ...solution.s)).toBeGreaterThanOrEqual(0);
    }
  });

  it("takes at most one iteration from its own solution, and few from that of a nearby problem", () => {
    const data = stated("logSumExp", 3, 2);
    const first = solver.solve(convexProgram(data));
    const again = solver.solve(convexProgram(data), { warmStart: first });
    expect(Math.max(...again.iterations)).toBeLessThanOrEqual(1);
    expect(again.status).toEqual(["solved", "solved"]);
    const [C, d, w] = data.theta as Tensor[];
    const near = convexProgram({ ...data, theta: [C, d.mul(1.001), w] });
    const warm = solver.solve(near, { warmStart: first });
    expect(warm.status).toEqual(["solved", "solved"]);
    expect(Math.max(...warm.iterations)).toBeLessThan(Math.min(...solver.solve(near).iterations) / 2);
  });

  it("starts from another solver's solution, and from the cold where an earlier one is of another shape", () => {
    const program = convexProgram(stated("quartic", 4));
    const cold = solver.solve(program);
    const other = convexInteriorPoint().solve(convexProgram(stated("quartic", 4, 2)));
    expect(solver.solve(program, { warmStart: other }).iterations).toEqual(cold.iterations);
  });

  it("reports every iteration, the residuals of the last being small", () => {
    const seen: { iteration: number; primal: number; dual: number }[] = [];
    const { iterations } = solver.solve(convexProgram(stated("logistic", 5)), { onIteration: (own) => seen.push(own) });
    expect(seen.map(({ iteration }) => iteration)).toEqual(Array.from({ length: iterations[0] }, (_, k) => k + 1));
    expect(seen[seen.length - 1].primal).toBeLessThan(1e-5);
  });

  it("ends as time_limit when the time is over or the signal aborted, with a point of numbers", () => {
    const program = convexProgram(stated("logistic", 6, 2));
    const aborted = solver.solve(program, { signal: AbortSignal.abort() });
    expect(aborted.status).toEqual(["time_limit", "time_limit"]);
    expect(aborted.x.every(Number.isFinite)).toBe(true);
    expect(solver.solve(program, { timeLimit: 1e-6 }).status).toEqual(["time_limit", "time_limit"]);
  });

  it("proves that no x satisfies the constraints, while the rest of the batch is solved", () => {
    const solution = solver.solve(
      convexProgram({
        objective: (x) => exp(x).sum(-1),
        G: [
          [1, 0],
          [-1, 0],
          [0, -1],
        ],
        h: [
          [-1, 0, 1],
          [1, 0, 1],
        ],
      }),
    );
    expect(solution.status).toEqual(["primal_infeasible", "solved"]);
    const [certificate] = solution.certificates;
    if (certificate?.kind !== "primal_infeasible") throw new Error("no certificate");
    const [l0, l1, l2] = certificate.lambda;
    expect(l0 - l1).toBeCloseTo(0, 6);
    expect(l2).toBeCloseTo(0, 6);
    expect(-l0).toBeLessThan(0);
  });

  it.each([
    ["a logarithm", (x: Tensor) => log(x).sum(-1).neg()],
    ["a linear function", (x: Tensor) => x.mul(tensor([-1, -2])).sum(-1)],
  ])("shows a direction in which %s falls without end", (_name, objective) => {
    const data = { objective, A: [[1, -1]], b: [0], G: [[-1, 0]], h: [0], start: [1, 1] };
    const { status, certificates } = solver.solve(convexProgram(data));
    expect(status).toEqual(["dual_infeasible"]);
    const [certificate] = certificates;
    if (certificate?.kind !== "dual_infeasible") throw new Error("no certificate");
    const [d0, d1] = certificate.direction;
    expect(d0).toBeGreaterThan(0);
    expect(d0 - d1).toBeCloseTo(0, 9);
  });

  it("solves the other items of a batch with one that falls without end", () => {
    const slopes = tensor([
      [-1, -1],
      [1, 2],
    ]);
    const objective = (x: Tensor, slope: Tensor) => x.mul(slope).sum(-1);
    const data = { objective, theta: [slopes], A: [[1, -1]], b: [0], G: [[-1, 0]], h: [0], batch: 2 };
    const { status, x } = solver.solve(convexProgram(data));
    expect(status).toEqual(["dual_infeasible", "solved"]);
    expect(Math.max(Math.abs(x[2]), Math.abs(x[3]))).toBeLessThan(1e-6);
  });

  it("calls an objective that is not convex what it is, and holds no NaN", () => {
    const solution = solver.solve(
      convexProgram({ objective: (x) => x.square().sum(-1).neg(), G: [[1], [-1]], h: [1, 1] }),
    );
    expect(solution.status).toEqual(["numerical_error"]);
    expect(solution.notes?.[0]).toMatch(/item 0 is not convex: its Hessian has a negative eigenvalue/);
    expect(solution.x.every(Number.isFinite)).toBe(true);
  });

  it("never calls a problem solved whose feasible points are outside the domain of the objective", () => {
    const data = { objective: (x: Tensor) => log(x).sum(-1).neg(), G: [[1]], h: [-1], start: [1] };
    const short = solver.name === "convex ADMM" ? convexAdmm({ maxIterations: 50 }) : solver;
    const { status, x } = short.solve(convexProgram(data));
    expect(status[0]).not.toMatch(/^solved/);
    expect(x.every(Number.isFinite)).toBe(true);
  });

  it("comes into the domain's interior from a start that is far away", () => {
    const objective = (x: Tensor) => log(x).sum(-1).neg().add(x.sum(-1));
    const { status, x } = solver.solve(convexProgram({ objective, n: 3, start: [1e-6, 1, 1e6] }));
    expect(status).toEqual(["solved"]);
    expect(relativeError(x, [1, 1, 1])).toBeLessThan(1e-6);
  });

  it.each([1e-6, 1e3, 1e6])("solves an objective that counts in units of %d as soon as in its own", (unit) => {
    for (const name of ["quartic", "logSumExp"]) {
      const data = stated(name, 12);
      const own = solver.solve(convexProgram(data));
      const inUnit = { ...data, objective: (...given: [Tensor, ...Tensor[]]) => data.objective(...given).mul(unit) };
      const solution = solver.solve(convexProgram(inUnit));
      expect(solution.status).toEqual(["solved"]);
      expect(relativeError(solution.x, own.x)).toBeLessThan(Math.sqrt(tolerance));
      expect(solution.iterations[0]).toBeLessThanOrEqual(1.5 * own.iterations[0]);
    }
  });

  it.each([1e-6, 1e6])("solves a problem whose x counts in units of %d as soon as in its own", (unit) => {
    const { A, b = [], G, h = [] } = randomConstraints({ n: 5, p: 1, m: 4, seed: 31 });
    const inUnit = (length: number) =>
      convexProgram({
        objective: (x: Tensor) => logSumExp(x.mul(1 / length), eye(5), tensor([1, -1, 0.5, 0, 2]), tensor(0.3)),
        ...{ A, G, b: b.map((value) => Number(value) * length), h: h.map((value) => Number(value) * length) },
      });
    const own = solver.solve(inUnit(1));
    const solution = solver.solve(inUnit(unit));
    expect(solution.status).toEqual(["solved"]);
    const x = solution.x.map((value) => value / unit);
    expect(relativeError(x, own.x)).toBeLessThan(Math.sqrt(tolerance));
    expect(solution.iterations[0]).toBeLessThanOrEqual(1.5 * own.iterations[0]);
  });

  it("judges a problem in small units by its own size", () => {
    const small = convexProgram({ objective: (x) => x.sub(1).square().sum(-1).mul(1e-9), n: 2 });
    const { status, x } = solver.solve(small);
    expect(status).toEqual(["solved"]);
    expect(relativeError(x, [1, 1])).toBeLessThan(1e-6);
  });
});

describe("the two solvers of convex programs", () => {
  it.each(objectives)("agree on x, nu and lambda of %s", (name) => {
    const program = convexProgram(stated(name, 7, 2));
    const [one, two] = [convexInteriorPoint(), convexAdmm({ tolerance: 1e-11 })].map((own) => own.solve(program));
    for (const part of ["x", "nu", "lambda"] as const satisfies (keyof Solution)[]) {
      expect(relativeError(two[part], one[part]), part).toBeLessThan(1e-8);
    }
  });

  it("solve problems with every constraint stated twice", () => {
    const { A = [], b = [], G = [], h = [] } = randomConstraints({ n: 6, p: 2, m: 4, seed: 1 });
    const twice = <T>(rows: readonly T[]) => [...rows, ...rows];
    const data = { objective: (x: Tensor) => quartic(x, tensor(1), tensor(0.1)) };
    const once = convexInteriorPoint().solve(convexProgram({ ...data, A, b, G, h }));
    const [right, bounds] = [b as number[], h as number[]];
    const program = convexProgram({ ...data, A: twice(A), b: twice(right), G: twice(G), h: twice(bounds) });
    for (const { solver } of solvers) {
      const { status, x } = solver.solve(program);
      expect(status).toEqual(["solved"]);
      expect(relativeError(x, once.x)).toBeLessThan(1e-6);
    }
  });

  it.each([1, 5, 7])(
    "find the minimum of a function with sharp edges near a vertex of its constraints, seed %i",
    (seed) => {
      const rows = Float64Array.from({ length: 300 }, normals(seed)).map((value) => 20 * value);
      const theta = [tensor(rows, { shape: [30, 10] }), tensor(new Float64Array(30)), tensor(1e-3)];
      const constraints = randomConstraints({ n: 10, p: 2, m: 20, seed });
      const solution = convexInteriorPoint().solve(convexProgram({ objective: logSumExp, theta, ...constraints }));
      expect(solution.status).toEqual(["solved"]);
    },
  );

  it("refuse options outside their range", () => {
    expect(() => convexAdmm({ relaxation: 2 })).toThrow(OptionError);
    expect(() => convexAdmm({ rho: -1 })).toThrow(OptionError);
    expect(() => convexInteriorPoint({ maxIterations: 0 })).toThrow(OptionError);
    const program = convexProgram({ objective: (x) => x.square().sum(-1), n: 1 } satisfies ConvexProgramData);
    expect(() => convexInteriorPoint().solve(program, { timeLimit: -1 })).toThrow(OptionError);
  });
});
