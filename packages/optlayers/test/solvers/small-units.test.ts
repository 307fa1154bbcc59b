import { describe, expect, it } from "vitest";
import type { Datum, QuadraticProgram } from "../../src/problem/quadratic-program.ts";
import { quadraticProgram } from "../../src/problem/read-quadratic-program.ts";
import { admm } from "../../src/solvers/admm.ts";
import { interiorPoint } from "../../src/solvers/interior-point.ts";
import { assess } from "../../src/solvers/residuals.ts";
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

it.each([1e-100, 1e-200, Number.MIN_VALUE])("solves where squares of the data underflow: q = %d", (q) => {
  const problem = quadraticProgram({ Q: [[1]], q: [q] });
  const solution = interiorPoint().solve(problem);
  expect(solution.status).toEqual(["solved"]);
  expect(assess(problem, solution).relative[0]).toBeLessThan(1e-9);
});
