import { describe, expect, it } from "vitest";
import { sparseImplicit } from "../../src/index.ts";
import type { Datum, QuadraticProgram } from "../../src/problem/quadratic-program.ts";
import { quadraticProgram } from "../../src/problem/read-quadratic-program.ts";
import { sparseQuadraticBatch } from "../../src/problem/read-sparse-quadratic-batch.ts";
import { admm } from "../../src/solvers/admm.ts";
import { interiorPoint } from "../../src/solvers/interior-point.ts";
import { assess } from "../../src/solvers/residuals.ts";
import { sparseAdmm } from "../../src/solvers/sparse-admm.ts";
import { sparseBatchSolver } from "../../src/solvers/sparse-batch.ts";
import { sparseInteriorPoint } from "../../src/solvers/sparse-interior-point.ts";
import { randomProgram, relativeError } from "../random-programs.ts";

const problem = randomProgram({ n: 12, p: 3, m: 8, batch: 2, batched: ["q"], seed: 21 });
const exact = interiorPoint({ tolerance: 1e-12 }).solve(problem);

function times(datum: Datum, factor: number): Datum {
  return { ...datum, values: datum.values.map((value) => factor * value) };
}

/** The same problem in other units: of x (u), of the objective (f) and of the constraints' rows (r). Its solution is x / u. */
function inUnits({ u, f, r }: { u: number; f: number; r: number }): QuadraticProgram {
  const { Q, q, A, b, G, h } = problem;
  return {
    ...problem,
    ...{ Q: times(Q, f * u * u), q: times(q, f * u) },
    ...{ A: times(A, r * u), b: times(b, r), G: times(G, r * u), h: times(h, r) },
  };
}

const units = {
  "all data times 1e-6": { u: 1, f: 1e-6, r: 1e-6 },
  "prices of 1e-6": { u: 1, f: 1e-6, r: 1 },
  "rows of 1e-6": { u: 1, f: 1, r: 1e-6 },
  "x of the size 1e-6": { u: 1e6, f: 1e-12, r: 1e-6 },
  "x of the size 1e-6, with data of size 1 before it": { u: 1e6, f: 1e-6, r: 1 },
  "x of the size 1e6": { u: 1e-6, f: 1, r: 1 },
};

describe.each(Object.entries(units))("a problem in other units (%s)", (_title, unit) => {
  const scaled = inUnits(unit);
  const target = exact.x.map((value) => value / unit.u);

  it.each([
    { solver: interiorPoint({ tolerance: 1e-9 }), bound: 1e-8 },
    // ADMM stops as soon as the residuals meet the tolerance; the error of x is a condition number larger
    { solver: admm({ tolerance: 1e-6 }), bound: 1e-4 },
  ])("is solved by $solver.name to the same relative accuracy", ({ solver, bound }) => {
    const solution = solver.solve(scaled);
    expect(solution.status).toEqual(["solved", "solved"]);
    expect(relativeError(solution.x, target)).toBeLessThan(bound);
  });
});

describe.each([1e-8, 1e-6, 1e-3, 1e6])("a sparse problem with x of the size %d", (t) => {
  const { Q, q, A, b, G, h } = randomProgram({ n: 6, p: 1, m: 4, batch: 1, batched: [], seed: 22 });
  const rows = ({ values, shape: [count, n] }: Datum) =>
    Array.from({ length: count }, (_, i) => [...values.subarray(i * n, (i + 1) * n)]);
  /** x times `length`, prices times `price`; of the linear program, which has bounds, no Q. */
  const sparse = (length: number, price: number, linear: boolean) => {
    const times = (values: Float64Array, factor: number) => values.map((value) => factor * value);
    const bounds = { lower: new Float64Array(6).fill(-2 * length), upper: new Float64Array(6).fill(3 * length) };
    return sparseQuadraticBatch({
      ...(linear ? bounds : { Q: rows(Q).map((row) => row.map((value) => price * value)) }),
      ...{ q: times(q.values, linear ? price : price * length), A: rows(A), b: times(b.values, length) },
      ...{ G: rows(G), u: times(h.values, length) },
    });
  };
  const solvers = { "interior point": sparseInteriorPoint(), admm: sparseAdmm({ tolerance: 1e-9 }) };
  const cases = Object.entries(solvers).flatMap(([name, solver]) =>
    [false, true].flatMap((linear) => [1e-8, 1, 1e4].map((price) => ({ name, solver, linear, price }))),
  );

  it.each(cases)("is solved by $name to the same relative accuracy (linear: $linear, prices times $price)", (given) => {
    const { solver, linear, price } = given;
    const ordinary = sparseBatchSolver(sparseInteriorPoint({ tolerance: 1e-12 })).solve(sparse(1, 1, linear));
    const solution = sparseBatchSolver(solver).solve(sparse(t, price, linear));
    expect(solution.status).toEqual(["solved"]);
    expect(
      relativeError(
        solution.x.map((value) => value / t),
        ordinary.x,
      ),
    ).toBeLessThan(1e-7);
  });

  it.each([1e-8, 1, 1e4])("has the same constraints active in its derivative (prices times %d)", (price) => {
    const solver = sparseBatchSolver(sparseInteriorPoint({ tolerance: 1e-12 }));
    const cotangent = { x: Float64Array.of(1, -2, 3, 1, 0, 2) };
    const gradientOf = (length: number, own: number) => {
      const problem = sparse(length, own, false);
      const { gradients, report } = sparseImplicit().vjp(problem, solver.solve(problem), cotangent, { wanted: ["u"] });
      return { u: gradients.u ?? new Float64Array(0), notes: report.notes };
    };
    const ordinary = gradientOf(1, 1);
    expect(ordinary.u.some((value) => value !== 0)).toBe(true);
    expect(gradientOf(t, price).notes).toEqual(ordinary.notes);
    expect(relativeError(gradientOf(t, price).u, ordinary.u)).toBeLessThan(1e-9);
  });
});

it.each([1e-100, 1e-200, Number.MIN_VALUE])("solves where squares of the data underflow: q = %d", (q) => {
  const problem = quadraticProgram({ Q: [[1]], q: [q] });
  const solution = interiorPoint().solve(problem);
  expect(solution.status).toEqual(["solved"]);
  expect(assess(problem, solution).relative[0]).toBeLessThan(1e-9);
});
