import { grad, type Tensor, tensor } from "@solvegrad/autograd";
import { describe, expect, it } from "vitest";
import {
  type EntropyProgramData,
  entropicAdmm,
  entropicImplicit,
  entropicInteriorPoint,
  entropicUnrolled,
  entropyNames,
  OptionError,
  softmaxLayer,
} from "../../src/index.ts";
import { randomEntropy, randomEntropyProgram } from "../random-entropy.ts";
import { inner, normals, relativeError } from "../random-programs.ts";

const shape = { n: 7, p: 2, m: 4, batch: 3, seed: 8 };
const problem = randomEntropyProgram(shape);
const solutions = [entropicInteriorPoint(), entropicAdmm({ tolerance: 1e-12 })].map((solver) => solver.solve(problem));
const next = normals(9);
const [exact] = solutions;
const cotangent = { x: exact.x.map(next), nu: exact.nu.map(next), lambda: exact.lambda.map(next) };

describe("the unrolled rule of entropy programs", () => {
  it.each([true, false])("gives the implicit cotangents of all data, with checkpoints: %s", (checkpoints) => {
    const expected = entropicImplicit().vjp(problem, exact, cotangent).gradients;
    for (const solution of solutions) {
      const { gradients, report } = entropicUnrolled({ checkpoints }).vjp(problem, solution, cotangent);
      for (const name of entropyNames) {
        expect(relativeError(gradients[name] ?? [], expected[name] ?? []), name).toBeLessThan(1e-7);
      }
      expect(report.notes).toEqual([]);
    }
  });

  it("has a JVP that is the transpose of the VJP, at any number of iterations", () => {
    for (const iterations of [3, 40]) {
      const rule = entropicUnrolled({ iterations });
      const { gradients } = rule.vjp(problem, solutions[1], cotangent);
      for (const name of entropyNames) {
        const direction = problem[name].values.map(next);
        const { tangent } = rule.jvp(problem, solutions[1], { [name]: direction });
        const product = inner(cotangent.x, tangent.x) + inner(cotangent.nu, tangent.nu);
        const expected = inner(gradients[name] ?? new Float64Array(), direction);
        const difference = product + inner(cotangent.lambda, tangent.lambda) - expected;
        expect(Math.abs(difference), name).toBeLessThan(1e-10 * (1 + Math.abs(expected)));
      }
    }
  });

  it("says when it was stopped before state or gradient had settled", () => {
    const { report } = entropicUnrolled({ iterations: 2 }).vjp(problem, solutions[1], cotangent);
    expect(report.notes.join(" ")).toMatch(/state still changed .* after 2 iterations.*gradient has not settled/);
  });

  it("differentiates softmaxLayer", () => {
    const data = randomEntropy({ ...shape, batch: 2 });
    const y = tensor(data.y as number[][], { requiresGrad: true });
    const gradient = (options: Parameters<typeof softmaxLayer>[1]): Tensor => {
      const { x, lambda } = softmaxLayer({ ...data, y } as EntropyProgramData, options);
      return grad(x.square().sum().add(lambda.sum()), [y])[0];
    };
    const own = gradient({ solver: entropicAdmm({ tolerance: 1e-10 }), differentiation: entropicUnrolled() });
    expect(relativeError(own.data(), gradient({}).data())).toBeLessThan(1e-7);
  });

  it("refuses options outside their range", () => {
    expect(() => entropicUnrolled({ tolerance: 1 })).toThrow(OptionError);
    expect(() => entropicUnrolled({ maxIterations: 0.5 })).toThrow(OptionError);
  });
});
