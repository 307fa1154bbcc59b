import { activeKernels, type DType, sizeOf, view } from "@solvegrad/linalg";
import { maxAbs } from "../arrays.ts";
import { DatumRangeError, describeDatum } from "../errors.ts";
import { offsetOf } from "./products.ts";
import type { Datum } from "./quadratic-program.ts";

/** Relative to the largest entry of Q: how far Q may be from symmetric, and how negative its smallest eigenvalue, as rounding. */
export const roundingOf: Record<DType, number> = { float64: 1e-9, float32: 1e-5 };

/**
 * Refuses a datum that holds NaN or an infinity, by a `DatumRangeError` that names the entry. An upper bound may be
 * Infinity, a lower one -Infinity: no bound.
 */
export function checkFinite(name: string, datum: Datum, kind: "value" | "upper bound" | "lower bound" = "value"): void {
  const { values } = datum;
  const allowed = kind === "value" ? Number.NaN : kind === "upper bound" ? Infinity : -Infinity;
  let at = 0;
  while (at < values.length && (Number.isFinite(values[at]) || values[at] === allowed)) at++;
  if (at === values.length) return;
  const size = sizeOf(datum.shape);
  const item = datum.batched ? Math.floor(at / size) : null;
  const place = datum.shape.length > 0 ? ` at (${indicesOf(at % size, datum.shape).join(", ")})` : "";
  const expected = kind === "value" ? "finite numbers" : `finite numbers, or ${allowed} for no bound`;
  const leaveOut =
    name === "h" && values[at] === Infinity ? " (leave out the row of a constraint that never binds)" : "";
  throw new DatumRangeError(`${describeDatum(name, item)} is ${values[at]}${place}; expected ${expected}${leaveOut}`, {
    argument: name,
    shape: datum.shape,
    item,
    expected,
  });
}

/**
 * Symmetrizes Q in place, and refuses one that is not symmetric beyond rounding (an asymmetry over 1e-9 of its largest
 * entry, 1e-5 for float32 input) or not positive semidefinite: a Cholesky factorization of Q + delta I breaks down,
 * where delta is that same share of its largest diagonal entry.
 */
export function checkConvexity(Q: Datum, dtype: DType): void {
  const n = Q.shape[0];
  const items = Q.batched ? Q.values.length / (n * n) : 1;
  for (let i = 0; i < items; i++) {
    symmetrize(Q, i, roundingOf[dtype]);
    checkPositiveSemidefinite(Q, i, roundingOf[dtype]);
  }
}

function symmetrize(Q: Datum, i: number, rounding: number): void {
  const n = Q.shape[0];
  const { values } = Q;
  const start = offsetOf(Q, i);
  const largest = maxAbs(values, start, start + n * n);
  for (let r = 0; r < n; r++) {
    for (let c = 0; c < r; c++) {
      const lower = start + r * n + c;
      const upper = start + c * n + r;
      const asymmetry = Math.abs(values[lower] - values[upper]);
      if (asymmetry > rounding * largest) throw notSymmetric(Q, i, r, c, values[lower], values[upper]);
      if (asymmetry === 0) continue;
      const mean = (values[lower] + values[upper]) / 2;
      values[lower] = mean;
      values[upper] = mean;
    }
  }
}

function notSymmetric(Q: Datum, i: number, r: number, c: number, lower: number, upper: number): DatumRangeError {
  const item = Q.batched ? i : null;
  const facts = { argument: "Q", shape: Q.shape, item, expected: "a symmetric matrix" };
  return new DatumRangeError(
    `${describeDatum("Q", item)} is not symmetric: Q[${r}][${c}] is ${lower}, Q[${c}][${r}] is ${upper}; expected a symmetric matrix, such as (Q + Q')/2`,
    facts,
  );
}

function checkPositiveSemidefinite(Q: Datum, i: number, rounding: number): void {
  const n = Q.shape[0];
  const shifted = Q.values.slice(offsetOf(Q, i), offsetOf(Q, i) + n * n);
  if (maxAbs(shifted) === 0) return;
  let largest = 0;
  for (let j = 0; j < n; j++) largest = Math.max(largest, shifted[j * (n + 1)]);
  for (let j = 0; j < n; j++) shifted[j * (n + 1)] += rounding * largest;
  const failure = activeKernels().potrf(view(shifted, [n, n]));
  if (failure === 0) return;
  const item = Q.batched ? i : null;
  const expected = "a positive semidefinite matrix";
  throw new DatumRangeError(
    `${describeDatum("Q", item)} is not positive semidefinite: pivot ${failure - 1} of its Cholesky factorization is not positive; expected ${expected} (the problem is not convex)`,
    { argument: "Q", shape: Q.shape, item, expected },
  );
}

/** Where the entry at a flat row-major place of an array of this shape stands. */
export function indicesOf(at: number, shape: readonly number[]): number[] {
  const indices: number[] = [];
  for (let axis = shape.length - 1, rest = at; axis >= 0; axis--) {
    indices.unshift(rest % shape[axis]);
    rest = Math.floor(rest / shape[axis]);
  }
  return indices;
}
