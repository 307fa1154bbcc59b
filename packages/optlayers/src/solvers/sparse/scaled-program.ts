import { equilibrate, type SparseMatrix, sparseTranspose } from "@solvegrad/linalg";
import { maxAbs } from "../../arrays.ts";
import type { SparsePoint, SparseQuadraticProgram } from "../../problem/sparse-quadratic-program.ts";

/**
 * A sparse QP in the form that the interior point iterates on, in scaled variables x = D xhat:
 *
 *     minimize 1/2 x'Qx + q'x   subject to  Cx = t,  low <= (x, t) <= high,
 *
 * where C = [A; G] scaled by rows with E, the objective by `cost`, and rows of A have low = high. Rows whose two bounds
 * agree count as equalities, variables whose bounds agree as fixed. `low` and `high` list the bounds of x, then those of the rows.
 */
export interface ScaledProgram {
  readonly original: SparseQuadraticProgram;
  readonly n: number;
  /** Rows of A and G together. */
  readonly rows: number;
  /** The scaled [Q, C'; C, 0], its upper triangle with every diagonal entry stored. */
  readonly kkt: SparseMatrix;
  /** Scaled Q's upper triangle and C, whose columns are variables. */
  readonly Q: SparseMatrix;
  readonly C: SparseMatrix;
  readonly q: Float64Array;
  readonly low: Float64Array;
  readonly high: Float64Array;
  readonly D: Float64Array;
  readonly E: Float64Array;
  readonly cost: number;
}

export function scaledProgram(original: SparseQuadraticProgram): ScaledProgram {
  const { n, p, m } = original;
  const rows = p + m;
  const stacked = stackedRows(original);
  const raw = stackedKkt(original, stacked);
  const d = equilibrate(raw, { sweeps: 15 });
  const [D, E] = [d.slice(0, n), d.slice(n)];
  const q = original.q.map((value, j) => value * D[j]);
  const scaledQ = scale(original.Q, D, D, 1);
  const size = Math.max(maxAbs(scaledQ.data), maxAbs(q));
  const cost = size > 0 ? Math.min(1e8, Math.max(1e-8, 1 / size)) : 1;
  const box = (sign: "low" | "high") => {
    const result = new Float64Array(n + rows);
    const [ofX, ofRows] = sign === "low" ? [original.lower, original.l] : [original.upper, original.u];
    for (let j = 0; j < n; j++) result[j] = ofX[j] / D[j];
    for (let i = 0; i < p; i++) result[n + i] = original.b[i] * E[i];
    for (let i = 0; i < m; i++) result[n + p + i] = ofRows[i] * E[p + i];
    return result;
  };
  return {
    original,
    n,
    rows,
    kkt: scaledKkt(raw, d, n, cost),
    Q: { ...scaledQ, data: scaledQ.data.map((value) => cost * value) },
    C: scale(stacked, E, D, 1),
    q: q.map((value) => cost * value),
    low: box("low"),
    high: box("high"),
    D,
    E,
    cost,
  };
}

/** [A; G]. */
function stackedRows({ n, p, m, A, G }: SparseQuadraticProgram): SparseMatrix {
  const indptr = new Int32Array(n + 1);
  const indices = new Int32Array(A.indices.length + G.indices.length);
  const data = new Float64Array(indices.length);
  let at = 0;
  for (let j = 0; j < n; j++) {
    for (let k = A.indptr[j]; k < A.indptr[j + 1]; k++, at++) {
      indices[at] = A.indices[k];
      data[at] = A.data[k];
    }
    for (let k = G.indptr[j]; k < G.indptr[j + 1]; k++, at++) {
      indices[at] = p + G.indices[k];
      data[at] = G.data[k];
    }
    indptr[j + 1] = at;
  }
  return { shape: [p + m, n], indptr, indices, data };
}

/** The upper triangle of [Q, C'; C, 0] with every diagonal entry stored, as the last of its column. */
function stackedKkt({ n, p, m, Q }: SparseQuadraticProgram, stacked: SparseMatrix): SparseMatrix {
  const byRows = sparseTranspose(stacked);
  const size = n + p + m;
  const indptr = new Int32Array(size + 1);
  const indices = new Int32Array(Q.indices.length + byRows.indices.length + size);
  const data = new Float64Array(indices.length);
  let at = 0;
  const put = (i: number, value: number) => {
    indices[at] = i;
    data[at++] = value;
  };
  for (let j = 0; j < n; j++) {
    let diagonal = 0;
    for (let k = Q.indptr[j]; k < Q.indptr[j + 1]; k++) {
      if (Q.indices[k] === j) diagonal = Q.data[k];
      else put(Q.indices[k], Q.data[k]);
    }
    put(j, diagonal);
    indptr[j + 1] = at;
  }
  for (let i = 0; i < p + m; i++) {
    for (let k = byRows.indptr[i]; k < byRows.indptr[i + 1]; k++) put(byRows.indices[k], byRows.data[k]);
    put(n + i, 0);
    indptr[n + i + 1] = at;
  }
  return { shape: [size, size], indptr, indices: indices.slice(0, at), data: data.slice(0, at) };
}

/** diag(left) M diag(right), times factor. */
function scale(M: SparseMatrix, left: Float64Array, right: Float64Array, factor: number): SparseMatrix {
  const data = new Float64Array(M.data.length);
  for (let j = 0; j < M.shape[1]; j++) {
    for (let k = M.indptr[j]; k < M.indptr[j + 1]; k++) data[k] = factor * M.data[k] * left[M.indices[k]] * right[j];
  }
  return { ...M, data };
}

function scaledKkt(raw: SparseMatrix, d: Float64Array, n: number, cost: number): SparseMatrix {
  const scaled = scale(raw, d, d, 1);
  for (let k = 0; k < scaled.indptr[n]; k++) scaled.data[k] *= cost;
  return scaled;
}

/** A point of this problem, all zeros. */
export function emptyPoint({ n, p, m }: SparseQuadraticProgram): SparsePoint {
  return {
    x: new Float64Array(n),
    nu: new Float64Array(p),
    lambda: new Float64Array(m),
    zeta: new Float64Array(n),
  };
}

/** Writes the point in the problem's own variables; y lists the multipliers of the bounds of x, then those of the rows. */
export function unscale(scaled: ScaledProgram, x: Float64Array, y: Float64Array, point: SparsePoint): void {
  const { n, D, E, cost, original } = scaled;
  const { p, m } = original;
  const { nu, lambda, zeta } = point;
  for (let j = 0; j < n; j++) {
    point.x[j] = x[j] * D[j];
    zeta[j] = y[j] / (cost * D[j]);
  }
  for (let i = 0; i < p; i++) nu[i] = (y[n + i] * E[i]) / cost;
  for (let i = 0; i < m; i++) lambda[i] = (y[n + p + i] * E[p + i]) / cost;
}

/** `unscale` to a new point. */
export function unscaledPoint(scaled: ScaledProgram, x: Float64Array, y: Float64Array): SparsePoint {
  const point = emptyPoint(scaled.original);
  unscale(scaled, x, y, point);
  return point;
}
