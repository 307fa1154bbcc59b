import { describe, expect, it } from "vitest";
import { admm, alternating, differentiationRules, implicit, interiorPoint, type Solver } from "../../src/index.ts";
import {
  inner,
  margin,
  normals,
  presentData,
  randomDirection,
  randomProgram,
  relativeError,
} from "../random-programs.ts";
import { centralSlope } from "../support/differences.ts";

const cases: Record<string, Parameters<typeof randomProgram>[0]> = {
  "one problem": { n: 12, p: 3, m: 8, seed: 1 },
  "no equalities": { n: 10, p: 0, m: 8, seed: 2 },
  "no inequalities": { n: 10, p: 4, m: 0, seed: 3 },
  "a batch that shares Q, A, G": { n: 12, p: 3, m: 8, batch: 4, batched: ["q", "b", "h"], seed: 7 },
  "a batch that shares nothing": { n: 8, p: 2, m: 7, batch: 3, batched: ["Q", "q", "A", "b", "G", "h"], seed: 17 },
};

const solvers: Record<string, Solver> = { "interior point": interiorPoint(), ADMM: admm({ tolerance: 1e-12 }) };

const rules = [
  ...[...differentiationRules].map(([name, rule]) => [name, rule()] as const),
  ["alternating, forward mode", alternating({ mode: "forward" })] as const,
];

describe.each(Object.entries(cases))("%s", (_title, options) => {
  const problem = randomProgram(options);
  const normal = normals(50);
  const c = Float64Array.from({ length: problem.batch * problem.n }, normal);
  const solutions = Object.entries(solvers).map(([name, solver]) => ({ name, solution: solver.solve(problem) }));
  const reference = implicit().vjp(problem, solutions[0].solution, { x: c }).gradients;

  it("every solver with every rule gives the same gradients to 1e-6", () => {
    for (const { name: solver, solution } of solutions) {
      expect(margin(solution)).toBeGreaterThan(1e-3);
      for (const [rule, differentiation] of rules) {
        const { gradients } = differentiation.vjp(problem, solution, { x: c });
        for (const name of presentData(problem)) {
          const error = relativeError(gradients[name] ?? [], reference[name] ?? [Number.NaN]);
          expect(error, `${solver}, ${rule}, ${name}`).toBeLessThan(1e-6);
        }
      }
    }
  });

  it("and these are the central differences of either solver's solutions to 1e-6", () => {
    for (const solver of Object.values(solvers)) {
      for (const name of presentData(problem)) {
        const gradient = reference[name] ?? new Float64Array();
        const direction = randomDirection(problem, name, 3);
        const slope = centralSlope(problem, name, direction, (near) => inner(c, solver.solve(near).x));
        // Relative to the largest slope along a direction of this length: a random one may be nearly orthogonal.
        const scale = Math.sqrt(inner(gradient, gradient) * inner(direction, direction));
        expect(Math.abs(inner(gradient, direction) - slope) / scale, `${solver.name}, ${name}`).toBeLessThan(1e-6);
      }
    }
  });
});
