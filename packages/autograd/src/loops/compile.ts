import type { DType, FloatArray } from "@solvegrad/linalg";

/** y[i] <- f(x[i], p) for n entries from the given offsets. */
export type UnaryLoop = (n: number, x: FloatArray, x0: number, y: FloatArray, y0: number, p: number) => void;
/** y[i] <- f(a[i], b[i]) for n entries; a step of 0 keeps the operand at its first entry. */
export type BinaryLoop = (
  n: number,
  a: FloatArray,
  a0: number,
  aStep: number,
  b: FloatArray,
  b0: number,
  bStep: number,
  y: FloatArray,
  y0: number,
) => void;

export type PerDType<Loop> = (dtype: DType) => Loop;

/**
 * The loop of an element-wise function, from its expression in `x` (and a parameter `p`).
 *
 * One compiled function per expression and dtype, as in cwise: the engine then sees one type of array in each loop and
 * keeps the expression inline, where a callback per element, or one loop that meets both dtypes, runs several times slower.
 */
export function unaryLoop(expression: string): PerDType<UnaryLoop> {
  return perDType(
    ["n", "x_", "x0", "y_", "y0", "p"],
    `for (let i = 0; i < n; i++) { const x = x_[x0 + i]; y_[y0 + i] = ${expression}; }`,
  );
}

/** The same for an expression in `a` and `b`, with a loop for equal strides and one for each operand that stands still. */
export function binaryLoop(expression: string): PerDType<BinaryLoop> {
  return perDType(
    ["n", "a_", "a0", "aStep", "b_", "b0", "bStep", "y_", "y0"],
    `if (aStep === 1 && bStep === 1) {
      for (let i = 0; i < n; i++) { const a = a_[a0 + i], b = b_[b0 + i]; y_[y0 + i] = ${expression}; }
    } else if (bStep === 0) {
      const b = b_[b0];
      for (let i = 0; i < n; i++) { const a = a_[a0 + i * aStep]; y_[y0 + i] = ${expression}; }
    } else {
      const a = a_[a0];
      for (let i = 0; i < n; i++) { const b = b_[b0 + i]; y_[y0 + i] = ${expression}; }
    }`,
  );
}

function perDType<Loop>(parameters: string[], body: string): PerDType<Loop> {
  const compiled = new Map<DType, Loop>();
  return (dtype) => {
    const known = compiled.get(dtype);
    if (known) return known;
    const loop = new Function(...parameters, `"use strict";\n${body}`) as Loop;
    compiled.set(dtype, loop);
    return loop;
  };
}
