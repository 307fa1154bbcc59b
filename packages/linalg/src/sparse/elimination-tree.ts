import type { SparseMatrix } from "./matrix.ts";

const none = -1;

/**
 * The elimination tree of a symmetric matrix, from its upper triangle, and how many entries each column of its factor L
 * has below the diagonal: the parent of column j is the first row of L's column j, -1 at a root (J. Liu, 1990). Row k of L
 * has an entry in each column on the way from the entries of K's column k to k.
 */
export function eliminationTree({ shape, indptr, indices }: SparseMatrix): {
  parent: Int32Array;
  columnCounts: Int32Array;
} {
  const n = shape[1];
  const parent = new Int32Array(n).fill(none);
  const columnCounts = new Int32Array(n);
  const visited = new Int32Array(n).fill(none);
  for (let k = 0; k < n; k++) {
    visited[k] = k;
    for (let at = indptr[k]; at < indptr[k + 1]; at++) {
      for (let i = indices[at]; visited[i] !== k; i = parent[i]) {
        if (parent[i] === none) parent[i] = k;
        columnCounts[i]++;
        visited[i] = k;
      }
    }
  }
  return { parent, columnCounts };
}

/** The columns of a forest so that each subtree is contiguous and ends with its root. */
export function postorder(parent: Int32Array): Int32Array {
  const n = parent.length;
  const firstChild = new Int32Array(n).fill(none);
  const nextSibling = new Int32Array(n).fill(none);
  for (let j = n - 1; j >= 0; j--) {
    if (parent[j] === none) continue;
    nextSibling[j] = firstChild[parent[j]];
    firstChild[parent[j]] = j;
  }
  const order = new Int32Array(n);
  let count = 0;
  const stack: number[] = [];
  for (let root = 0; root < n; root++) {
    if (parent[root] !== none) continue;
    stack.push(root);
    while (stack.length > 0) {
      const j = stack[stack.length - 1];
      const child = firstChild[j];
      if (child === none) {
        order[count++] = j;
        stack.pop();
      } else {
        firstChild[j] = nextSibling[child];
        stack.push(child);
      }
    }
  }
  return order;
}
