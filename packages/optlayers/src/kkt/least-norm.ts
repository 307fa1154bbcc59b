/** Diagonal entries of R below this share of the largest one count as zero. */
const rankTolerance = 1e-11;

export interface LeastNormSolution {
  readonly x: Float64Array;
  readonly rank: number;
  /** Largest entry of M x - rhs, relative to that of rhs. */
  readonly residual: number;
}

/**
 * The least-squares solution of M x = rhs of least norm, for a square M (size x size, row by row) that may be singular:
 * a complete orthogonal decomposition (Golub and Van Loan, section 5.5.2). With M P = Q [R; 0], R = [R11 R12] of full
 * row rank and R' = Z [U; 0], x = P Z [U'^-1 (Q'rhs); 0].
 */
export function leastNormSolution(M: Float64Array, size: number, rhs: Float64Array): LeastNormSolution {
  const columns = new Float64Array(size * size);
  for (let i = 0; i < size; i++) for (let j = 0; j < size; j++) columns[j * size + i] = M[i * size + j];
  const first = householder(columns, size, size, true);
  let rank = 0;
  while (rank < size && Math.abs(columns[rank * (size + 1)]) > rankTolerance * Math.abs(columns[0])) rank++;

  const c = rhs.slice();
  for (let k = 0; k < rank; k++) reflect(columns, k * size, k, size, first.beta[k], c, 0);
  // The rows of [R11 R12], each as one column of R'.
  const transposedR = new Float64Array(size * rank);
  for (let r = 0; r < rank; r++) for (let j = r; j < size; j++) transposedR[r * size + j] = columns[j * size + r];
  const second = householder(transposedR, size, rank, false);
  const z = new Float64Array(size);
  for (let i = 0; i < rank; i++) {
    let sum = c[i];
    for (let j = 0; j < i; j++) sum -= transposedR[i * size + j] * z[j];
    z[i] = sum / transposedR[i * (size + 1)];
  }
  for (let k = rank - 1; k >= 0; k--) reflect(transposedR, k * size, k, size, second.beta[k], z, 0);

  const x = new Float64Array(size);
  for (let j = 0; j < size; j++) x[first.order[j]] = z[j];
  return { x, rank, residual: relativeResidual(M, size, x, rhs) };
}

/**
 * Overwrites a column-major matrix by R in its upper triangle and the reflectors (without their leading entry, which
 * `beta` and the diagonal imply) below it. Returns the reflectors' scales and the order of the columns.
 */
function householder(columns: Float64Array, rows: number, count: number, pivot: boolean) {
  const beta = new Float64Array(count);
  const order = Int32Array.from({ length: count }, (_, j) => j);
  for (let k = 0; k < Math.min(rows, count); k++) {
    if (pivot) bringLargestForward(columns, rows, count, k, order);
    const at = k * rows;
    let square = 0;
    for (let i = k; i < rows; i++) square += columns[at + i] * columns[at + i];
    if (square === 0) continue;
    const diagonal = columns[at + k] > 0 ? -Math.sqrt(square) : Math.sqrt(square);
    const leading = columns[at + k] - diagonal;
    for (let i = k + 1; i < rows; i++) columns[at + i] /= leading;
    beta[k] = -leading / diagonal;
    columns[at + k] = diagonal;
    for (let j = k + 1; j < count; j++) reflect(columns, at, k, rows, beta[k], columns, j * rows);
  }
  return { beta, order };
}

/** v <- (I - beta w w') v for the reflector w = (1, columns[at + k + 1 ...]) and the vector at `start` of `values`. */
function reflect(
  columns: Float64Array,
  at: number,
  k: number,
  rows: number,
  beta: number,
  values: Float64Array,
  start: number,
): void {
  if (beta === 0) return;
  let sum = values[start + k];
  for (let i = k + 1; i < rows; i++) sum += columns[at + i] * values[start + i];
  sum *= beta;
  values[start + k] -= sum;
  for (let i = k + 1; i < rows; i++) values[start + i] -= sum * columns[at + i];
}

/** Swaps column k with the one whose part below row k is longest. */
function bringLargestForward(columns: Float64Array, rows: number, count: number, k: number, order: Int32Array): void {
  let longest = -1;
  let best = k;
  for (let j = k; j < count; j++) {
    let square = 0;
    for (let i = k; i < rows; i++) square += columns[j * rows + i] * columns[j * rows + i];
    if (square > longest) {
      longest = square;
      best = j;
    }
  }
  if (best === k) return;
  for (let i = 0; i < rows; i++) {
    const kept = columns[k * rows + i];
    columns[k * rows + i] = columns[best * rows + i];
    columns[best * rows + i] = kept;
  }
  const kept = order[k];
  order[k] = order[best];
  order[best] = kept;
}

function relativeResidual(M: Float64Array, size: number, x: Float64Array, rhs: Float64Array): number {
  let residual = 0;
  let scale = 0;
  for (let i = 0; i < size; i++) {
    let sum = -rhs[i];
    for (let j = 0; j < size; j++) sum += M[i * size + j] * x[j];
    residual = Math.max(residual, Math.abs(sum));
    scale = Math.max(scale, Math.abs(rhs[i]));
  }
  return scale === 0 ? residual : residual / scale;
}
