import { mul } from "./ops/elementwise.ts";
import { sum } from "./ops/reduction.ts";
import { grad } from "./tape/gradient.ts";
import { withRecording } from "./tape/recording.ts";
import { Tensor } from "./tensor.ts";
import { copyOf, window, zeroValues } from "./values.ts";

export interface GradcheckOptions {
  /** Step of the central differences. */
  readonly epsilon?: number;
  /** Largest relative error that passes. */
  readonly tolerance?: number;
  /** 2 checks the derivative of the gradient as well. */
  readonly order?: 1 | 2;
}

/** A gradient that central differences do not confirm. */
export class GradcheckError extends Error {
  override readonly name = "GradcheckError";
  readonly order: number;
  readonly input: number;
  readonly entry: number;
  readonly gradient: number;
  readonly difference: number;
  constructor(order: number, worst: Entry) {
    super(
      `gradcheck: order ${order}, input ${worst.input}, entry ${worst.entry}: the gradient is ${worst.gradient}, ` +
        `central differences give ${worst.difference} (relative error ${worst.error.toExponential(2)})`,
    );
    this.order = order;
    this.input = worst.input;
    this.entry = worst.entry;
    this.gradient = worst.gradient;
    this.difference = worst.difference;
  }
}

interface Entry {
  readonly input: number;
  readonly entry: number;
  readonly gradient: number;
  readonly difference: number;
  readonly error: number;
}

type Scalar = (inputs: readonly Tensor[]) => Tensor;

/**
 * Compares the gradient of <c, f(inputs)>, for a fixed generic c, with central differences
 * (f(x + e) - f(x - e)) / 2e in every entry of every input; with order 2 also the gradient of <d, that gradient>.
 * The error of an entry is |gradient - difference| / max(1, |gradient|, |difference|).
 *
 * Inputs must be float64 and away from kinks. Returns the worst error, or throws a GradcheckError that names the entry.
 */
export function gradcheck(
  f: (...inputs: Tensor[]) => Tensor,
  inputs: readonly Tensor[],
  { epsilon = 1e-5, tolerance = 1e-7, order = 1 }: GradcheckOptions = {},
): number {
  const points = inputs.map((input) => new Tensor(copyOf(input.value), true));
  const value: Scalar = (at) => projected(f(...at), 0);
  const slope: Scalar = (at) => {
    const y = value(at);
    if (!y.requiresGrad) return y;
    return grad(y, at, { createGraph: true })
      .map((gradient, i) => projected(gradient, i + 1))
      .reduce((total, term) => total.add(term));
  };
  const checks = order === 2 ? [value, slope] : [value];
  return checks.reduce((worst, scalar, i) => {
    const entry = worstEntry(scalar, points, epsilon);
    if (!(entry.error <= tolerance)) throw new GradcheckError(i + 1, entry);
    return Math.max(worst, entry.error);
  }, 0);
}

function worstEntry(f: Scalar, points: readonly Tensor[], epsilon: number): Entry {
  const value = withRecording(true, () => f(points));
  const gradients = value.requiresGrad
    ? grad(value, points)
    : points.map(({ dtype, shape }) => new Tensor(zeroValues(dtype, shape)));
  let worst: Entry = { input: 0, entry: 0, gradient: 0, difference: 0, error: 0 };
  points.forEach((point, input) => {
    const found = gradients[input].data();
    for (let entry = 0; entry < point.size; entry++) {
      const difference = centralDifference(f, points, input, entry, epsilon);
      const gradient = found[entry];
      const error = Math.abs(gradient - difference) / Math.max(1, Math.abs(gradient), Math.abs(difference));
      if (!(error <= worst.error)) worst = { input, entry, gradient, difference, error };
    }
  });
  return worst;
}

function centralDifference(
  f: Scalar,
  points: readonly Tensor[],
  input: number,
  entry: number,
  epsilon: number,
): number {
  const shifted = (step: number): number => {
    const moved = points.map((point, i) => {
      const values = copyOf(point.value);
      if (i === input) values.data[entry] += step;
      return new Tensor(values, true);
    });
    return withRecording(true, () => f(moved)).item();
  };
  return (shifted(epsilon) - shifted(-epsilon)) / (2 * epsilon);
}

/** <c, y> with c_i = cos(i + k): no two entries weigh the same, so errors in different entries cannot cancel. */
function projected(y: Tensor, k: number): Tensor {
  const c = Float64Array.from({ length: y.size }, (_, i) => Math.cos(i + k));
  return sum(mul(y, new Tensor(window(c, y.shape))));
}
