import { describe, expect, it } from "vitest";
import { interiorPoint, quadraticProgram } from "../../src/index.ts";
import { inner, normals, relativeError, uniforms } from "../random-programs.ts";

/** A QP of known solution: x and its multipliers are chosen first, q, b and h follow. Rows, Q and x have sizes of their own. */
function knownProgram(seed: number) {
  const normal = normals(seed);
  const uniform = uniforms(seed + 1);
  const size = (decades: number) => 10 ** (decades * (uniform() - 0.5));
  const n = 1 + Math.floor(8 * uniform());
  const [sizeOfX, sizeOfQ] = [size(8), size(8)];
  const vector = (scale: number) => Array.from({ length: n }, () => scale * normal());
  const X = Array.from({ length: n }, () => vector(1));
  const Q = X.map((row, i) => X.map((other, j) => sizeOfQ * (inner(row, other) / n + (i === j ? 0.1 : 0))));
  const G = Array.from({ length: Math.floor(10 * uniform()) }, () => vector(size(6)));
  const x = vector(sizeOfX);
  const unit = G.map((row) => Math.max(...row.map(Math.abs)));
  const active = G.map((_, i) => i < n && uniform() < 0.5);
  const lambda = G.map((_, i) => (active[i] ? (sizeOfX * sizeOfQ * (0.1 + uniform())) / unit[i] : 0));
  const h = G.map((row, i) => inner(row, x) + (active[i] ? 0 : sizeOfX * (0.1 + uniform()) * unit[i]));
  const q = x.map((_, j) => -inner(Q[j], x) - G.reduce((sum, row, i) => sum + row[j] * lambda[i], 0));
  return { x, problem: quadraticProgram(G.length > 0 ? { Q, q, G, h } : { Q, q }) };
}

describe("interior point", () => {
  it("is right to 1e-8 of the solution's own size where it says solved, on 300 problems whose sizes span eight orders", () => {
    const solver = interiorPoint();
    for (let seed = 0; seed < 300; seed++) {
      const { x, problem } = knownProgram(2 * seed);
      const solution = solver.solve(problem);
      expect(solution.status, `seed ${seed}`).toEqual(["solved"]);
      expect(relativeError(solution.x, x), `seed ${seed}`).toBeLessThan(1e-8);
    }
  });
});
