import type { SparseMatrix } from "./matrix.ts";

/** Neighbour lists of all rows, of the pattern without its diagonal. */
export function adjacency({ shape, indptr, indices }: SparseMatrix): { start: Int32Array; lists: Int32Array } {
  const n = shape[1];
  const start = new Int32Array(n + 1);
  const forEachEdge = (visit: (i: number, j: number) => void) => {
    for (let j = 0; j < n; j++) {
      for (let k = indptr[j]; k < indptr[j + 1]; k++) if (indices[k] < j) visit(indices[k], j);
    }
  };
  forEachEdge((i, j) => {
    start[i + 1]++;
    start[j + 1]++;
  });
  for (let i = 0; i < n; i++) start[i + 1] += start[i];
  const next = start.slice(0, n);
  const lists = new Int32Array(start[n]);
  forEachEdge((i, j) => {
    lists[next[i]++] = j;
    lists[next[j]++] = i;
  });
  return { start, lists };
}
