import { grad, tensor } from "@solvegrad/autograd";
import { describe, expect, it } from "vitest";
import {
  type Cotangent,
  type EntropyName,
  type EntropyProgram,
  entropicAdmm,
  entropicAlternating,
  entropicImplicit,
  entropicInteriorPoint,
  entropyNames,
  entropyProgram,
  OptionError,
  softmaxLayer,
} from "../../src/index.ts";
import { randomEntropy, randomEntropyProgram } from "../random-entropy.ts";
import { inner, normals, relativeError } from "../random-programs.ts";

const solvers = [entropicInteriorPoint(), entropicAdmm({ tolerance: 1e-11 })];
const rules = [entropicImplicit(), entropicAlternating(), entropicAlternating({ mode: "forward" })];

const problems: [string, EntropyProgram][] = [
  ["equalities and inequalities", randomEntropyProgram({ n: 9, p: 2, m: 6, seed: 31 })],
  ["inequalities alone", randomEntropyProgram({ n: 7, p: 0, m: 5, seed: 32 })],
  ["no constraints", randomEntropyProgram({ n: 4, p: 0, m: 0, seed: 30 })],
  ["equalities alone", randomEntropyProgram({ n: 7, p: 3, m: 0, seed: 33 })],
  ["positive rows", randomEntropyProgram({ n: 10, p: 2, m: 5, seed: 34, positive: true, spread: 3 })],
  ["a batch of y with shared constraints", randomEntropyProgram({ n: 6, p: 1, m: 4, batch: 3, seed: 35 })],
];

function cotangentOf({ n, p, m, batch }: EntropyProgram): Required<Omit<Cotangent, "zeta">> {
  const normal = normals(99);
  const [x, nu, lambda] = [n, p, m].map((width) => Float64Array.from({ length: batch * width }, normal));
  return { x, nu, lambda };
}

/** The derivative of <cotangent, (x, nu, lambda)> along a direction of one datum, by central differences. */
function difference(
  problem: EntropyProgram,
  name: EntropyName,
  direction: Float64Array,
  c: Required<Omit<Cotangent, "zeta">>,
): number {
  const step = 1e-5;
  const loss = (t: number) => {
    const values = problem[name].values.map((value, k) => value + t * direction[k]);
    const { x, nu, lambda } = entropicInteriorPoint().solve({ ...problem, [name]: { ...problem[name], values } });
    return inner(c.x, x) + inner(c.nu, nu) + inner(c.lambda, lambda);
  };
  return (loss(step) - loss(-step)) / (2 * step);
}

const present = (problem: EntropyProgram) => entropyNames.filter((name) => problem[name].values.length > 0);

describe("rules for entropy programs", () => {
  const table = problems.flatMap(([title, problem]) =>
    solvers.flatMap((solver) =>
      rules.map((rule) => ({ title, problem, solver, rule, by: `${solver.name}, ${rule.name}` })),
    ),
  );

  it.each(table)("agree with central differences in every datum: $title by $by", ({ problem, solver, rule }) => {
    const solution = solver.solve(problem);
    expect(solution.status.every((status) => status === "solved")).toBe(true);
    const cotangent = cotangentOf(problem);
    const { gradients } = rule.vjp(problem, solution, cotangent);
    for (const name of present(problem)) {
      const normal = normals(7);
      const direction = problem[name].values.map(() => normal());
      const expected = difference(problem, name, direction, cotangent);
      const found = inner(gradients[name] ?? [], direction);
      expect(Math.abs(found - expected), name).toBeLessThan(1e-6 * Math.max(1, Math.abs(expected)));
    }
  });

  it.each(problems)("agree with each other to 1e-7 in every entry: %s", (_title, problem) => {
    const solution = entropicInteriorPoint().solve(problem);
    const cotangent = cotangentOf(problem);
    const [exact, ...others] = rules.map((rule) => rule.vjp(problem, solution, cotangent).gradients);
    for (const other of others) {
      for (const name of present(problem)) {
        expect(relativeError(other[name] ?? [], exact[name] ?? []), name).toBeLessThan(1e-7);
      }
    }
  });

  it("give zero for what is not usable, and only what is wanted", () => {
    const problem = entropyProgram({
      y: [
        [1, 2],
        [1, 2],
      ],
      A: [[1, 1]],
      b: [[1], [-1]],
    });
    const solution = entropicInteriorPoint().solve(problem);
    expect(solution.status[1]).toBe("primal_infeasible");
    for (const rule of rules) {
      const { gradients } = rule.vjp(problem, solution, { x: Float64Array.of(1, 0, 1, 0) }, { wanted: ["y", "b"] });
      expect(Object.keys(gradients).sort()).toEqual(["b", "y"]);
      expect([...(gradients.y ?? [])].slice(2)).toEqual([0, 0]);
      expect(gradients.b?.[1]).toBe(0);
      expect(gradients.y?.[0]).not.toBe(0);
    }
  });
});

describe("entropicAlternating", () => {
  it("has a Jacobian whose products with cotangents are its VJPs", () => {
    const problem = randomEntropyProgram({ n: 8, p: 2, m: 5, batch: 2, seed: 41 });
    const solution = entropicAdmm({ tolerance: 1e-10 }).solve(problem);
    const c = cotangentOf(problem).x;
    const rule = entropicAlternating();
    const { gradients } = rule.vjp(problem, solution, { x: c });
    for (const name of entropyNames) {
      const { values, shape } = rule.jacobian(problem, solution, name);
      const [batch, n, d] = shape;
      const product = new Float64Array(problem[name].batched ? batch * d : d);
      for (let i = 0; i < batch; i++) {
        for (let j = 0; j < n; j++) {
          for (let e = 0; e < d; e++) {
            product[(problem[name].batched ? i * d : 0) + e] += c[i * n + j] * values[(i * n + j) * d + e];
          }
        }
      }
      expect(relativeError(product, gradients[name] ?? []), name).toBeLessThan(1e-8);
    }
  });

  it("errs in proportion to its truncation, and says so", () => {
    const problem = randomEntropyProgram({ n: 20, p: 3, m: 12, seed: 42, positive: true });
    const solution = entropicInteriorPoint().solve(problem);
    const cotangent = cotangentOf(problem);
    const exact = entropicImplicit().vjp(problem, solution, cotangent).gradients.y ?? new Float64Array();
    const errors = [1e-2, 1e-4, 1e-6].map((truncate) => {
      const { gradients, report } = entropicAlternating({ truncate }).vjp(problem, solution, cotangent);
      expect(report.residual).toBeLessThanOrEqual(truncate);
      expect(report.notes.length).toBe(1);
      return relativeError(gradients.y ?? [], exact);
    });
    expect(errors[1]).toBeLessThan(errors[0] / 10);
    expect(errors[2]).toBeLessThan(errors[1] / 10);
    const { report } = entropicAlternating({ maxIterations: 2 }).vjp(problem, solution, cotangent);
    expect(report.notes.join()).toContain("The recursion stopped at 2 iterations");
  });

  it("refuses options outside their range", () => {
    expect(() => entropicAlternating({ mode: "sideways" as "forward" })).toThrow(OptionError);
    expect(() => entropicAlternating({ truncate: 2 })).toThrow(OptionError);
    expect(() => entropicAlternating({ relaxation: 2 })).toThrow(OptionError);
  });
});

describe("entropicAdmm", () => {
  it("finds the solutions of the interior point, x positive, for every spread and size", () => {
    for (let seed = 0; seed < 20; seed++) {
      const [spread, size] = [10 ** ((seed % 5) / 2 - 1), 10 ** ((seed % 3) - 1)];
      const problem = randomEntropyProgram({ n: 15, p: 2, m: 8, seed, spread, size, positive: seed % 2 === 0 });
      const solution = entropicAdmm({ tolerance: 1e-9 }).solve(problem);
      expect(solution.status, `seed ${seed}`).toEqual(["solved"]);
      expect(Math.min(...solution.x)).toBeGreaterThan(0);
      expect(relativeError(solution.x, entropicInteriorPoint().solve(problem).x), `seed ${seed}`).toBeLessThan(1e-6);
    }
  });

  it("proves that an infeasible program has no solution", () => {
    const problem = entropyProgram({
      y: [1, 2],
      A: [[1, 1]],
      b: [1],
      G: [
        [1, 0],
        [0, 1],
      ],
      h: [0.3, 0.3],
    });
    const { status, certificates } = entropicAdmm({ maxIterations: 300 }).solve(problem);
    expect(status).toEqual(["primal_infeasible"]);
    // nu (1, 1) + lambda >= 0 while nu + 0.3 (lambda_1 + lambda_2) < 0: no x >= 0 satisfies the rows
    const { nu, lambda } = certificates[0] as Extract<(typeof certificates)[0], { kind: "primal_infeasible" }>;
    expect(Math.min(...lambda, nu[0] + lambda[0], nu[0] + lambda[1])).toBeGreaterThanOrEqual(-1e-9);
    expect(nu[0] + 0.3 * (lambda[0] + lambda[1])).toBeLessThan(-1e-3);
  });

  it("stops at its limits and says which", () => {
    const problem = randomEntropyProgram({ n: 15, p: 2, m: 8, seed: 3 });
    expect(entropicAdmm({ maxIterations: 1 }).solve(problem).status).toEqual(["max_iterations"]);
    expect(entropicAdmm().solve(problem, { signal: AbortSignal.abort() }).status).toEqual(["time_limit"]);
    expect(() => entropicAdmm({ maxIterations: 0 })).toThrow(OptionError);
  });

  it("trains a layer with the alternating rule to the gradients of the default", () => {
    const data = randomEntropy({ n: 8, p: 2, m: 4, seed: 51 });
    const gradientBy = (options: Parameters<typeof softmaxLayer>[1]) => {
      const y = tensor(data.y as number[], { requiresGrad: true });
      return grad(
        softmaxLayer({ ...data, y }, options)
          .x.square()
          .sum(),
        [y],
      )[0].data();
    };
    const alternating = { solver: entropicAdmm({ tolerance: 1e-10 }), differentiation: entropicAlternating() };
    expect(relativeError(gradientBy(alternating), gradientBy({}))).toBeLessThan(1e-7);
  });
});
