import { readFileSync } from "node:fs";
import { fromDense } from "@solvegrad/linalg";
import * as fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import {
  assessSparse,
  checkedDirection,
  checkedPrimal,
  type IterationProgress,
  OptionError,
  readMps,
  type SparseSolution,
  sparseAdmm,
  sparseInteriorPoint,
  sparseQuadraticProgram,
} from "../../src/index.ts";
import { patternsOf, randomSparse } from "../random-sparse.ts";
import { dataFile } from "../support/data.ts";
import { hasMarosMeszaros, MarosMeszaros } from "../support/maros-meszaros.ts";
import { randomFrom } from "../table/table-class.ts";

const problemOf = (seed: number) => sparseQuadraticProgram(randomSparse(randomFrom(seed), patternsOf(15, 4, 10)));
const largestDifference = (a: Float64Array, b: Float64Array) =>
  a.reduce((most, value, k) => Math.max(most, Math.abs(value - b[k])), 0);

function worst({ primal, dual, gap, primalScale, dualScale, gapScale }: SparseSolution["residuals"]): number {
  return Math.max(primal / primalScale, dual / dualScale, gap / gapScale);
}

describe("sparse ADMM", () => {
  it("finds what the interior point finds, with and without the finish on the active set", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000 }), fc.boolean(), (seed, polish) => {
        const problem = problemOf(seed);
        const found = sparseAdmm({ tolerance: 1e-8, polish }).solve(problem);
        const expected = sparseInteriorPoint().solve(problem);
        expect(found.status).toBe(expected.status);
        expect(largestDifference(found.x, expected.x)).toBeLessThan(1e-6);
        expect(worst(assessSparse(problem, found))).toBeLessThanOrEqual(1e-8);
      }),
      { numRuns: 25, seed: 3 },
    );
  });

  it("takes no iteration from a problem's own solution, and fewer from a neighbour's", () => {
    const problem = problemOf(5);
    const solver = sparseAdmm({ tolerance: 1e-9, polish: false });
    const cold = solver.solve(problem);
    expect(solver.solve(problem, { warmStart: cold }).iterations).toBe(0);
    const moved = { ...problem, q: problem.q.map((value) => value * (1 + 1e-4)) };
    const warm = solver.solve(moved, { warmStart: cold });
    expect(warm.status).toBe("solved");
    expect(warm.iterations).toBeLessThan(solver.solve(moved).iterations);
  });

  it("passes over a start that does not fit or is not finite", () => {
    const problem = problemOf(6);
    const solution = sparseAdmm().solve(problem);
    for (const x of [new Float64Array(2), new Float64Array(problem.n).fill(Number.NaN)]) {
      expect(sparseAdmm().solve(problem, { warmStart: { ...solution, x } }).status).toBe("solved");
    }
  });

  it("solves a linear program, redundant equalities and a singular Q", () => {
    const linear = sparseQuadraticProgram({
      q: [-1, -2],
      G: fromDense([1, 2], [1, 1]),
      u: [1.5],
      lower: [0, 0],
      upper: [1, 1],
    });
    const vertex = sparseAdmm().solve(linear);
    expect(vertex.status).toBe("solved");
    expect(largestDifference(vertex.x, Float64Array.of(0.5, 1))).toBeLessThan(1e-6);
    const redundant = sparseQuadraticProgram({
      Q: fromDense([3, 3], [1, 0, 0, 0, 1, 0, 0, 0, 0]),
      q: [0, 0, 1],
      A: fromDense([2, 3], [1, 1, 1, 2, 2, 2]),
      b: [1, 2],
      lower: [-Infinity, -Infinity, -1],
    });
    const found = sparseAdmm().solve(redundant);
    expect(found.status).toBe("solved");
    expect(largestDifference(found.x, Float64Array.of(1, 1, -1))).toBeLessThan(1e-5);
  });

  it("proves infeasibility and unboundedness, and never calls them solved", () => {
    const infeasible = sparseQuadraticProgram({
      Q: fromDense([2, 2], [1, 0, 0, 1]),
      q: [1, 1],
      A: fromDense([1, 2], [1, 1]),
      b: [5],
      lower: [0, 0],
      upper: [1, 1],
    });
    const proof = sparseAdmm().solve(infeasible);
    expect(proof.status).toBe("primal_infeasible");
    if (proof.certificate?.kind !== "primal_infeasible" || "crossed" in proof.certificate) throw new Error("no proof");
    const { nu, lambda, zeta } = proof.certificate;
    expect(checkedPrimal(infeasible, nu, lambda, zeta)).not.toBeNull();
    const unbounded = sparseQuadraticProgram({ Q: fromDense([2, 2], [1, 0, 0, 0]), q: [1, -1], lower: [0, 0] });
    const ray = sparseAdmm().solve(unbounded);
    expect(ray.status).toBe("dual_infeasible");
    if (ray.certificate?.kind !== "dual_infeasible") throw new Error("no ray");
    expect(checkedDirection(unbounded, ray.certificate.direction)).not.toBeNull();
  });

  it("says at once that bounds cross", () => {
    const crossed = sparseAdmm().solve(sparseQuadraticProgram({ q: [1], lower: [2], upper: [1] }));
    expect(crossed.status).toBe("primal_infeasible");
    expect(crossed.certificate).toEqual({ kind: "primal_infeasible", crossed: 0 });
    expect(crossed.iterations).toBe(0);
  });

  it("is not talked out of crossed bounds by rows of huge numbers, nor is the interior point", () => {
    const problem = sparseQuadraticProgram({
      q: [1, -1e12],
      G: fromDense([1, 2], [0.6, 1e30]),
      u: [0],
      lower: [0, 0],
      upper: [1, -0.97],
    });
    for (const solver of [sparseAdmm(), sparseInteriorPoint()]) {
      const { status, certificate } = solver.solve(problem);
      expect(status).toBe("primal_infeasible");
      expect(certificate).toEqual({ kind: "primal_infeasible", crossed: 1 });
    }
  });

  it("does not call an iterate solved that its residuals do not call so", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000 }), fc.integer({ min: 1, max: 60 }), (seed, maxIterations) => {
        const problem = problemOf(seed);
        const found = sparseAdmm({ tolerance: 1e-9, polish: false, maxIterations }).solve(problem);
        expect(found.iterations).toBeLessThanOrEqual(maxIterations);
        if (found.status === "solved") expect(worst(assessSparse(problem, found))).toBeLessThanOrEqual(1e-9);
        else expect(["solved_inaccurate", "max_iterations"]).toContain(found.status);
      }),
      { numRuns: 30, seed: 4 },
    );
  });

  it("stops at a time limit and at a signal, with a finite point", () => {
    const problem = problemOf(8);
    const abort = new AbortController();
    abort.abort();
    const options = [{ signal: abort.signal }, { timeLimit: 1e-6 }];
    for (const option of options) {
      const stopped = sparseAdmm().solve(problem, option);
      expect(stopped.status).toBe("time_limit");
      expect(stopped.x.every(Number.isFinite)).toBe(true);
    }
    expect(sparseAdmm({ timeLimit: 1e-6 }).solve(problem).status).toBe("time_limit");
  });

  it("tells its progress after every look at the residuals", () => {
    const seen: IterationProgress[] = [];
    const found = sparseAdmm({ polish: false, checkEvery: 5 }).solve(problemOf(9), {
      onIteration: (progress) => seen.push(progress),
    });
    expect(seen.map(({ iteration }) => iteration)).toEqual(
      Array.from({ length: found.iterations / 5 }, (_, k) => 5 * (k + 1)),
    );
  });

  it("refuses options out of range", () => {
    expect(() => sparseAdmm({ tolerance: 0 })).toThrow(OptionError);
    expect(() => sparseAdmm({ relaxation: 2 })).toThrow("a number between 0 and 2");
    expect(() => sparseAdmm({ rho: -1 })).toThrow("option rho is -1");
    expect(() => sparseAdmm({ checkEvery: 0 })).toThrow("option checkEvery is 0");
  });
});

describe.runIf(hasMarosMeszaros)("sparse ADMM on the Maros-Meszaros set", () => {
  const problems = new MarosMeszaros();
  afterAll(() => problems.close());

  it.each([
    ["HS21", "QPTEST", "HS35", "HS51", "HS53", "GENHS28", "LOTSCHD", "QAFIRO", "QSC205", "CVXQP2_S"],
    ["DUALC1", "DUALC5", "DPKLO1", "PRIMALC1", "PRIMALC5", "QSTANDAT", "DUAL1", "DUAL3", "QPCBOEI1"],
    ["GOULDQP3", "MOSARQP2", "PRIMAL1", "QSCTAP2", "AUG3D", "AUG3DCQP", "HUES-MOD"],
  ])("solves %s, %s, %s and the rest of its row to 1e-6, at the interior point's objective", (...names) => {
    for (const name of names) {
      const problem = sparseQuadraticProgram(problems.read(name));
      const found = sparseAdmm().solve(problem);
      expect(found.status, name).toBe("solved");
      expect(worst(assessSparse(problem, found)), name).toBeLessThanOrEqual(1e-6);
      const { objective } = sparseInteriorPoint().solve(problem);
      expect(Math.abs(found.objective - objective), name).toBeLessThan(1e-5 * (1 + Math.abs(objective)));
      expect(sparseAdmm().solve(problem, { warmStart: found }).iterations, name).toBe(0);
    }
  });

  it.each(["QSCAGR7", "QSHARE2B", "YAO"])("says of %s no more than its residuals do, within its time", (name) => {
    const problem = sparseQuadraticProgram(problems.read(name));
    const found = sparseAdmm({ timeLimit: 1500 }).solve(problem);
    const relative = worst(assessSparse(problem, found));
    if (found.status === "solved") expect(relative).toBeLessThanOrEqual(1e-6);
    else expect(["solved_inaccurate", "max_iterations", "time_limit"]).toContain(found.status);
    if (found.status === "solved_inaccurate") expect(relative).toBeLessThanOrEqual(1e-4);
    expect(found.x.every(Number.isFinite)).toBe(true);
    expect(found.milliseconds).toBeLessThan(6000);
  });
});

describe.runIf(dataFile("netlib_lp") !== null)("sparse ADMM on linear programs that have no solution", () => {
  it.each(["galenet", "woodinfe", "box1", "klein1", "bgetam"])("proves that %s is infeasible", (name) => {
    const file = dataFile(`netlib_lp/${name}.mps`);
    const problem = sparseQuadraticProgram(readMps(readFileSync(file ?? "", "latin1")).data);
    const { status, certificate } = sparseAdmm().solve(problem);
    expect(status).toBe("primal_infeasible");
    if (certificate?.kind !== "primal_infeasible" || "crossed" in certificate) throw new Error("no proof");
    expect(checkedPrimal(problem, certificate.nu, certificate.lambda, certificate.zeta)).not.toBeNull();
  });
});
