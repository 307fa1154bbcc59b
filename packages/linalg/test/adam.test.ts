import { type AdamCoefficients, availableKernels, type FloatArray, type Kernels, loadKernels } from "@solvegrad/linalg";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { referenceKernels } from "../src/reference/index.ts";

const coefficients: AdamCoefficients = { beta1: 0.9, beta2: 0.999, rate: 3e-3, epsilon: 1e-8 };

/** theta, g, m and v of n entries; g has zeros, and v is not negative. */
function arrays(n: number, dtype: "float32" | "float64", seed: number): FloatArray[] {
  const wave = (k: number, i: number) => Math.sin(1 + k + seed + i * (k + 1.3));
  const values = [0, 1, 2, 3].map((k) =>
    Float64Array.from({ length: n }, (_, i) => (k === 3 ? wave(k, i) ** 2 : k === 1 && i % 7 === 0 ? 0 : wave(k, i))),
  );
  return dtype === "float64" ? values : values.map((value) => Float32Array.from(value));
}

function updated(kernels: Kernels, [theta, g, m, v]: FloatArray[]): FloatArray[] {
  const copies = [theta.slice(), g.slice(), m.slice(), v.slice()];
  kernels.adam(copies[0], copies[1], copies[2], copies[3], coefficients);
  return copies;
}

it("the reference moves a parameter as Adam's equations say", () => {
  const [theta, m, v] = [Float64Array.of(1), Float64Array.of(0.5), Float64Array.of(4)];
  referenceKernels.adam(theta, Float64Array.of(2), m, v, { beta1: 0.5, beta2: 0.75, rate: 0.1, epsilon: 1 });
  expect([m[0], v[0]]).toEqual([0.5 * 0.5 + 0.5 * 2, 0.75 * 4 + 0.25 * 4]);
  expect(theta[0]).toBe(1 - (0.1 * 1.25) / (2 + 1));
});

describe.each(availableKernels())("Adam's update by the %s kernels", (name) => {
  const kernels = loadKernels(name) ?? referenceKernels;

  it("agrees with the reference to rounding, for any number of entries", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.nat(40), fc.constantFrom(8191, 8192, 8193, 20001)),
        fc.constantFrom<"float32" | "float64">("float32", "float64"),
        fc.nat(1000),
        (n, dtype, seed) => {
          const start = arrays(n, dtype, seed);
          const found = updated(kernels, start);
          const expected = updated(referenceKernels, start);
          const tolerance = dtype === "float32" ? 1e-6 : 1e-14;
          found.forEach((array, k) => {
            // A small v makes a long step: the error is relative to where it leads.
            const error = (value: number, i: number) =>
              Math.abs(value - expected[k][i]) / Math.max(1, Math.abs(expected[k][i]));
            const worst = Array.from(array, error).reduce((most, e) => Math.max(most, e), 0);
            expect(worst).toBeLessThanOrEqual(tolerance);
          });
        },
      ),
      { numRuns: 40 },
    );
  });

  it("refuses arrays of other lengths or dtypes, and names them", () => {
    const four = () => new Float32Array(4);
    expect(() => kernels.adam(four(), four(), new Float32Array(3), four(), coefficients)).toThrow(
      /adam: m has 3 entries/,
    );
    const wider: FloatArray = new Float64Array(4);
    expect(() => kernels.adam<FloatArray>(four(), four(), four(), wider, coefficients)).toThrow(/adam: v .*dtype/);
  });
});
