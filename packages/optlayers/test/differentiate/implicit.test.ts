import { describe, expect, it } from "vitest";
import {
  admm,
  type Cotangent,
  type DataCotangents,
  type DatumName,
  implicit,
  interiorPoint,
  type QuadraticProgram,
  quadraticProgram,
  type Solution,
} from "../../src/index.ts";
import { identity, inner, margin, normals, presentData, randomProgram, relativeError } from "../random-programs.ts";
import { centralSlope, slantedDirection } from "../support/differences.ts";
import { goldenProblems, haveGolden } from "../support/golden.ts";

function solved(problem: QuadraticProgram): Solution {
  const solution = interiorPoint().solve(problem);
  expect(new Set(solution.status)).toEqual(new Set(["solved"]));
  return solution;
}

function gradientsOf(problem: QuadraticProgram, c: ArrayLike<number>): DataCotangents {
  return implicit().vjp(problem, solved(problem), { x: Float64Array.from(c) }).gradients;
}

function values(gradients: DataCotangents, name: DatumName): Float64Array {
  const result = gradients[name];
  if (!result) throw new Error(`no cotangent of ${name}`);
  return result;
}

describe("implicit differentiation", () => {
  it.skipIf(!haveGolden)("reproduces the exact gradients of the golden sample to 1e-11", () => {
    for (const { id, params, c, grad } of goldenProblems()) {
      const gradients = gradientsOf(quadraticProgram(params), c);
      for (const [name, expected] of Object.entries(grad)) {
        expect(relativeError(values(gradients, name as DatumName), expected), `${id} ${name}`).toBeLessThan(1e-11);
      }
    }
  });

  const cases: Record<string, Parameters<typeof randomProgram>[0]> = {
    "equalities and inequalities": { n: 12, p: 3, m: 8, seed: 1 },
    "no equalities at all": { n: 10, p: 0, m: 8, seed: 2 },
    "equalities alone": { n: 10, p: 4, m: 0, seed: 3 },
    "no constraints": { n: 8, p: 0, m: 0, seed: 4 },
    "more rows than twice the variables": { n: 10, p: 1, m: 24, seed: 11 },
    "60 variables": { n: 60, p: 15, m: 30, seed: 6 },
    "a batch with shared Q, A, G": { n: 12, p: 3, m: 8, batch: 4, batched: ["q", "b", "h"], seed: 7 },
    "a batch with nothing shared": { n: 8, p: 2, m: 7, batch: 4, batched: ["Q", "q", "A", "b", "G", "h"], seed: 17 },
    "a batch with shared q": { n: 8, p: 2, m: 7, batch: 4, batched: ["Q"], seed: 9 },
    "a batch with its own A alone": { n: 8, p: 2, m: 7, batch: 4, batched: ["A"], seed: 10 },
  };

  /** f(solution) for the loss that the cotangent stands for. */
  function loss(solution: Solution, { x, nu, lambda }: Cotangent): number {
    return inner(x, solution.x) + inner(nu ?? [], solution.nu) + inner(lambda ?? [], solution.lambda);
  }

  it.each(Object.entries(cases))("agrees with central differences to 1e-6 in every datum: %s", (_title, options) => {
    const problem = randomProgram(options);
    const solution = solved(problem);
    expect(margin(solution)).toBeGreaterThan(1e-3);
    const normal = normals(99);
    const random = (length: number) => Float64Array.from({ length }, normal);
    const { n, p, m, batch } = problem;
    const onX = { x: random(batch * n) };
    const onAll = { x: random(batch * n), nu: random(batch * p), lambda: random(batch * m) };
    for (const cotangent of [onX, onAll]) {
      const { gradients, report } = implicit().vjp(problem, solution, cotangent);
      expect(report.residual).toBeLessThan(1e-10);
      expect(report.notes).toEqual([]);
      for (const name of presentData(problem)) {
        const gradient = values(gradients, name);
        const direction = slantedDirection(problem, name, gradient, 5);
        const slope = centralSlope(problem, name, direction, (near) => loss(solved(near), cotangent));
        expect(Math.abs(inner(gradient, direction) - slope) / Math.abs(slope), name).toBeLessThan(1e-6);
      }
    }
  });

  it("gives for a solution of ADMM, which leaves no factors, what it gives for the interior point's", () => {
    const problem = randomProgram({ n: 12, p: 3, m: 8, batch: 3, batched: ["q"], seed: 7 });
    const c = { x: Float64Array.from({ length: 36 }, normals(3)) };
    const fromAdmm = implicit().vjp(problem, admm({ tolerance: 1e-12 }).solve(problem), c).gradients;
    const fromInterior = implicit().vjp(problem, solved(problem), c).gradients;
    for (const name of presentData(problem)) {
      expect(relativeError(values(fromAdmm, name), values(fromInterior, name)), name).toBeLessThan(1e-8);
    }
  });

  it("does not reuse the factors of another problem", () => {
    const problem = randomProgram({ n: 6, p: 1, m: 4, seed: 7 });
    const other = { ...problem, Q: { ...problem.Q, values: problem.Q.values.map((value) => 2 * value) } };
    const c = { x: Float64Array.from({ length: 6 }, normals(3)) };
    const stale = { ...solved(other), state: solved(problem).state };
    expect(implicit().vjp(other, stale, c).gradients).toEqual(implicit().vjp(other, solved(other), c).gradients);
  });

  it("sums the gradients of shared data over the batch, and does not average them", () => {
    const single = randomProgram({ n: 6, p: 2, m: 5, seed: 7 });
    const c = Float64Array.from({ length: 6 }, normals(3));
    const alone = gradientsOf(single, c);
    const repeated = { ...single, batch: 3, batched: true };
    const batchQ = {
      ...repeated.q,
      values: Float64Array.from([...single.q.values, ...single.q.values, ...single.q.values]),
      batched: true,
    };
    const together = gradientsOf({ ...repeated, q: batchQ }, [...c, ...c, ...c]);
    for (const name of ["Q", "A", "b", "G", "h"] as const) {
      expect(
        relativeError(
          values(together, name),
          values(alone, name).map((value) => 3 * value),
        ),
        name,
      ).toBeLessThan(1e-11);
    }
  });

  it("computes only the gradients that are wanted", () => {
    const problem = randomProgram({ n: 6, p: 2, m: 5, seed: 7 });
    const { gradients } = implicit().vjp(
      problem,
      solved(problem),
      { x: new Float64Array(6).fill(1) },
      { wanted: ["q"] },
    );
    expect(Object.keys(gradients)).toEqual(["q"]);
  });
});

describe("implicit differentiation where the KKT system is degenerate", () => {
  it("differentiates a singular Q whose solution is unique", () => {
    const Q = [
      [1, 0, 0],
      [0, 0, 0],
      [0, 0, 0],
    ];
    // x1 = 1 from the objective, x2 = 3 - x1 and x3 = 5 - x2 from the equalities.
    const problem = quadraticProgram({
      Q,
      q: [-1, 0, 0],
      A: [
        [1, 1, 0],
        [0, 1, 1],
      ],
      b: [3, 5],
    });
    const gradients = gradientsOf(problem, [0, 0, 1]);
    expect(relativeError(values(gradients, "q"), [-1, 1, -1])).toBeLessThan(1e-10);
    expect(relativeError(values(gradients, "b"), [-1, 1])).toBeLessThan(1e-10);
  });

  it("shares the gradient of duplicate active rows between them", () => {
    const G = [
      [1, 0],
      [1, 0],
    ];
    const problem = quadraticProgram({ Q: identity(2), q: [-3, 0], G, h: [1, 1] });
    const { gradients, report } = implicit().vjp(problem, solved(problem), { x: Float64Array.of(1, 1) });
    expect(relativeError(values(gradients, "q"), [0, -1])).toBeLessThan(1e-9);
    const h = values(gradients, "h");
    expect(h[0] + h[1]).toBeCloseTo(1, 9);
    expect(h[0]).toBeCloseTo(h[1], 5);
    expect(report.residual).toBeLessThan(1e-8);
  });

  it("differentiates with redundant equalities", () => {
    const A = [
      [1, 1],
      [2, 2],
    ];
    const problem = quadraticProgram({ Q: identity(2), q: [1, 0], A, b: [1, 2] });
    expect(relativeError(values(gradientsOf(problem, [1, 0]), "q"), [-0.5, 0.5])).toBeLessThan(1e-9);
  });

  it("differentiates a vertex with more active rows than variables", () => {
    const problem = quadraticProgram({
      Q: identity(2),
      q: [-9, -9],
      G: [
        [1, 0],
        [0, 1],
        [1, 1],
      ],
      h: [1, 1, 2],
    });
    const solution = solved(problem);
    const { gradients } = implicit().vjp(problem, solution, { x: Float64Array.of(1, 2) });
    expect(Math.max(...values(gradients, "q").map(Math.abs))).toBeLessThan(1e-9);
    expect(values(gradients, "h").every(Number.isFinite)).toBe(true);
  });

  it("takes weakly active rows as inactive, and says so", () => {
    // The minimizer of 1/2 |x|^2 - x1 lies on x1 <= 1 without being held there.
    const problem = quadraticProgram({ Q: identity(2), q: [-1, 0], G: [[1, 0]], h: [1] });
    const { gradients, report } = implicit().vjp(problem, solved(problem), { x: Float64Array.of(1, 1) });
    expect(relativeError(values(gradients, "q"), [-1, -1])).toBeLessThan(1e-9);
    expect(values(gradients, "h")[0]).toBe(0);
    expect(report.notes.join()).toContain("weakly active");
  });

  it("does not clamp: a slack of 1e-6 is inactive, a multiplier of 1e-6 active", () => {
    // minimize 1/2 |x|^2 - a x1 subject to x1 <= 1, for a on either side of 1
    const at = (a: number) => quadraticProgram({ Q: identity(1), q: [-a], G: [[1]], h: [1] });
    const inactive = implicit().vjp(at(1 - 1e-6), solved(at(1 - 1e-6)), { x: Float64Array.of(1) });
    expect(values(inactive.gradients, "h")[0]).toBe(0);
    expect(values(inactive.gradients, "q")[0]).toBeCloseTo(-1, 12);
    const active = implicit().vjp(at(1 + 1e-6), solved(at(1 + 1e-6)), { x: Float64Array.of(1) });
    expect(values(active.gradients, "h")[0]).toBeCloseTo(1, 12);
    expect(values(active.gradients, "q")[0]).toBeCloseTo(0, 12);
    expect([...inactive.report.notes, ...active.report.notes]).toEqual([]);
  });

  it("gives a least-norm gradient where the solution is not unique, and says so", () => {
    // Every (x1, x2) with x1 + x2 = 1 is optimal; x1 moves with b, half of it by the least-norm choice.
    const Q = [
      [1, 1],
      [1, 1],
    ];
    const problem = quadraticProgram({ Q, q: [-1, -1] });
    const { gradients, report } = implicit().vjp(problem, solved(problem), { x: Float64Array.of(1, 0) });
    expect(relativeError(values(gradients, "q"), [-0.25, -0.25])).toBeLessThan(1e-9);
    expect(report.notes.join()).toContain("singular (rank 1 of 2)");
  });

  it("is zero, not NaN, for an item that has no solution", () => {
    const G = [
      [1, 0],
      [-1, 0],
    ];
    const problem = quadraticProgram({
      Q: identity(2),
      q: [0.5, 0.5],
      G,
      h: [
        [1, 1],
        [0, -1],
      ],
    });
    const solution = interiorPoint().solve(problem);
    expect(solution.status).toEqual(["solved", "primal_infeasible"]);
    const spoiled = { ...solution, x: Float64Array.of(solution.x[0], solution.x[1], Number.NaN, Number.NaN) };
    const { gradients } = implicit().vjp(problem, spoiled, { x: Float64Array.of(1, 1, 1, 1) });
    expect([...values(gradients, "h")].slice(2)).toEqual([0, 0]);
    for (const name of presentData(problem)) expect(values(gradients, name).every(Number.isFinite), name).toBe(true);
    expect(relativeError(values(gradients, "q"), [-1, -1])).toBeLessThan(1e-12);
  });
});
