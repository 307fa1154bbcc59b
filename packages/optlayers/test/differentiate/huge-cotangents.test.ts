import { expect, it } from "vitest";
import {
  admm,
  alternating,
  datumNames,
  entropicAlternating,
  entropicImplicit,
  entropicInteriorPoint,
  entropyNames,
  implicit,
  sparseAlternating,
  sparseBatchSolver,
  sparseImplicit,
  sparseInteriorPoint,
  sparseQuadraticBatch,
} from "../../src/index.ts";
import { randomEntropyProgram } from "../random-entropy.ts";
import { normals, randomProgram, relativeError } from "../random-programs.ts";

const c = Float64Array.from({ length: 6 }, normals(4));
const program = randomProgram({ n: 6, p: 2, m: 5, seed: 3 });
const entropy = randomEntropyProgram({ n: 6, p: 2, m: 4, seed: 3 });
const sparse = sparseQuadraticBatch({
  q: [1, -2, 3, 0.5, 1, -1],
  lower: new Array(6).fill(-1),
  upper: new Array(6).fill(1),
  A: [[1, 2, 1, 1, 3, 1]],
  b: [1],
  Q: [
    [2, 0, 0, 0, 0, 1],
    [0, 3, 0, 0, 0, 0],
    [0, 0, 2, 0, 0, 0],
    [0, 0, 0, 2, 0, 0],
    [0, 0, 0, 0, 2, 0],
    [1, 0, 0, 0, 0, 4],
  ],
});

const gradients: Record<string, (c: Float64Array) => Float64Array[]> = {};
for (const rule of [implicit(), alternating()]) {
  const solution = admm({ tolerance: 1e-10 }).solve(program);
  gradients[rule.name] = (x) => Object.values(rule.vjp(program, solution, { x }, { wanted: datumNames }).gradients);
}
for (const rule of [entropicImplicit(), entropicAlternating()]) {
  const solution = entropicInteriorPoint().solve(entropy);
  gradients[`entropic ${rule.name}`] = (x) =>
    Object.values(rule.vjp(entropy, solution, { x }, { wanted: entropyNames }).gradients);
}
for (const rule of [sparseImplicit(), sparseAlternating()]) {
  const solution = sparseBatchSolver(sparseInteriorPoint()).solve(sparse);
  gradients[`sparse ${rule.name}`] = (x) => Object.values(rule.vjp(sparse, solution, { x }).gradients);
}

it.each(Object.entries(gradients))(
  "%s: a gradient is as linear in a cotangent of 1e200 or 1e-200 as in one of 1",
  (_name, at) => {
    const plain = at(c).flatMap((values) => [...values]);
    for (const size of [1e200, 1e-200]) {
      const scaled = at(c.map((value) => size * value)).flatMap((values) => [...values]);
      expect(
        relativeError(
          scaled.map((value) => value / size),
          plain,
        ),
      ).toBeLessThan(1e-9);
    }
  },
);
