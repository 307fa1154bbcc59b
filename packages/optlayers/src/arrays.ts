/** The largest absolute value among entries begin, ..., end - 1; 0 where there are none, NaN where one is. */
export function maxAbs(values: Float64Array, begin = 0, end = values.length): number {
  let largest = 0;
  for (let k = begin; k < end; k++) largest = Math.max(largest, Math.abs(values[k]));
  return largest;
}

/** a'b. */
export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k] * b[k];
  return sum;
}

/** All parts, one after another: of any length, where a call with their entries as arguments would exhaust the stack. */
export function concatenated(...parts: readonly Float64Array[]): Float64Array {
  const whole = new Float64Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Row `at` of `to` <- row `k` of `from`; rows have `width` entries. */
export function moveRow(from: Float64Array, k: number, to: Float64Array, at: number, width: number): void {
  for (let i = 0; i < width; i++) to[at * width + i] = from[k * width + i];
}

/** The smallest over the largest diagonal entry of the n x n matrix at `start`: of a Cholesky factor, how near to singular it is. */
export function diagonalRatio(values: Float64Array, n: number, start = 0): number {
  let smallest = Infinity;
  let largest = 0;
  for (let k = start; k < start + n * n; k += n + 1) {
    smallest = Math.min(smallest, values[k]);
    largest = Math.max(largest, values[k]);
  }
  return smallest / largest;
}

/** M <- (M + M') / 2 for each n x n matrix in `values`, which is returned. */
export function symmetrize(values: Float64Array, n: number): Float64Array {
  for (let at = 0; at < values.length; at += n * n) {
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < i; j++) {
        const mean = (values[at + i * n + j] + values[at + j * n + i]) / 2;
        values[at + i * n + j] = mean;
        values[at + j * n + i] = mean;
      }
    }
  }
  return values;
}
