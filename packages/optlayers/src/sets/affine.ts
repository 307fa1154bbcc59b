import { fromDense } from "@solvegrad/linalg";
import { dot, maxAbs } from "../arrays.ts";
import { rowGram } from "../kkt/row-gram.ts";
import { boxProjectionLayer } from "../layers/box-projection.ts";
import type { DatumInput } from "../problem/read-datum.ts";
import type { ConvexSet, SetItem } from "./convex-set.ts";

/** The equations hold where they are off by less than this share of their terms. */
const consistency = 1e-9;

/**
 * The affine set Ax = b with p equations, few of them: P(z) = z - A'(AA')^+ (Az - b) and P' = I - A'(AA')^+ A. Redundant
 * equations are allowed. Empty where the equations contradict each other.
 */
export function affine(A: DatumInput, b: DatumInput): ConvexSet {
  return {
    name: "affine set",
    parameters: { A, b },
    dimensions: { A: ["p", "n"], b: ["p"] },
    project: (z, equations) =>
      boxProjectionLayer({ y: z, A: equations.A, b: equations.b }, { onFailure: "mask" }).x.reshape(z.shape),
    item: (equations, n) => affineItem(equations.A, equations.b, n),
  };
}

function affineItem(A: Float64Array, b: Float64Array, n: number): SetItem {
  const p = b.length;
  const rows = Array.from({ length: p }, (_, i) => A.subarray(i * n, (i + 1) * n));
  const gram = rowGram(fromDense([p, n], A), () => true);
  /** v <- v - A' (AA')^+ (Av - target). */
  const drop = (v: Float64Array, target: Float64Array | null) => {
    const residual = Float64Array.from(rows, (row, i) => dot(row, v) - (target?.[i] ?? 0));
    gram.solve(residual).forEach((w, i) => {
      for (let j = 0; j < n; j++) v[j] -= w * rows[i][j];
    });
  };
  const project = (z: Float64Array, x: Float64Array) => {
    x.set(z);
    drop(x, b);
    drop(x, b);
  };
  const nearest = new Float64Array(n);
  project(nearest, nearest);
  const misses = (row: Float64Array, i: number) =>
    Math.abs(dot(row, nearest) - b[i]) > consistency * (Math.abs(b[i]) + maxAbs(row) * maxAbs(nearest));
  return { isEmpty: rows.some(misses), project, tangent: () => ({ shrink: 1, apply: (v) => drop(v, null) }) };
}
