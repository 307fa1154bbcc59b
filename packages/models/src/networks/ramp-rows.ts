import { type Tensor, tensor } from "@solvegrad/autograd";

/** The rows of P_{k+1} - P_k <= ramp and P_k - P_{k+1} <= ramp, for `hours` hours. */
export function rampRows(hours: number): Tensor {
  const rows = new Float64Array(2 * (hours - 1) * hours);
  for (let k = 0; k < hours - 1; k++) {
    const [up, down] = [k * hours, (hours - 1 + k) * hours];
    rows[up + k + 1] = rows[down + k] = 1;
    rows[up + k] = rows[down + k + 1] = -1;
  }
  return tensor(rows, { shape: [2 * (hours - 1), hours] });
}

/** The right-hand side of these rows. */
export function rampBounds(hours: number, ramp: number): Tensor {
  return tensor(new Float64Array(2 * (hours - 1)).fill(ramp));
}
