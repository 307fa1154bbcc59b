import { fromDense, type SparseMatrix } from "@solvegrad/linalg";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type SparseDataCotangents,
  type SparseQuadraticProgram,
  sparseImplicitJvp,
  sparseImplicitVjp,
  sparseInteriorPoint,
  sparseQuadraticProgram,
} from "../../src/index.ts";

const solver = sparseInteriorPoint({ tolerance: 1e-11 });

/** A repeatable stream of numbers in (-1, 1). */
function numbersFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 1_073_741_824 - 1;
  };
}

/** A strongly convex QP with every kind of constraint, feasible at a random point. */
function randomProgram(seed: number): SparseQuadraticProgram {
  const next = numbersFrom(seed);
  const [n, p, m] = [8, 2, 5];
  const numbers = (length: number) => Array.from({ length }, next);
  const X = numbers(n * n);
  const Q = Array.from({ length: n * n }, (_, at) => {
    let sum = at % (n + 1) === 0 ? 0.5 : 0;
    for (let k = 0; k < n; k++) sum += X[Math.floor(at / n) * n + k] * X[(at % n) * n + k];
    return sum;
  });
  const [A, G, x] = [numbers(p * n), numbers(m * n), numbers(n)];
  const image = (M: number[], i: number) => x.reduce((sum, value, j) => sum + M[i * n + j] * value, 0);
  return sparseQuadraticProgram({
    Q: fromDense([n, n], Q),
    q: numbers(n).map((value) => 6 * value),
    A: fromDense([p, n], A),
    b: Array.from({ length: p }, (_, i) => image(A, i)),
    G: fromDense([m, n], G),
    l: Array.from({ length: m }, (_, i) => (i % 2 === 0 ? -Infinity : image(G, i) - 0.1)),
    u: Array.from({ length: m }, (_, i) => (i % 3 === 1 ? Infinity : image(G, i) + 0.1)),
    lower: x.map((value, j) => (j % 4 === 3 ? -Infinity : value - 0.3)),
    upper: x.map((value, j) => (j % 4 === 2 ? Infinity : value + 0.3)),
  });
}

const names = ["Q", "q", "A", "b", "G", "l", "u", "lower", "upper"] as const;

function dataOf(problem: SparseQuadraticProgram, name: (typeof names)[number]): Float64Array {
  const datum: Float64Array | SparseMatrix = problem[name];
  return datum instanceof Float64Array ? datum : datum.data;
}

/** The problem with one datum moved along a direction. */
function moved(problem: SparseQuadraticProgram, name: (typeof names)[number], direction: Float64Array, step: number) {
  const data = dataOf(problem, name).map((value, k) => value + step * direction[k]);
  const datum = problem[name];
  return { ...problem, [name]: datum instanceof Float64Array ? data : { ...datum, data } };
}

/** How much a cotangent of Q's upper triangle counts an entry: twice off the diagonal. */
function countOf(problem: SparseQuadraticProgram, name: string, entry: number): number {
  if (name !== "Q") return 1;
  let column = 0;
  while (problem.Q.indptr[column + 1] <= entry) column++;
  return problem.Q.indices[entry] === column ? 1 : 2;
}

describe("the implicit VJP of a sparse QP", () => {
  it.each([1, 2, 3, 4, 5, 6])("agrees with central differences in every datum, problem %i", (seed) => {
    const problem = randomProgram(seed);
    const next = numbersFrom(seed + 100);
    const cotangent = {
      x: Float64Array.from({ length: problem.n }, next),
      nu: Float64Array.from({ length: problem.p }, next),
      lambda: Float64Array.from({ length: problem.m }, next),
      zeta: Float64Array.from({ length: problem.n }, next),
    };
    const solution = solver.solve(problem);
    expect(solution.status).toBe("solved");
    const { gradients, report } = sparseImplicitVjp(problem, solution, cotangent);
    expect(report.notes).toEqual([]);
    const loss = (moved: SparseQuadraticProgram) => {
      const at = solver.solve(moved);
      const inner = (a: Float64Array, b: Float64Array) => a.reduce((sum, value, k) => sum + value * b[k], 0);
      return (
        inner(cotangent.x, at.x) +
        inner(cotangent.nu, at.nu) +
        inner(cotangent.lambda, at.lambda) +
        inner(cotangent.zeta, at.zeta)
      );
    };
    for (const name of names) {
      const direction = dataOf(problem, name).map(() => next());
      const step = 1e-5;
      const slope =
        (loss(moved(problem, name, direction, step)) - loss(moved(problem, name, direction, -step))) / (2 * step);
      let predicted = 0;
      gradients[name].forEach((value, k) => {
        // a direction in which an infinite bound moves is none
        if (Number.isFinite(dataOf(problem, name)[k])) predicted += countOf(problem, name, k) * value * direction[k];
      });
      expect(Math.abs(predicted - slope), name).toBeLessThan(1e-5 * (1 + Math.abs(slope)));
    }
  });

  it.each([1, 2, 3, 4, 5, 6])("is the transpose of the Jacobian-vector product, problem %i", (seed) => {
    const problem = randomProgram(seed);
    const solution = solver.solve(problem);
    const next = numbersFrom(seed + 200);
    const cotangent = {
      x: Float64Array.from({ length: problem.n }, next),
      nu: Float64Array.from({ length: problem.p }, next),
      lambda: Float64Array.from({ length: problem.m }, next),
      zeta: Float64Array.from({ length: problem.n }, next),
    };
    const tangents = Object.fromEntries(names.map((name) => [name, dataOf(problem, name).map(() => next())]));
    const { gradients } = sparseImplicitVjp(problem, solution, cotangent);
    const { tangent, report } = sparseImplicitJvp(problem, solution, tangents);
    expect(report.notes).toEqual([]);
    const sum = (a: Float64Array, b: Float64Array) => a.reduce((total, value, k) => total + value * b[k], 0);
    const forward = (["x", "nu", "lambda", "zeta"] as const).reduce(
      (total, name) => total + sum(cotangent[name], tangent[name]),
      0,
    );
    const backward = names.reduce((total, name) => {
      const counted = gradients[name].map((value, k) => countOf(problem, name, k) * value);
      return total + sum(counted, tangents[name]);
    }, 0);
    expect(Math.abs(forward - backward)).toBeLessThan(1e-10 * (1 + Math.abs(forward)));
  });

  it("does not mind that another solve has used the system of the solution since", () => {
    const problem = randomProgram(1);
    const solution = solver.solve(problem);
    const cotangent = { x: new Float64Array(problem.n).fill(1) };
    const { gradients } = sparseImplicitVjp(problem, solution, cotangent);
    const elsewhere = { ...solution, zeta: solution.zeta.map(() => 0), lambda: solution.lambda.map(() => 0) };
    expect(sparseImplicitVjp(problem, elsewhere, cotangent).gradients.q).not.toEqual(gradients.q);
    expect(sparseImplicitVjp(problem, solution, cotangent).gradients).toEqual(gradients);
  });

  it("moves a fixed variable by the mean of its bounds' tangents, and x along", () => {
    const problem = sparseQuadraticProgram({
      Q: fromDense([2, 2], [1, 0.5, 0.5, 1]),
      q: [0, 0],
      lower: [2, -Infinity],
      upper: [2, Infinity],
    });
    const { tangent, report } = sparseImplicitJvp(problem, solver.solve(problem), {
      lower: Float64Array.of(1, 1),
      upper: Float64Array.of(1, 1),
    });
    expect(tangent.x[0]).toBe(1);
    expect(tangent.x[1]).toBeCloseTo(-0.5, 12);
    // zeta1 = -(x1 + x2 / 2)
    expect(tangent.zeta[0]).toBeCloseTo(-0.75, 12);
    expect(report.notes).toEqual([]);
  });

  it("gives nothing to bounds and rows that do not bind", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1000 }), (seed) => {
        const problem = randomProgram(seed);
        const solution = solver.solve(problem);
        const { gradients } = sparseImplicitVjp(problem, solution, { x: new Float64Array(problem.n).fill(1) });
        problem.lower.forEach((bound, j) => {
          if (solution.x[j] > bound + 1e-4) expect(gradients.lower[j]).toBe(0);
        });
      }),
      { numRuns: 20 },
    );
  });

  it("passes the cotangent of a fixed variable to its bounds in halves", () => {
    const problem = sparseQuadraticProgram({
      Q: fromDense([2, 2], [1, 0.5, 0.5, 1]),
      q: [0, 0],
      lower: [2, -Infinity],
      upper: [2, Infinity],
    });
    // x = (2, -1): x2 = -x1 / 2
    const { gradients } = sparseImplicitVjp(problem, solver.solve(problem), { x: Float64Array.of(1, 1) });
    expect(gradients.lower[0]).toBeCloseTo(0.25, 10);
    expect(gradients.upper[0]).toBeCloseTo(0.25, 10);
  });

  it("says that a weakly active bound counts as inactive", () => {
    const problem = sparseQuadraticProgram({ Q: fromDense([1, 1], [1]), q: [0], lower: [0] });
    const point = { x: Float64Array.of(0), nu: new Float64Array(0), lambda: new Float64Array(0) };
    const { gradients, report } = sparseImplicitVjp(
      problem,
      { ...point, zeta: Float64Array.of(0) },
      { x: Float64Array.of(1) },
    );
    expect(report.notes[0]).toContain("1 constraint binds with a multiplier of zero");
    expect(gradients.q[0]).toBeCloseTo(-1, 8);
  });

  it("is zero at the vertex of an LP, and finite and noted where an LP's solution is not unique", () => {
    const vertex = sparseQuadraticProgram({ q: [-1, -2], lower: [0, 0], upper: [1, 1] });
    const clear: SparseDataCotangents = sparseImplicitVjp(vertex, solver.solve(vertex), {
      x: Float64Array.of(1, 1),
    }).gradients;
    expect([...clear.q].map(Math.abs)).toEqual([0, 0]);
    expect([...clear.upper]).toEqual([1, 1]);
    const edge = sparseQuadraticProgram({ q: [-1, 0], lower: [0, 0], upper: [1, 1] });
    const { gradients, report } = sparseImplicitVjp(edge, solver.solve(edge), { x: Float64Array.of(1, 1) });
    expect(gradients.q.every(Number.isFinite)).toBe(true);
    expect(report.notes.join(" ")).toContain("singular");
  });

  it("is the least-squares answer where Q is singular along a direction that nothing holds", () => {
    // f = 1/2 x1^2 - x1: x2 is free; the pseudoinverse of diag(1, 0) takes (3, 5) to (3, 0)
    const problem = sparseQuadraticProgram({ Q: fromDense([2, 2], [1, 0, 0, 0]), q: [-1, 0] });
    const { gradients, report } = sparseImplicitVjp(problem, solver.solve(problem), { x: Float64Array.of(3, 5) });
    expect(gradients.q[0]).toBeCloseTo(-3, 3);
    expect(gradients.q[1]).toBeCloseTo(0, 3);
    expect(report.notes.join(" ")).toContain("singular");
  });

  it("refuses a tangent of the wrong length", () => {
    const problem = randomProgram(1);
    expect(() => sparseImplicitJvp(problem, solver.solve(problem), { b: new Float64Array(3) })).toThrow(
      "the tangent of b has 3 entries; expected 2 numbers",
    );
  });

  it("refuses a cotangent of the wrong length", () => {
    const problem = randomProgram(1);
    expect(() => sparseImplicitVjp(problem, solver.solve(problem), { x: new Float64Array(3) })).toThrow(
      "the cotangent of x has 3 entries; expected 8 numbers",
    );
  });
});

describe("a variable that is fixed beside an objective of 1e-7", () => {
  it("leaves no equations of the variables unsolved behind those of the rows", () => {
    const [Q11, Q12, Q22] = [2.3e-7, -1.8e-8, 5.7e-8];
    const [g1, g2] = [0.61, 1.3];
    const problem = sparseQuadraticProgram({
      Q: fromDense([3, 3], [2.6e-7, -6e-10, -7.2e-8, -6e-10, Q11, Q12, -7.2e-8, Q12, Q22]),
      q: [-4.7e-9, 1.6e-7, 3.3e-8],
      G: fromDense([1, 3], [0, g1, g2]),
      l: [2.65],
      lower: [-0.37, -Infinity, -Infinity],
      upper: [-0.37, Infinity, Infinity],
    });
    const [dl, dq] = [1, 1e-7];
    const { tangent, report } = sparseImplicitJvp(problem, solver.solve(problem), {
      l: Float64Array.of(dl),
      q: Float64Array.of(0, dq, dq),
    });
    // dx = dl s / (g's) + t (g2, -g1), where s minimizes s'Qs for its g's
    const [s1, s2] = [Q22 * g1 - Q12 * g2, Q11 * g2 - Q12 * g1];
    const t = (-dq * (g2 - g1)) / (g2 * g2 * Q11 - 2 * g1 * g2 * Q12 + g1 * g1 * Q22);
    const slope = dl / (g1 * s1 + g2 * s2);
    expect(report.residual).toBeLessThan(1e-8);
    expect(Math.abs(tangent.x[1] - (slope * s1 + t * g2))).toBeLessThan(1e-7);
    expect(Math.abs(tangent.x[2] - (slope * s2 - t * g1))).toBeLessThan(1e-7);
  });
});
