import { describe, expect, it } from "vitest";
import {
  type ConvexProgram,
  type ConvexProgramData,
  type ConvexRule,
  convexAdmm,
  convexAlternating,
  convexImplicit,
  convexInteriorPoint,
  convexNames,
  convexProgram,
  convexUnrolled,
  OptionError,
  type Solution,
  solutionJacobian,
} from "../../src/index.ts";
import { type RandomConvex, randomConvexPrograms } from "../random-convex.ts";
import { inner, margin, normals, relativeError } from "../random-programs.ts";

const interior = convexInteriorPoint({ tolerance: 1e-12 });

const rules: [string, ConvexRule, "interior" | "admm"][] = [
  ["implicit", convexImplicit(), "interior"],
  ["alternating after the interior point", convexAlternating({ truncate: 1e-12 }), "interior"],
  ["alternating after ADMM", convexAlternating({ truncate: 1e-12 }), "admm"],
  ["alternating (forward)", convexAlternating({ mode: "forward", truncate: 1e-12 }), "admm"],
  ["unrolled", convexUnrolled({ tolerance: 1e-12 }), "admm"],
  ["unrolled from checkpoints", convexUnrolled({ tolerance: 1e-12, checkpoints: true }), "interior"],
];

interface Case {
  readonly program: ConvexProgram;
  readonly solutions: Record<"interior" | "admm", Solution>;
  readonly cotangent: { readonly x: Float64Array; readonly nu: Float64Array; readonly lambda: Float64Array };
}

/** A program of this objective whose slacks and multipliers are away from 0, solved. */
function clearCase(name: string, shape: Omit<RandomConvex, "seed">): Case {
  for (let seed = 1; ; seed++) {
    const program = convexProgram(randomConvexPrograms({ ...shape, seed })[name]);
    const solution = interior.solve(program);
    if (!(margin(solution) > 0.02 && solution.lambda.some((value) => value > 0.02))) continue;
    const next = normals(seed + 100);
    const cotangent = { x: solution.x.map(next), nu: solution.nu.map(next), lambda: solution.lambda.map(next) };
    const admm = convexAdmm({ tolerance: 1e-12 }).solve(program);
    return { program, solutions: { interior: solution, admm }, cotangent };
  }
}

const objectives = Object.keys(randomConvexPrograms({ n: 4, p: 1, m: 3, seed: 1 }));
const cases = objectives.map((name) => ({ name, ...clearCase(name, { n: 4, p: 1, m: 3, batch: 2 }) }));

function moved(program: ConvexProgram, name: keyof ConvexProgram & string, direction: Float64Array, t: number) {
  const datum = program[name as "A"];
  return { ...program, [name]: { ...datum, values: datum.values.map((value, k) => value + t * direction[k]) } };
}

function product({ x, nu, lambda }: Case["cotangent"], of: Pick<Solution, "x" | "nu" | "lambda">): number {
  return inner(x, of.x) + inner(nu, of.nu) + inner(lambda, of.lambda);
}

describe.each(cases)("the derivatives of $name", ({ program, solutions, cotangent }) => {
  const next = normals(9);
  const names = convexNames(program).filter((name) => program[name].values.length > 0);
  const directions = Object.fromEntries(names.map((name) => [name, program[name].values.map(next)]));
  const slopes = names.map((name) => {
    const at = (t: number) => product(cotangent, interior.solve(moved(program, name, directions[name], t)));
    return (at(1e-5) - at(-1e-5)) / 2e-5;
  });

  it.each(rules)("%s are the central differences in every datum", (_name, rule, from) => {
    const { gradients } = rule.vjp(program, solutions[from], cotangent);
    const found = names.map((name) => inner(gradients[name] ?? new Float64Array(), directions[name]));
    expect(relativeError(found, slopes)).toBeLessThan(1e-7);
  });

  it.each(rules)("%s have a JVP that is the transpose of the VJP", (_name, rule, from) => {
    const { gradients } = rule.vjp(program, solutions[from], cotangent);
    const { tangent } = rule.jvp(program, solutions[from], directions);
    const products = names.map((name) => inner(gradients[name] ?? new Float64Array(), directions[name]));
    const size = products.reduce((sum, value) => sum + Math.abs(value), 1);
    const expected = products.reduce((sum, value) => sum + value, 0);
    expect(Math.abs(product(cotangent, tangent) - expected)).toBeLessThan(1e-10 * size);
  });
});

describe("rules for convex programs", () => {
  const { program, solutions, cotangent } = clearCase("logSumExp", { n: 4, p: 1, m: 3, batch: 2 });

  it("give the whole Jacobian of the duals in a theta", () => {
    const { values, shape } = solutionJacobian(convexImplicit(), program, solutions.interior, "theta0", {
      of: "lambda",
    });
    const d = program.theta0.values.length;
    expect(shape).toEqual([2, program.m, d]);
    const direction = program.theta0.values.map(normals(3));
    const rows = Array.from({ length: 2 * program.m }, (_, row) =>
      inner(values.subarray(row * d, (row + 1) * d), direction),
    );
    const at = (t: number) => interior.solve(moved(program, "theta0", direction, t)).lambda;
    const [above, below] = [at(1e-5), at(-1e-5)];
    expect(
      relativeError(
        rows,
        above.map((value, k) => (value - below[k]) / 2e-5),
      ),
    ).toBeLessThan(1e-8);
  });

  it("are exact transposes at any number of unrolled iterations, with and without checkpoints", () => {
    const direction = program.G.values.map(normals(4));
    for (const iterations of [1, 2, 7]) {
      const results = [true, false].map((checkpoints) => {
        const rule = convexUnrolled({ iterations, checkpoints });
        const { gradients, report } = rule.vjp(program, solutions.admm, cotangent);
        expect(report.iterations).toBe(iterations);
        const { tangent } = rule.jvp(program, solutions.admm, { G: direction });
        return [inner(gradients.G ?? new Float64Array(), direction), product(cotangent, tangent)];
      });
      for (const value of results.flat()) expect(value).toBeCloseTo(results[0][0], 10);
    }
  });

  it("hold states that grow with the root of the iterations from checkpoints, and with the iterations without", () => {
    const bytes = (iterations: number, checkpoints: boolean) =>
      convexUnrolled({ iterations, checkpoints }).vjp(program, solutions.admm, cotangent).report.peakBytes;
    expect(bytes(64, false)).toBe(16 * bytes(4, false));
    expect(bytes(64, true)).toBeLessThan(6 * bytes(4, true));
  });

  it("leave out the items without a usable solution", () => {
    const { x, status, ...rest } = solutions.interior;
    const broken = x.slice().fill(Number.NaN, 0, 4);
    const solution: Solution = { ...rest, x: broken, status: ["numerical_error", status[1]], state: undefined };
    for (const rule of [convexImplicit(), convexAlternating(), convexUnrolled()]) {
      const { gradients } = rule.vjp(program, solution, cotangent);
      const alone = rule.vjp(program, solutions.interior, { ...cotangent, ...onlySecond(cotangent) });
      for (const name of convexNames(program)) {
        const own = gradients[name] ?? new Float64Array();
        expect(own.every(Number.isFinite), `${rule.name} ${name}`).toBe(true);
        expect(relativeError(own, alone.gradients[name] ?? []), `${rule.name} ${name}`).toBeLessThan(1e-6);
      }
      const { tangent } = rule.jvp(program, solution, { theta0: program.theta0.values.map(normals(5)) });
      expect(tangent.x.subarray(0, 4).every((value) => value === 0)).toBe(true);
      expect(tangent.x.subarray(4).some((value) => value !== 0)).toBe(true);
    }
  });

  it("take the factor that ADMM's Newton steps left, and another solver's solution without one", () => {
    const stated: ConvexProgramData = randomConvexPrograms({ n: 4, p: 1, m: 3, seed: 2 }).logistic;
    const own = convexProgram(stated);
    const truncated = convexAdmm({ tolerance: 1e-3 }).solve(own);
    const exact = interior.solve(own);
    const c = { x: exact.x.map(normals(6)) };
    const [rough, fine] = [truncated, exact].map(
      (from) => convexAlternating().vjp(own, from, c).gradients.theta0 ?? [],
    );
    const error = relativeError(rough as Float64Array, fine as Float64Array);
    expect(error).toBeGreaterThan(1e-12);
    expect(error).toBeLessThan(0.1);
  });

  it("differentiate a problem without constraints, and one whose objective has no parameters", () => {
    const free = convexProgram({
      objective: (x, c) => x.sub(c).square().sum(-1).add(x.exp().sum(-1)),
      theta: [2],
      n: 1,
    });
    const fixed = convexProgram({ objective: (x) => x.square().sum(-1), A: [[1, 2]], b: [5] });
    for (const [, rule] of rules) {
      const atFree = interior.solve(free);
      const expected = 2 / (2 + Math.exp(atFree.x[0]));
      expect(rule.vjp(free, atFree, { x: Float64Array.of(1) }).gradients.theta0?.[0]).toBeCloseTo(expected, 10);
      expect(rule.jvp(free, atFree, { theta0: Float64Array.of(1) }).tangent.x[0]).toBeCloseTo(expected, 10);
      const { gradients } = rule.vjp(fixed, interior.solve(fixed), { x: Float64Array.of(1, 0) });
      expect(Object.keys(gradients).sort()).toEqual(["A", "G", "b", "h"]);
      expect(gradients.b?.[0]).toBeCloseTo(0.2, 9);
    }
  });

  it("refuse options outside their range", () => {
    expect(() => convexUnrolled({ iterations: 0 })).toThrow(OptionError);
    expect(() => convexUnrolled({ rho: -1 })).toThrow(OptionError);
    expect(() => convexUnrolled({ checkpoints: 3 as unknown as boolean })).toThrow(/option checkpoints is 3/);
    expect(() => convexAlternating({ truncate: 2 })).toThrow(OptionError);
  });
});

/** The cotangents of the second item of two alone. */
function onlySecond(cotangent: Case["cotangent"]): Case["cotangent"] {
  const second = (values: Float64Array) => values.map((value, k) => (k < values.length / 2 ? 0 : value));
  return { x: second(cotangent.x), nu: second(cotangent.nu), lambda: second(cotangent.lambda) };
}
