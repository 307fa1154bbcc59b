import { describe, expect, it } from "vitest";
import {
  admm,
  alternating,
  type DifferentiationRule,
  datumNames,
  entropicAlternating,
  entropicImplicit,
  entropicInteriorPoint,
  entropyNames,
  implicit,
  interiorPoint,
  type QuadraticProgram,
  simplexProjection,
  solutionJacobian,
  sparsemaxImplicit,
  sparsemaxProblem,
  unrolled,
  withJvp,
} from "../../src/index.ts";
import { randomEntropyProgram } from "../random-entropy.ts";
import { inner, moved, norm, normals, presentData, randomProgram, relativeError } from "../random-programs.ts";

const parts = ["x", "nu", "lambda"] as const;
const truncate = 1e-12;
const rules: Record<string, DifferentiationRule> = {
  implicit: implicit(),
  alternating: alternating({ truncate }),
  "alternating, forward mode": alternating({ mode: "forward", truncate }),
  unrolled: unrolled({ tolerance: 1e-12 }),
};

/** The rule and how many products it was asked for. */
function counted(rule: DifferentiationRule) {
  const count = { vjp: 0, jvp: 0 };
  const { name, vjp, jvp } = rule;
  const counting: DifferentiationRule = {
    name,
    vjp: (...at) => {
      count.vjp++;
      return vjp(...at);
    },
    ...(jvp && {
      jvp: (...at) => {
        count.jvp++;
        return jvp(...at);
      },
    }),
  };
  return { counting, count };
}

/** The central difference of one part in entry e of every item of a datum; Q's entries move in symmetric pairs. */
function column(problem: QuadraticProgram, name: (typeof datumNames)[number], part: (typeof parts)[number], e: number) {
  const { values, batched } = problem[name];
  const d = values.length / (batched ? problem.batch : 1);
  const { n } = problem;
  const mirror = name === "Q" ? (e % n) * n + Math.floor(e / n) : e;
  const direction = values.map((_, k) => ((k % d === e ? 1 : 0) + (k % d === mirror ? 1 : 0)) / 2);
  const solve = (step: number) => interiorPoint({ tolerance: 1e-12 }).solve(moved(problem, name, direction, step));
  const [after, before] = [solve(1e-5)[part], solve(-1e-5)[part]];
  return after.map((value, k) => (value - before[k]) / 2e-5);
}

describe.each([
  ["one problem", randomProgram({ n: 5, p: 2, m: 4, seed: 61 })],
  ["a batch with shared and own data", randomProgram({ n: 5, p: 2, m: 4, batch: 2, batched: ["q", "A"], seed: 63 })],
])("the Jacobian of %s", (_title, problem) => {
  const solution = admm({ tolerance: 1e-13 }).solve(problem);
  const reference = (name: (typeof datumNames)[number], of: (typeof parts)[number]) =>
    solutionJacobian(implicit(), problem, solution, name, { of });

  it.each(datumNames)("has central differences of x, nu and lambda in its columns: %s", (name) => {
    for (const of of parts) {
      const { values, shape } = reference(name, of);
      const [batch, width, d] = shape;
      expect(shape).toEqual([problem.batch, { x: 5, nu: 2, lambda: 4 }[of], values.length / (batch * width)]);
      for (let e = 0; e < d; e++) {
        const found = Float64Array.from({ length: batch * width }, (_, k) => values[k * d + e]);
        const expected = column(problem, name, of, e);
        expect(norm(found.map((value, k) => value - expected[k])), of).toBeLessThan(1e-6 * Math.max(1, norm(expected)));
      }
    }
  });

  it.each(Object.entries(rules))("is the same by every rule to 1e-8: %s", (_name, rule) => {
    for (const name of presentData(problem)) {
      for (const of of parts) {
        const { values } = solutionJacobian(rule, problem, solution, name, { of });
        const expected = reference(name, of).values;
        const error = norm(values.map((value, k) => value - expected[k]));
        expect(error, `${name} ${of}`).toBeLessThan(1e-8 * Math.max(1, norm(expected)));
      }
    }
  });

  it("takes the fewer products, and rows where the rule has no jvp", () => {
    for (const name of presentData(problem)) {
      const { counting, count } = counted(implicit());
      const [batch, n, d] = solutionJacobian(counting, problem, solution, name).shape;
      const rows = problem[name].batched ? n : batch * n;
      expect(count, name).toEqual(d < rows ? { vjp: 0, jvp: d } : { vjp: rows, jvp: 0 });
      const { jvp: _, ...withoutJvp } = implicit();
      const byRows = counted(withoutJvp);
      const { values } = solutionJacobian(byRows.counting, problem, solution, name);
      expect(byRows.count, name).toEqual({ vjp: rows, jvp: 0 });
      expect(relativeError(values, reference(name, "x").values), name).toBeLessThan(1e-10);
    }
  });

  it("by vector-Jacobian products alone, a rule has the Jacobian-vector product of its own", () => {
    const { jvp: _, ...withoutJvp } = implicit();
    const normal = normals(4);
    const tangents = Object.fromEntries(datumNames.map((name) => [name, problem[name].values.map(() => normal())]));
    const expected = implicit().jvp(problem, solution, tangents).tangent;
    const found = withJvp(withoutJvp).jvp(problem, solution, tangents).tangent;
    for (const of of parts) expect(relativeError(found[of], expected[of]), of).toBeLessThan(1e-10);
  });
});

it("the Jacobians of entropy programs are the same by every rule", () => {
  const problem = randomEntropyProgram({ n: 6, p: 2, m: 4, batch: 2, seed: 35 });
  const solution = entropicInteriorPoint().solve(problem);
  for (const name of entropyNames) {
    for (const of of parts) {
      const [expected, ...others] = [entropicImplicit(), entropicAlternating({ truncate })].map(
        (rule) => solutionJacobian(rule, problem, solution, name, { of }).values,
      );
      for (const values of others) {
        const error = norm(values.map((value, k) => value - expected[k]));
        expect(error, `${name} ${of}`).toBeLessThan(1e-9 * Math.max(1, norm(expected)));
      }
    }
  }
});

it("the Jacobian of sparsemax has rows that sum to 0 in y, and none of its products is lost without upper bounds", () => {
  const problem = sparsemaxProblem({ y: [0.2, 0.5, 0.1, -3] });
  const solution = simplexProjection().solve(problem);
  const { values, shape } = solutionJacobian(sparsemaxImplicit(), problem, solution, "y");
  expect(shape).toEqual([1, 4, 4]);
  for (let j = 0; j < 4; j++) expect(values.subarray(4 * j, 4 * j + 4).reduce((sum, v) => sum + v)).toBeCloseTo(0, 14);
  expect(inner(values, values)).toBeCloseTo(2, 12);
  expect(solutionJacobian(sparsemaxImplicit(), problem, solution, "u").shape).toEqual([1, 4, 0]);
});
