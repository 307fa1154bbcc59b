import { describe, expect, it } from "vitest";
import { Checkpoints } from "../../src/differentiate/unrolled/checkpoints.ts";
import { admm, type DataCotangents, datumNames, OptionError, quadraticProgram, unrolled } from "../../src/index.ts";
import { normals, randomProgram, relativeError } from "../random-programs.ts";

describe("checkpoints", () => {
  it("keep about the square root of the iterations, and cover them all in segments no longer", () => {
    for (const k of [1, 2, 3, 7, 16, 17, 100, 400, 1000, 1600]) {
      const checkpoints = new Checkpoints<number>();
      let most = 0;
      for (let i = 0; i < k; i++) {
        checkpoints.offer(i, i);
        most = Math.max(most, checkpoints.states.length);
      }
      let end = k;
      checkpoints.eachSegmentBackwards(k, (start, length) => {
        expect(start + length).toBe(end);
        expect(length).toBeLessThanOrEqual(2 * Math.sqrt(k) + 1);
        end = start;
      });
      expect(end).toBe(0);
      expect(most).toBeLessThanOrEqual(2 * Math.sqrt(k) + 1);
    }
  });
});

describe("unrolled with checkpoints", () => {
  const problem = randomProgram({ n: 10, p: 3, m: 6, batch: 3, batched: ["q", "h"], seed: 21 });
  const solution = admm({ tolerance: 1e-12 }).solve(problem);
  const normal = normals(5);
  const [x, nu, lambda] = [30, 9, 18].map((length) => Float64Array.from({ length }, normal));
  const run = (options: Parameters<typeof unrolled>[0]) => unrolled(options).vjp(problem, solution, { x, nu, lambda });

  function expectSame(found: DataCotangents, expected: DataCotangents) {
    for (const name of datumNames) {
      expect(relativeError(found[name] ?? [], expected[name] ?? []), name).toBeLessThan(1e-13);
    }
  }

  it.each([1, 2, 5, 60, undefined])("has the gradients of the whole tape to rounding: %s iterations", (iterations) => {
    const [segments, whole] = [run({ iterations, checkpoints: true }), run({ iterations })];
    expectSame(segments.gradients, whole.gradients);
    expect(segments.report.iterations).toBe(whole.report.iterations);
    expect(segments.report.residual).toBeCloseTo(whole.report.residual, 12);
  });

  it("works with a batch that shares nothing, without constraints, and with a singular Q", () => {
    const own = randomProgram({ n: 5, p: 1, m: 4, batch: 2, batched: ["Q", "q", "A", "b", "G", "h"], seed: 17 });
    const free = randomProgram({ n: 5, p: 0, m: 0, seed: 5 });
    const flat = quadraticProgram({
      Q: [
        [2, 0],
        [0, 0],
      ],
      q: [1, 0],
    });
    for (const other of [own, free, flat]) {
      const found = admm({ tolerance: 1e-11 }).solve(other);
      const c = { x: Float64Array.from({ length: other.batch * other.n }, (_, k) => (k % other.n === 0 ? 1 : 0)) };
      const whole = unrolled().vjp(other, found, c);
      expectSame(unrolled({ checkpoints: true }).vjp(other, found, c).gradients, whole.gradients);
    }
  });

  it("holds memory that grows with the square root of the iterations, where the whole tape's grows with them", () => {
    const lengths = [100, 400, 1600];
    const [rooted, whole] = [true, false].map((checkpoints) =>
      lengths.map((iterations) => run({ iterations, checkpoints }).report.peakBytes),
    );
    for (const k of [1, 2]) {
      expect(whole[k] / whole[k - 1]).toBeGreaterThan(3.5);
      expect(rooted[k] / rooted[k - 1]).toBeLessThan(2.2);
    }
    expect(rooted[2]).toBeLessThan(whole[2] / 15);
  });

  it("refuses anything but true and false", () => {
    expect(() => unrolled({ checkpoints: 10 as unknown as boolean })).toThrow(OptionError);
    expect(() => unrolled({ checkpoints: 10 as unknown as boolean })).toThrow(
      "checkpoints is 10, expected true or false",
    );
  });
});
