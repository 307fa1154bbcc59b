import type { SparseMatrix } from "./matrix.ts";
import { QuotientGraph } from "./quotient-graph.ts";

/**
 * A fill-reducing order of a symmetric matrix: the approximate minimum degree algorithm of P. Amestoy, T. Davis and
 * I. Duff (SIAM J. Matrix Anal. Appl. 17, 1996). `order[k]` is the row to eliminate k-th.
 *
 * The pattern is that of the upper triangle; entries on the diagonal or below are ignored. Rows with more neighbours than
 * 10 sqrt(n) are put last.
 */
export function minimumDegreeOrder(upper: SparseMatrix): Int32Array {
  const graph = new QuotientGraph(upper);
  while (graph.remaining > 0) graph.eliminate(graph.nextPivot());
  return graph.order();
}
