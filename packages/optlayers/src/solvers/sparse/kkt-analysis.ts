import { analyzeLdl, type LdlAnalysis, type SparseMatrix } from "@solvegrad/linalg";
import type { SparseQuadraticProgram } from "../../problem/sparse-quadratic-program.ts";

interface Known {
  readonly indptr: Int32Array;
  readonly indices: Int32Array;
  readonly analysis: LdlAnalysis;
}

/** The last analysis of each pattern that is still in use: a training loop solves one pattern again and again. */
const known = new WeakMap<Int32Array, Known>();

/** The analysis of a problem's KKT matrix, from an earlier problem over the same pattern where there was one. */
export function analysisOf({ Q, A, G }: SparseQuadraticProgram, kkt: SparseMatrix): LdlAnalysis {
  const key = [Q, A, G].map((M) => M.indices).reduce((a, b) => (b.length >= a.length ? b : a));
  const before = known.get(key);
  if (before !== undefined && same(before.indptr, kkt.indptr) && same(before.indices, kkt.indices)) {
    return before.analysis;
  }
  const { indptr, indices } = kkt;
  const analysis = analyzeLdl(kkt);
  known.set(key, { indptr, indices, analysis });
  return analysis;
}

function same(a: Int32Array, b: Int32Array): boolean {
  if (a.length !== b.length) return false;
  for (let k = 0; k < a.length; k++) if (a[k] !== b[k]) return false;
  return true;
}
