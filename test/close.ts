import { expect } from "vitest";

/** Numbers, and numbers in nested lists, equal to `digits` decimal places; everything else equal. */
export function expectClose(actual: unknown, expected: unknown, digits = 6): void {
  if (typeof expected === "number") expect(actual).toBeCloseTo(expected, digits);
  else if (Array.isArray(expected)) {
    expect(actual).toHaveLength(expected.length);
    for (const [i, entry] of expected.entries()) expectClose((actual as unknown[])[i], entry, digits);
  } else expect(actual).toEqual(expected);
}
