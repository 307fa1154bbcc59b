import { activeKernels, transposed, type View, view } from "@solvegrad/linalg";
import { dot, maxAbs } from "../arrays.ts";
import type { LinearConstraints, QuadraticProgram } from "../problem/quadratic-program.ts";
import type { Certificate } from "./solver.ts";

/** Sums of products that exact arithmetic would make 0 count as 0 up to this many times the sum of the absolute products. */
const rounding = 64 * Number.EPSILON;
/** A contradiction or a descent below this share of its terms may itself be rounding of the data. */
const significant = 1e-8;
/** Multipliers and slopes below this share of the largest are taken as 0, for the projection to make up for. */
const negligible = 1e-7;

/**
 * The proof of primal infeasibility near a candidate, null where there is none: nu, lambda >= 0 with A'nu + G'lambda = 0 and
 * b'nu + h'lambda < 0 for a problem of one item. An approximate proof proves little, since what is left of A'nu + G'lambda excludes
 * only points x up to a certain size; so the candidate is projected on the null space of its rows, and must be there
 * up to rounding. Scaled to b'nu + h'lambda = -1.
 */
export function primalProof(problem: LinearConstraints, nu: Float64Array, lambda: Float64Array): Certificate | null {
  const { n, p, m } = problem;
  const K = rowsOf(problem);
  const sizes = rowSizes(K, n);
  const scaled = Float64Array.from(
    { length: p + m },
    (_, i) => (i < p ? nu[i] : Math.max(lambda[i - p], 0)) * sizes[i],
  );
  const least = negligible * maxAbs(scaled);
  const support = [...scaled.keys()].filter((i) => Math.abs(scaled[i]) > least);
  if (support.length === 0) return null;
  const columns = selectedRows(K, n, support, sizes);
  const weights = inNullSpace(
    transposed(columns),
    Float64Array.from(support, (i) => scaled[i]),
  );
  const y = new Float64Array(p + m);
  support.forEach((i, k) => {
    y[i] = (i < p ? weights[k] : Math.max(weights[k], 0)) / sizes[i];
  });
  const left = sums(view(K, [p + m, n]), y, "columns");
  if (!(maxAbs(left.value) <= rounding * maxAbs(left.scale))) return null;
  const k = Float64Array.from(y, (_, i) => (i < p ? problem.b.values[i] : problem.h.values[i - p]));
  const value = -dot(k, y);
  const terms = y.reduce((sum, own, i) => sum + Math.abs(own * k[i]), 0);
  if (!(value > significant * terms)) return null;
  const proof = y.map((own) => own / value);
  if (!proof.every(Number.isFinite)) return null;
  return { kind: "primal_infeasible", nu: proof.slice(0, p), lambda: proof.slice(p) };
}

/** The direction of unboundedness near a candidate, null where there is none: Qd = 0, Ad = 0, Gd <= 0, q'd < 0, in the same sense; q'd = -1. */
export function dualProof(problem: QuadraticProgram, direction: Float64Array): Certificate | null {
  const { n, p, m, Q, q } = problem;
  const K = rowsOf(problem);
  const sizes = rowSizes(K, n);
  const slopes = sums(view(K, [p + m, n]), direction, "rows").value;
  const least = negligible * maxAbs(direction);
  const held = [...slopes.keys()].filter((i) => i < p || slopes[i] > -least * sizes[i]);
  const M = new Float64Array((n + held.length) * n);
  const largest = maxAbs(Q.values);
  M.set(Q.values.map((value) => value / (largest || 1)));
  M.set(selectedRows(K, n, held, sizes).data, n * n);
  const d = inNullSpace(view(M, [n + held.length, n]), direction);

  // a row may meet d only where d is all but 0: the sizes of both say what rounding is then
  const length = maxAbs(d);
  const curvature = sums(view(Q.values, [n, n]), d, "rows");
  if (!(maxAbs(curvature.value) <= rounding * (maxAbs(curvature.scale) + largest * length))) return null;
  const rows = sums(view(K, [p + m, n]), d, "rows");
  const isKept = (value: number, i: number) =>
    (i < p ? Math.abs(value) : value) <= rounding * (rows.scale[i] + sizes[i] * length);
  if (!rows.value.every(isKept)) return null;
  const decrease = -dot(q.values, d);
  const terms = d.reduce((sum, own, j) => sum + Math.abs(own * q.values[j]), 0);
  if (!(decrease > significant * terms)) return null;
  const proof = d.map((own) => own / decrease);
  return proof.every(Number.isFinite) ? { kind: "dual_infeasible", direction: proof } : null;
}

/** [A; G]. */
function rowsOf({ n, p, m, A, G }: LinearConstraints): Float64Array {
  const K = new Float64Array((p + m) * n);
  K.set(A.values);
  K.set(G.values, p * n);
  return K;
}

/** The largest entry of every row; 1 for a row of zeros. */
function rowSizes(K: Float64Array, n: number): Float64Array {
  return Float64Array.from({ length: K.length / n }, (_, i) => maxAbs(K, i * n, (i + 1) * n) || 1);
}

/** Some rows, each over its size. */
function selectedRows(K: Float64Array, n: number, rows: readonly number[], sizes: Float64Array): View<Float64Array> {
  const selected = view(new Float64Array(rows.length * n), [rows.length, n]);
  rows.forEach((row, k) => {
    for (let j = 0; j < n; j++) selected.data[k * n + j] = K[row * n + j] / sizes[row];
  });
  return selected;
}

/** M v, or M'v, with the sums of the absolute products. */
function sums(M: View<Float64Array>, v: Float64Array, along: "rows" | "columns") {
  const [rows, columns] = M.shape;
  const length = along === "rows" ? rows : columns;
  const result = { value: new Float64Array(length), scale: new Float64Array(length) };
  for (let i = 0, k = M.offset; i < rows; i++) {
    for (let j = 0; j < columns; j++, k++) {
      const product = M.data[k] * v[along === "rows" ? j : i];
      result.value[along === "rows" ? i : j] += product;
      result.scale[along === "rows" ? i : j] += Math.abs(product);
    }
  }
  return result;
}

/** The part of v in the null space of M: v <- v - (M'M + epsilon I)^-1 M'M v, until rounding. */
function inNullSpace(M: View<Float64Array>, v: Float64Array): Float64Array {
  const [rows, columns] = M.shape;
  const kernels = activeKernels();
  const N = view(new Float64Array(columns * columns), [columns, columns]);
  kernels.syrk(1, transposed(M), 0, N);
  let trace = 0;
  for (let j = 0; j < columns; j++) trace += N.data[j * (columns + 1)];
  for (let j = 0; j < columns; j++) N.data[j * (columns + 1)] += 1e-13 * trace || 1;
  if (kernels.potrf(N) !== 0) return v;
  const result = v.slice();
  const image = view(new Float64Array(rows), [rows]);
  const step = view(new Float64Array(columns), [columns, 1]);
  for (let round = 0; round < 5; round++) {
    kernels.gemv(1, M, view(result, [columns]), 0, image);
    kernels.gemv(1, transposed(M), image, 0, view(step.data, [columns]));
    kernels.potrs(N, step);
    for (let j = 0; j < columns; j++) result[j] -= step.data[j];
  }
  return result;
}
