import { describe, expect, it } from "vitest";
import {
  admm,
  type DataCotangents,
  type DatumName,
  datumNames,
  implicit,
  interiorPoint,
  type QuadraticProgramData,
  quadraticProgram,
  unrolled,
} from "../../src/index.ts";
import { relativeError, vertex } from "../random-programs.ts";

/** Round numbers, with which ADMM's state arrives before its derivative, and the data whose cotangents are unique. */
const cases: Record<string, { data: QuadraticProgramData; cotangent: number[]; unique: readonly DatumName[] }> = {
  "two copies of an equality": {
    data: {
      Q: [
        [1, 0],
        [0, 1],
      ],
      q: [-1, 0],
      A: [
        [1, 1],
        [2, 2],
      ],
      b: [1, 2],
    },
    cotangent: [1, 0],
    unique: ["Q", "q"],
  },
  "a vertex of one equality and one inequality": { data: vertex, cotangent: [0, 1], unique: datumNames },
};

/** The gradients of these data in one row: one of them alone may be zero. */
function all(gradients: DataCotangents, names: readonly DatumName[] = datumNames): number[] {
  return names.flatMap((name) => [...(gradients[name] ?? [])]);
}

describe.each(Object.entries(cases))("unrolled, with %s", (_title, { data, cotangent, unique }) => {
  const problem = quadraticProgram(data);
  const c = { x: Float64Array.from(cotangent) };
  const solution = admm({ tolerance: 1e-10 }).solve(problem);
  const exact = implicit().vjp(problem, interiorPoint({ tolerance: 1e-11 }).solve(problem), c).gradients;

  it("goes on until the derivative has settled too", () => {
    const { gradients, report } = unrolled().vjp(problem, solution, c);
    expect(relativeError(all(gradients, unique), all(exact, unique))).toBeLessThan(1e-7);
    expect(report.residual).toBeLessThan(1e-8);
    expect(report.notes).toEqual([]);
  });

  it("says so where a given number of iterations leaves the derivative unsettled", () => {
    const { report } = unrolled({ iterations: 2 }).vjp(problem, solution, c);
    expect(report.notes.join()).toMatch(/The gradient has not settled: .* is left at the start of 2 iterations/);
  });
});

it("unrolled: a zero cotangent has nothing to settle", () => {
  const problem = quadraticProgram(cases["two copies of an equality"].data);
  const { gradients, report } = unrolled().vjp(problem, admm().solve(problem), { x: new Float64Array(2) });
  expect(all(gradients).every((value) => value === 0)).toBe(true);
  expect(report.notes).toEqual([]);
});
