import { describe, expect, it } from "vitest";
import { gmres } from "../../src/index.ts";

/** I - N for a strictly upper triangular N: not symmetric, inverse known by back substitution. */
function triangular(n: number, x: Float64Array): Float64Array {
  return x.map((value, i) => {
    let sum = value;
    for (let j = i + 1; j < n; j++) sum -= x[j] / (i + j + 1);
    return sum;
  });
}

describe("gmres", () => {
  const n = 30;
  const b = Float64Array.from({ length: n }, (_, i) => Math.cos(i));

  it("solves an unsymmetric system that is known by its products alone", () => {
    const x = new Float64Array(n);
    const { residual, steps } = gmres((v) => triangular(n, v), b, x, { maxSteps: n, cycles: 1 });
    expect(residual).toBeLessThan(1e-12);
    expect(steps).toBeLessThanOrEqual(n);
    triangular(n, x).forEach((value, i) => {
      expect(value).toBeCloseTo(b[i], 12);
    });
  });

  it("goes on over restarts when it is told to, and takes fewer steps with a preconditioner", () => {
    const scaled = (v: Float64Array) => triangular(n, v).map((value, i) => value * (i + 1));
    const options = { maxSteps: 5, cycles: 200, stopsWhenSlow: false, tolerance: 1e-10 };
    const [plain, helped] = [new Float64Array(n), new Float64Array(n)];
    const slow = gmres(scaled, b, plain, options);
    const fast = gmres(scaled, b, helped, { ...options, precondition: (v) => v.map((value, i) => value / (i + 1)) });
    expect(Math.max(slow.residual, fast.residual)).toBeLessThan(1e-9);
    expect(fast.steps).toBeLessThan(slow.steps / 2);
  });

  it("leaves x as it is where it solves the system already", () => {
    const x = Float64Array.from(b);
    expect(gmres((v) => v.slice(), b, x).steps).toBe(0);
    expect(x).toEqual(b);
  });
});
