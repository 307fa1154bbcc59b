import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { QuadraticProgram } from "../../src/problem/quadratic-program.ts";
import { type QuadraticProgramData, quadraticProgram } from "../../src/problem/read-quadratic-program.ts";
import { admm } from "../../src/solvers/admm.ts";
import { interiorPoint } from "../../src/solvers/interior-point.ts";
import type { Certificate } from "../../src/solvers/solver.ts";
import { inner, normals, uniforms } from "../random-programs.ts";

/** Any small QP: Q of any rank, redundant or contradicting equalities, feasible or not, bounded or not. */
function anyProgram(seed: number): QuadraticProgram {
  const uniform = uniforms(seed);
  const normal = normals(seed + 1);
  const whole = (below: number) => Math.floor(below * uniform());
  const n = 1 + whole(8);
  const [p, m, rank] = [whole(3), whole(10), whole(n + 1)];
  const matrix = (rows: number) => Array.from({ length: rows }, () => Array.from({ length: n }, normal));
  const X = matrix(rank);
  const Q = Array.from({ length: n }, (_, i) =>
    Array.from({ length: n }, (_, j) => X.reduce((sum, row) => sum + row[i] * row[j], 0)),
  );
  const q = Array.from({ length: n }, normal);
  const A = matrix(p);
  if (p === 2 && uniform() < 0.3) A[1] = A[0].map((value) => 2 * value);
  const point = Array.from({ length: n }, normal);
  const b = A.map((row) => inner(row, point) + (uniform() < 0.1 ? 0.5 : 0));
  const equalities = p > 0 ? { A, b } : {};
  const h = Array.from({ length: m }, () => 2 * uniform() - 0.3);
  const inequalities = m > 0 ? { G: matrix(m), h } : {};
  const data: QuadraticProgramData = { Q, q, ...equalities, ...inequalities };
  return quadraticProgram(data);
}

function rowsTimes(values: Float64Array, n: number, x: Float64Array): number[] {
  return Array.from({ length: values.length / n }, (_, i) => inner(values.subarray(i * n, (i + 1) * n), x));
}

function columnsTimes(values: Float64Array, n: number, y: Float64Array): number[] {
  return Array.from({ length: n }, (_, j) => y.reduce((sum, yi, i) => sum + yi * values[i * n + j], 0));
}

/** How far a certificate is from a proof, relative to what it proves; infinite where it proves nothing. */
function flaw({ n, Q, q, A, b, G, h }: QuadraticProgram, certificate: Certificate): number {
  if (certificate.kind === "primal_infeasible") {
    const { nu, lambda } = certificate;
    const gain = -(inner(b.values, nu) + inner(h.values, lambda));
    const fromG = columnsTimes(G.values, n, lambda);
    const left = columnsTimes(A.values, n, nu).map((value, j) => Math.abs(value + fromG[j]));
    return gain > 0 && lambda.every((value) => value >= 0) ? Math.max(0, ...left) / gain : Number.POSITIVE_INFINITY;
  }
  const { direction } = certificate;
  const gain = -inner(q.values, direction);
  const left = [
    ...rowsTimes(Q.values, n, direction).map(Math.abs),
    ...rowsTimes(A.values, n, direction).map(Math.abs),
    ...rowsTimes(G.values, n, direction),
  ];
  return gain > 0 ? Math.max(0, ...left) / gain : Number.POSITIVE_INFINITY;
}

describe("admm on any small QP, degenerate and infeasible ones among them", () => {
  it("has the interior point's objective where it says solved, and a proof where it says infeasible", () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e6 }), (seed) => {
        const problem = anyProgram(seed);
        const solution = admm({ tolerance: 1e-7, maxIterations: 3000 }).solve(problem);
        const [status] = solution.status;
        seen.add(status);
        const certificate = solution.certificates[0];
        if (certificate) {
          expect(status).toBe(certificate.kind);
          // accepted where it rules out every x up to 1e4: then what is left of its equations is 1e-4 of the gain
          expect(flaw(problem, certificate)).toBeLessThan(1.01e-4);
        } else if (status === "solved") {
          const exact = interiorPoint({ tolerance: 1e-9 }).solve(problem);
          const difference = Math.abs(solution.objective[0] - exact.objective[0]);
          expect(difference).toBeLessThan(1e-5 * (1 + Math.abs(exact.objective[0])));
        } else expect(["max_iterations", "solved_inaccurate", "numerical_error"]).toContain(status);
        expect([...solution.x, ...solution.lambda, ...solution.nu].every(Number.isFinite)).toBe(true);
      }),
      { numRuns: 120, seed: 7 },
    );
    expect([...seen]).toEqual(expect.arrayContaining(["solved", "primal_infeasible", "dual_infeasible"]));
  });
});
