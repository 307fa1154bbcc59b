import type { SparseMatrix } from "@solvegrad/linalg";
import { dot, maxAbs } from "../../arrays.ts";
import { rowGram } from "../../kkt/row-gram.ts";
import type { Certificate } from "../solver.ts";
import type { RowLine } from "./row-threshold.ts";

/** The constraints of one item. */
export interface DualPoint {
  readonly A: SparseMatrix;
  readonly b: Float64Array;
  readonly lower: Float64Array;
  readonly upper: Float64Array;
}

/** The share of its terms below which an entry of A'nu counts as 0. */
const cancellation = 1e-10;

type Proof = Extract<Certificate, { kind: "primal_infeasible" }>;

/**
 * The proof that {Ax = b, lower <= x <= upper} is empty which nu, or a vector near to it, gives: with the bounds as rows
 * [-I; I] x <= [-lower; upper], lambda = [max(A'nu, 0); max(-A'nu, 0)], so that A'nu + [-I I] lambda = 0, and
 * b'nu + [-lower; upper]'lambda < 0 by more than `rounding` of its terms. Null where that is none.
 *
 * Where nu leans on bounds that are infinite, it is projected on the vectors that do not.
 */
export function boxCertificate(item: DualPoint, nu: Float64Array, rounding: number): Proof | null {
  let candidate = nu;
  for (let round = 0; round < 3; round++) {
    const { lambda, leaning } = boundMultipliers(item, candidate);
    if (leaning.length === 0) {
      const proof: Proof = { kind: "primal_infeasible", nu: candidate.slice(), lambda };
      return isProof(item, proof, rounding) ? proof : null;
    }
    candidate = orthogonalTo(item.A, leaning, candidate);
  }
  return null;
}

/** The proof that a lower bound is above its upper one, null where none is. */
export function crossedBounds({ A, lower, upper }: DualPoint): Proof | null {
  const n = lower.length;
  const j = lower.findIndex((value, k) => value > upper[k]);
  if (j < 0) return null;
  const lambda = new Float64Array(2 * n);
  lambda[j] = 1;
  lambda[n + j] = 1;
  return { kind: "primal_infeasible", nu: new Float64Array(A.shape[0]), lambda };
}

/** lambda, and the entries of A'nu that are not zero and lean on an infinite bound. */
function boundMultipliers({ A, lower, upper }: DualPoint, nu: Float64Array) {
  const n = lower.length;
  const lambda = new Float64Array(2 * n);
  const leaning: number[] = [];
  const size = maxAbs(nu);
  for (let j = 0; j < n; j++) {
    let product = 0;
    let scale = 0;
    for (let k = A.indptr[j]; k < A.indptr[j + 1]; k++) {
      product += A.data[k] * nu[A.indices[k]];
      scale += Math.abs(A.data[k]) * size;
    }
    if (Number.isFinite(product > 0 ? lower[j] : upper[j])) lambda[product > 0 ? j : n + j] = Math.abs(product);
    else if (Math.abs(product) > cancellation * scale) leaning.push(j);
  }
  return { lambda, leaning };
}

/** nu less its part in the span of these columns of A. */
function orthogonalTo(A: SparseMatrix, columns: readonly number[], nu: Float64Array): Float64Array {
  const p = nu.length;
  const chosen = new Set(columns);
  const { S, solve } = rowGram(A, (j) => chosen.has(j));
  const part = solve(Float64Array.from(nu, (_, i) => dot(S.subarray(i * p, (i + 1) * p), nu)));
  return nu.map((value, i) => value - part[i]);
}

/** Whether b'nu + [-lower; upper]'lambda is negative by more than this share of its terms. */
function isProof({ b, lower, upper }: DualPoint, { nu, lambda }: Proof, rounding: number): boolean {
  const n = lower.length;
  let sum = 0;
  let scale = 0;
  const add = (term: number) => {
    sum += term;
    scale += Math.abs(term);
  };
  for (let i = 0; i < b.length; i++) add(b[i] * nu[i]);
  for (let j = 0; j < n; j++) {
    if (lambda[j] > 0) add(-lower[j] * lambda[j]);
    if (lambda[n + j] > 0) add(upper[j] * lambda[n + j]);
  }
  return sum < -rounding * scale;
}

/** The last (or first) place on a line where an entry changes its piece: beyond it all are at a bound. */
export function outermostBreakpoint({ a, v, lower, upper }: RowLine, last: boolean): number {
  let outermost = 0;
  for (let j = 0; j < a.length; j++) {
    if (a[j] === 0) continue;
    for (const place of [(v[j] - upper[j]) / a[j], (v[j] - lower[j]) / a[j]]) {
      if (Number.isFinite(place)) outermost = last ? Math.max(outermost, place) : Math.min(outermost, place);
    }
  }
  return outermost;
}
