import { eliminationTree, postorder } from "./elimination-tree.ts";
import { type SparseMatrix, SparseMatrixError } from "./matrix.ts";
import { minimumDegreeOrder } from "./minimum-degree.ts";
import { permuteSymmetric } from "./permute.ts";

/**
 * What a factorization L D L' of a symmetric matrix takes from its pattern alone: the order, the elimination tree and the size of
 * each column of L. It serves every matrix of the pattern, and any number of factors at a time.
 */
export interface LdlAnalysis {
  readonly n: number;
  /** Row `order[k]` of K is the k-th to be eliminated; the order is a postorder of the tree. */
  readonly order: Int32Array;
  /** Pattern of the permuted matrix's upper triangle. */
  readonly indptr: Int32Array;
  readonly indices: Int32Array;
  /** The place there of each stored entry of K. */
  readonly target: Int32Array;
  readonly parent: Int32Array;
  /** Column j of L has its entries below the diagonal from `columns[j]` up to `columns[j + 1]`. */
  readonly columns: Int32Array;
  /** Multiplications and additions of a factorization, about. */
  readonly work: number;
}

/** Analyses K's upper triangle. Throws a `SparseMatrixError` where it is not square or not upper. */
export function analyzeLdl(upper: SparseMatrix, order?: Int32Array): LdlAnalysis {
  checkUpper(upper);
  const n = upper.shape[1];
  const reducing = order ?? minimumDegreeOrder(upper);
  const { parent } = eliminationTree(permuteSymmetric(upper, reducing).upper);
  const ordered = postorder(parent).map((k) => reducing[k]);
  const permuted = permuteSymmetric(upper, ordered);
  const tree = eliminationTree(permuted.upper);
  const columns = new Int32Array(n + 1);
  let work = 0;
  for (let j = 0; j < n; j++) {
    const count = tree.columnCounts[j];
    columns[j + 1] = columns[j] + count;
    work += count * count;
  }
  const { indptr, indices } = permuted.upper;
  return { n, order: ordered, indptr, indices, target: permuted.target, parent: tree.parent, columns, work };
}

function checkUpper(K: SparseMatrix): void {
  const [rows, columns] = K.shape;
  if (rows !== columns) throw new SparseMatrixError(`K is ${rows} x ${columns}, expected a square matrix`);
  for (let j = 0; j < columns; j++) {
    const last = K.indptr[j + 1] - 1;
    if (last >= K.indptr[j] && K.indices[last] > j) {
      throw new SparseMatrixError(`K has an entry (${K.indices[last]}, ${j}), expected its upper triangle only`);
    }
  }
}
