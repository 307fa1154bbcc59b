import { gate, relu, type Tensor, tensor } from "@solvegrad/autograd";
import fc from "fast-check";
import { expect, test } from "vitest";

const awkward = [
  0,
  -0,
  1,
  -1,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  5e-324,
  -5e-324,
  1.5e-45,
  -1.5e-45,
  3e38,
  -3e38,
];
const numbers = fc.array(fc.oneof(fc.double(), fc.constantFrom(...awkward)), { maxLength: 40 });

/** NaN with the sign bit, as the hardware makes it of infinity minus infinity. */
function negativeNaN(dtype: "float32" | "float64"): Tensor {
  const bytes = new Uint8Array(8).fill(0xff);
  return tensor(dtype === "float32" ? new Float32Array(bytes.buffer) : new Float64Array(bytes.buffer));
}

test.each(["float32", "float64"] as const)(
  "relu of contiguous %s memory equals max(x, 0) for every kind of number",
  (dtype) => {
    fc.assert(
      fc.property(numbers, (list) => {
        const x = tensor(list, { dtype });
        expect([...relu(x).data()].map((y) => y + 0)).toEqual([...x.data()].map((v) => Math.max(v, 0) + 0));
      }),
    );
  },
);

test.each(["float32", "float64"] as const)(
  "a gate of %s is the same on contiguous memory, views and slices",
  (dtype) => {
    fc.assert(
      fc.property(numbers, numbers, (left, right) => {
        const n = Math.min(left.length, right.length);
        const [a, b] = [tensor(left.slice(0, n), { dtype }), tensor(right.slice(0, n), { dtype })];
        const expected = [...a.data()].map((v, i) => (b.data()[i] <= 0 ? 0 : v) + 0);
        const asColumn = (t: Tensor) => t.reshape([n, 1]).broadcastTo([n, 2]);
        expect([...gate(a, b).data()].map((y) => y + 0)).toEqual(expected);
        expect([...gate(asColumn(a), asColumn(b)).slice(1, 1, 2).data()].map((y) => y + 0)).toEqual(expected);
        const cut = Math.min(1, n);
        expect([...gate(a.slice(0, cut), b.slice(0, cut)).data()].map((y) => y + 0)).toEqual(expected.slice(cut));
      }),
    );
  },
);

test.each(["float32", "float64"] as const)("relu keeps a NaN of %s whose sign bit is set", (dtype) => {
  expect([...relu(negativeNaN(dtype)).data()].every(Number.isNaN)).toBe(true);
});
