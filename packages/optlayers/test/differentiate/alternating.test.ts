import { describe, expect, it } from "vitest";
import { alternating } from "../../src/differentiate/alternating.ts";
import { implicit } from "../../src/differentiate/implicit.ts";
import type { DataCotangents, DifferentiationRule } from "../../src/differentiate/rule.ts";
import { unrolled } from "../../src/differentiate/unrolled.ts";
import { OptionError } from "../../src/errors.ts";
import { datumNames, type QuadraticProgram } from "../../src/problem/quadratic-program.ts";
import { quadraticProgram } from "../../src/problem/read-quadratic-program.ts";
import { admm } from "../../src/solvers/admm.ts";
import { interiorPoint } from "../../src/solvers/interior-point.ts";
import { norm, normals, presentData, randomProgram, relativeError } from "../random-programs.ts";
import { goldenProblems, haveGolden } from "../support/golden.ts";

const rules: Record<string, DifferentiationRule> = {
  adjoint: alternating(),
  "adjoint without acceleration": alternating({ acceleration: "none" }),
  forward: alternating({ mode: "forward" }),
  unrolled: unrolled(),
};

function randomVector(length: number, seed: number): Float64Array {
  return Float64Array.from({ length }, normals(seed));
}

/** The largest relative difference of a datum's gradient; one that is exactly zero is measured by the size of the others. */
function largestDifference(problem: QuadraticProgram, a: DataCotangents, b: DataCotangents): number {
  const names = presentData(problem);
  const size = Math.max(...names.map((name) => norm(b[name] ?? [Number.NaN])));
  const differences = names.map((name) => {
    const [got, expected] = [a[name] ?? new Float64Array(), b[name] ?? []];
    return norm(got.map((value, k) => value - expected[k])) / Math.max(norm(expected), 1e-3 * size);
  });
  return Math.max(...differences);
}

describe("the golden sample", () => {
  const problems = goldenProblems();
  it.skipIf(!haveGolden)("has QPs (skipped where the shared data are absent)", () => {
    expect(problems.length).toBeGreaterThan(2);
  });

  it.each(problems.map((problem) => [problem.id, problem] as const))(
    "%s: every rule has its gradients",
    (_id, golden) => {
      const problem = quadraticProgram(golden.params);
      const solution = admm({ tolerance: 1e-12 }).solve(problem);
      expect(relativeError(solution.x, golden.x)).toBeLessThan(1e-8);
      for (const [title, rule] of Object.entries(rules)) {
        const { gradients } = rule.vjp(problem, solution, { x: Float64Array.from(golden.c) });
        // some gradients are exactly zero
        const size = norm(golden.grad.q);
        for (const name of presentData(problem)) {
          const expected = golden.grad[name];
          const error = norm((gradients[name] ?? new Float64Array()).map((value, k) => value - expected[k]));
          expect(error / Math.max(norm(expected), 1e-2 * size), `${title} ${name}`).toBeLessThan(1e-6);
        }
      }
    },
  );
});

describe("alternating and unrolled rules", () => {
  const problem = randomProgram({ n: 14, p: 3, m: 9, batch: 3, batched: ["q", "h"], seed: 21 });
  const solution = admm({ tolerance: 1e-12 }).solve(problem);
  const cotangent = { x: randomVector(3 * 14, 5) };
  const exact = implicit().vjp(problem, solution, cotangent).gradients;

  it("agree with the implicit one to 1e-6 when converged, at the solution of either solver", () => {
    const other = interiorPoint().solve(problem);
    for (const [title, rule] of Object.entries(rules)) {
      expect(largestDifference(problem, rule.vjp(problem, solution, cotangent).gradients, exact), title).toBeLessThan(
        1e-6,
      );
      expect(largestDifference(problem, rule.vjp(problem, other, cotangent).gradients, exact), title).toBeLessThan(
        1e-6,
      );
    }
  });

  it("carry cotangents of nu and lambda as the implicit rule does", () => {
    const full = { ...cotangent, nu: randomVector(9, 6), lambda: randomVector(27, 7) };
    const target = implicit().vjp(problem, solution, full).gradients;
    expect(largestDifference(problem, target, exact)).toBeGreaterThan(0.1);
    for (const [title, rule] of Object.entries(rules)) {
      expect(largestDifference(problem, rule.vjp(problem, solution, full).gradients, target), title).toBeLessThan(1e-6);
    }
  });

  it("forward and adjoint mode agree to 1e-9 where the active set has settled", () => {
    const forward = alternating({ mode: "forward", truncate: 1e-13 }).vjp(problem, solution, cotangent);
    const plain = alternating({ acceleration: "none", truncate: 1e-13 }).vjp(problem, solution, cotangent);
    const accelerated = alternating({ truncate: 1e-13 }).vjp(problem, solution, cotangent);
    expect([...forward.report.notes, ...plain.report.notes]).toEqual([]);
    expect(largestDifference(problem, forward.gradients, plain.gradients)).toBeLessThan(1e-9);
    expect(largestDifference(problem, accelerated.gradients, plain.gradients)).toBeLessThan(1e-9);
  });

  it("have a limit that depends neither on the relaxation nor on the penalty", () => {
    const other = interiorPoint().solve(problem);
    for (const options of [{ relaxation: 0.7 }, { relaxation: 1 }, { relaxation: 1.9 }, { rho: 0.2 }, { rho: 8 }]) {
      const plain = alternating({ acceleration: "none", truncate: 1e-12, ...options }).vjp(problem, other, cotangent);
      const tape = unrolled(options).vjp(problem, other, cotangent);
      expect(largestDifference(problem, plain.gradients, exact), JSON.stringify(options)).toBeLessThan(1e-7);
      expect(largestDifference(problem, tape.gradients, exact), JSON.stringify(options)).toBeLessThan(1e-6);
    }
  });

  it("give the Jacobian of which the vector-Jacobian products are rows", () => {
    const rule = alternating({ mode: "forward" });
    for (const name of datumNames) {
      const { values, shape } = rule.jacobian(problem, solution, name);
      const [batch, n, d] = shape;
      expect(values.length).toBe(batch * n * d);
      const row = new Float64Array(batch * n);
      row[n + 4] = 1;
      const { gradients } = alternating().vjp(problem, solution, { x: row }, { wanted: [name] });
      const got = values.subarray((n + 4) * d, (n + 5) * d);
      const gradient = gradients[name] ?? new Float64Array();
      const expected = problem[name].batched ? gradient.subarray(d, 2 * d) : gradient;
      expect(relativeError(got, expected), name).toBeLessThan(1e-8);
    }
  });

  it("compute only the gradients that are wanted, in the layout of their data", () => {
    for (const rule of Object.values(rules)) {
      const { gradients } = rule.vjp(problem, solution, cotangent, { wanted: ["h", "b"] });
      expect(Object.keys(gradients).sort()).toEqual(["b", "h"]);
      expect(gradients.h?.length).toBe(27);
      expect(gradients.b?.length).toBe(3);
    }
  });

  it("give zero, not NaN, to an item without a usable solution, and leave the others alone", () => {
    const broken = { ...solution, status: ["solved", "primal_infeasible", "solved"] as const };
    broken.x.fill(Number.NaN, 14, 28);
    const kept = { x: cotangent.x.slice() };
    kept.x.fill(0, 14, 28);
    const fresh = admm({ tolerance: 1e-12 }).solve(problem);
    const expected = implicit().vjp(problem, fresh, kept).gradients;
    for (const [title, rule] of Object.entries(rules)) {
      const { gradients } = rule.vjp(problem, broken, cotangent);
      expect(largestDifference(problem, gradients, expected), title).toBeLessThan(1e-6);
      expect(norm(gradients.q?.subarray(14, 28) ?? [1]), title).toBe(0);
    }
    broken.x.set(fresh.x);
  });

  it("stop where they are told to, and say so", () => {
    const rough = alternating({ acceleration: "none", truncate: 1e-2 }).vjp(problem, solution, cotangent);
    const fine = alternating({ acceleration: "none", truncate: 1e-8 }).vjp(problem, solution, cotangent);
    expect(rough.report.iterations).toBeLessThan(fine.report.iterations);
    expect(rough.report.notes.join()).toMatch(/truncated/);
    const cut = alternating({ acceleration: "none", maxIterations: 3 }).vjp(problem, solution, cotangent);
    expect(cut.report.iterations).toBe(3);
    expect(cut.report.residual).toBeGreaterThan(1e-10);
    expect(cut.report.notes.join()).toMatch(/maxIterations/);
    const tape = unrolled({ iterations: 4 }).vjp(problem, solution, cotangent);
    expect(tape.report.iterations).toBe(4);
    expect(tape.report.notes.join()).toMatch(/still changed/);
  });

  it("hold less memory in adjoint mode than in forward mode, and on the tape the more the longer it is", () => {
    const bytes = (rule: DifferentiationRule) => rule.vjp(problem, solution, cotangent).report.peakBytes;
    expect(bytes(rules.adjoint)).toBeLessThan(bytes(rules.forward) / 4);
    expect(bytes(unrolled({ iterations: 40 }))).toBeGreaterThan(3 * bytes(unrolled({ iterations: 10 })));
  });

  it("say that the active set has not settled where it has not", () => {
    const other = randomProgram({ n: 12, p: 2, m: 8, seed: 1 });
    // a point that breaks a constraint of multiplier 0: the next sweep takes it up
    const exact = admm({ tolerance: 1e-10 }).solve(other);
    const used = { ...exact, x: exact.x.map((value) => 3 * value + 1) };
    const { report } = alternating().vjp(other, used, { x: randomVector(12, 5) });
    expect(report.notes.join()).toMatch(/has not settled/);
  });

  it("leave a weakly active constraint out, and say so", () => {
    // minimize |x|^2 / 2 - x subject to x <= 1: the bound holds with lambda = 0
    const edge = quadraticProgram({ Q: [[1]], q: [-1], G: [[1]], h: [1] });
    const found = interiorPoint().solve(edge);
    const exactly = { ...found, x: Float64Array.of(1), lambda: Float64Array.of(0), s: Float64Array.of(0), state: null };
    const { gradients, report } = alternating().vjp(edge, exactly, { x: Float64Array.of(1) });
    expect([...(gradients.q ?? [])]).toEqual([-1]);
    expect([...(gradients.h ?? [])]).toEqual([0]);
    expect(report.notes.join()).toMatch(/weakly active/);
  });

  it("work without a positive definite Q, by the plain recursion", () => {
    const flat = quadraticProgram({
      Q: [
        [2, 0],
        [0, 0],
      ],
      q: [-1, 1],
      A: [[1, 1]],
      b: [1.5],
      G: [
        [1, 0],
        [0, -1],
      ],
      h: [2, 1],
    });
    const found = admm({ tolerance: 1e-12 }).solve(flat);
    const c = { x: Float64Array.of(1, 2) };
    const target = implicit().vjp(flat, found, c).gradients;
    for (const [title, rule] of Object.entries(rules)) {
      expect(largestDifference(flat, rule.vjp(flat, found, c).gradients, target), title).toBeLessThan(1e-6);
    }
  });

  it("refuse options outside their range", () => {
    expect(() => alternating({ truncate: 0 })).toThrow(OptionError);
    expect(() => alternating({ relaxation: 2 })).toThrow(/relaxation is 2/);
    expect(() => alternating({ maxIterations: 0 })).toThrow(/maxIterations is 0/);
    const acceleration = "anderson" as "none";
    expect(() => alternating({ acceleration })).toThrow(
      'acceleration is anderson, expected "conjugateGradients" or "none"',
    );
    expect(() => unrolled({ iterations: -1 })).toThrow(/iterations is -1/);
    const onlyB = alternating({ mode: "forward", datum: "b" });
    expect(Object.keys(onlyB.vjp(problem, solution, cotangent).gradients)).toEqual(["b"]);
    expect(() => onlyB.vjp(problem, solution, cotangent, { wanted: ["b", "Q"] })).toThrow(/datum is b/);
  });
});

describe("a stop on the change of the objective", () => {
  /** ADMM as published: stop when the objective changes by less than the tolerance between two iterations. */
  function stoppedOnObjective(problem: QuadraticProgram, tolerance: number) {
    let before = Number.POSITIVE_INFINITY;
    for (let iterations = 1; ; iterations++) {
      const rough = admm({ tolerance: 1e-15, maxIterations: iterations, relaxation: 1, adaptiveRho: false, rho: 30 });
      const found = rough.solve(problem);
      if (Math.abs(found.objective[0] - before) < tolerance * Math.abs(found.objective[0])) {
        return { ...found, status: ["solved"] as const };
      }
      before = found.objective[0];
    }
  }

  it("leaves the gradient 30 % off where the stop on residuals at the same tolerance does not", () => {
    const problem = randomProgram({ n: 12, p: 2, m: 8, seed: 1 });
    const c = { x: randomVector(12, 9) };
    const target = implicit().vjp(problem, interiorPoint().solve(problem), c).gradients.q ?? new Float64Array();
    const errorOf = (found: Parameters<DifferentiationRule["vjp"]>[1]) => {
      const { gradients } = alternating({ truncate: 1e-3 }).vjp(problem, found, c, { wanted: ["q"] });
      return relativeError(gradients.q ?? [], target);
    };
    expect(errorOf(stoppedOnObjective(problem, 1e-3))).toBeGreaterThan(0.3);
    expect(errorOf(admm({ tolerance: 1e-3, relaxation: 1, rho: 30 }).solve(problem))).toBeLessThan(0.01);
  });
});
