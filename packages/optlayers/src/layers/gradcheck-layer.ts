import { grad, type Tensor, tensor, withRecording } from "@solvegrad/autograd";
import { maxAbs } from "../arrays.ts";
import { checkPositive } from "../check-options.ts";
import { LayerError, OptionError } from "../errors.ts";
import { indicesOf } from "../problem/check-values.ts";
import { type DatumInput, type ReadDatum, readDatum } from "../problem/read-datum.ts";
import type { Solution } from "../solvers/solver.ts";

/** What a layer returns: outputs that are all checked, and a solution that tells when its active set changes. */
export interface CheckedOutputs {
  readonly x: Tensor;
  readonly nu?: Tensor;
  readonly lambda?: Tensor;
  readonly zeta?: Tensor;
  readonly solution?: Pick<Solution, "lambda" | "s" | "status" | "zeta">;
}

export interface LayerGradcheckOptions<N extends string> {
  /** 2 checks the derivative of the gradient as well. Default 1. */
  readonly order?: 1 | 2;
  /** Largest error that passes. Default 1e-6. */
  readonly tolerance?: number;
  /** Step of the differences, relative to the largest entry of the datum. Default 1e-4. */
  readonly step?: number;
  /** Symmetric matrices, whose entries (i, j) and (j, i) move together. Default: Q. */
  readonly symmetric?: readonly N[];
}

/** One entry of a datum, with its gradient and the differences there. */
export interface CheckedEntry<N extends string> {
  readonly order: 1 | 2;
  readonly datum: N;
  /** The entry's place in the datum. */
  readonly index: readonly number[];
  readonly gradient: number;
  readonly difference: number;
  /** |gradient - difference| relative to the largest slope in the datum, and at least to value / datum. */
  readonly error: number;
}

/** An entry at which the active set changes within the step: the layer has a kink there, which differences cannot tell from a slope. */
export interface KinkEntry<N extends string> {
  readonly order: 1 | 2;
  readonly datum: N;
  readonly index: readonly number[];
}

export interface LayerGradcheck<N extends string> {
  readonly worst: CheckedEntry<N>;
  /** How many entries were compared, over all orders. */
  readonly checked: number;
  readonly kinks: readonly KinkEntry<N>[];
}

/** A layer's gradient that differences do not confirm. */
export class LayerGradcheckError extends Error {
  override readonly name = "LayerGradcheckError";
  readonly worst: CheckedEntry<string>;
  constructor(worst: CheckedEntry<string>) {
    const { order, datum, index, gradient, difference, error } = worst;
    const what = order === 1 ? "the gradient" : "the gradient's own gradient";
    super(
      `gradcheckLayer: at ${datum}[${index.join("][")}] ${what} is ${gradient}, differences give ${difference} (relative error ${error.toExponential(1)})`,
    );
    this.worst = worst;
  }
}

/**
 * Compares the gradient of <c, outputs> of a layer, for fixed generic weights c, with differences of fourth order,
 *
 *     (8 f(t) - 8 f(-t) - f(2t) + f(-2t)) / 12t,
 *
 * in every entry of every datum, in float64; with order 2 that of <d, gradient> too. Unlike autograd's `gradcheck` it knows what data of
 * optimization problems are: symmetric matrices move symmetrically and have symmetric gradients, the step is sized to the datum, and an entry whose step
 * changes the active set is counted as a kink, not as an error.
 *
 * Returns the worst entry. Throws a `LayerGradcheckError` that names it when it is above the tolerance, and a `LayerError`
 * when every entry is at a kink.
 */
export function gradcheckLayer<N extends string>(
  layer: (data: Record<N, Tensor>) => CheckedOutputs,
  data: Readonly<Record<N, DatumInput>>,
  { order = 1, tolerance = 1e-6, step = 1e-4, symmetric = ["Q" as N] }: LayerGradcheckOptions<N> = {},
): LayerGradcheck<N> {
  if (order !== 1 && order !== 2) throw new OptionError("order", order, "1 or 2");
  checkPositive("tolerance", tolerance);
  checkPositive("step", step);
  const names = Object.keys(data) as N[];
  const read = Object.fromEntries(names.map((name) => [name, readDatum(name, data[name])])) as Record<N, ReadDatum>;
  const orders: (1 | 2)[] = order === 2 ? [1, 2] : [1];
  const entries = orders.flatMap((own) => compared({ layer, names, data: read, symmetric, step, order: own }));
  const checked = entries.filter((entry) => "error" in entry);
  if (checked.length === 0) {
    const wish = `take a smaller step than ${step}, or other data`;
    throw new LayerError(`gradcheckLayer: the active set changes within every step; ${wish}`);
  }
  const worst = checked.reduce((most, entry) => (entry.error <= most.error ? most : entry));
  if (!(worst.error <= tolerance)) throw new LayerGradcheckError(worst);
  return { worst, checked: checked.length, kinks: entries.filter((entry) => !("error" in entry)) };
}

/** What is checked, and how. */
interface Job<N extends string> {
  readonly layer: (data: Record<N, Tensor>) => CheckedOutputs;
  readonly names: readonly N[];
  readonly data: Readonly<Record<N, ReadDatum>>;
  readonly symmetric: readonly N[];
  readonly step: number;
  readonly order: 1 | 2;
}

/** Every entry of every datum with its error, or, at a kink, without. */
function compared<N extends string>(job: Job<N>): (CheckedEntry<N> | KinkEntry<N>)[] {
  const { names, data, symmetric, order } = job;
  const found = evaluated(job, data, true);
  return names.flatMap((datum, k) => {
    const own = data[datum];
    const entries = freeEntries(own, symmetric.includes(datum));
    const slopes = entries.map((at) => slopeAt(job, found.pattern, datum, at));
    const gradients = entries.map((at, e) => {
      const both = [at, mirrored(own, at, symmetric.includes(datum))].map((place) => found.gradients[k][place]);
      return both.reduce((one, other) => (distance(other, slopes[e]) > distance(one, slopes[e]) ? other : one));
    });
    const unit = unitOf(slopes, gradients, found.value, own);
    return entries.map((at, e) => {
      const place = { order, datum, index: indicesOf(at, own.shape) };
      const [gradient, difference] = [gradients[e], slopes[e]];
      return difference === null
        ? place
        : { ...place, gradient, difference, error: Math.abs(gradient - difference) / unit };
    });
  });
}

interface Evaluation {
  readonly value: number;
  readonly pattern: string;
  /** One a datum; empty unless asked for. */
  readonly gradients: readonly ArrayLike<number>[];
}

/** <c, outputs>, or <d, its gradient>, at these data. */
function evaluated<N extends string>(
  { layer, names, order }: Job<N>,
  values: Readonly<Record<N, ReadDatum>>,
  differentiate: boolean,
): Evaluation {
  return withRecording(true, () => {
    const entries = names.map((name) => {
      const { values: numbers, shape } = values[name];
      return [name, tensor(numbers, { shape: [...shape], requiresGrad: true })] as const;
    });
    const data = Object.fromEntries(entries) as Record<N, Tensor>;
    const inputs = names.map((name) => data[name]);
    const outputs = layer(data);
    const { x, nu, lambda, zeta } = outputs;
    const first = projected([x, nu, lambda, zeta].flatMap((part) => (part ? [part] : [])));
    const value = order === 1 ? first : projected(grad(first, inputs, { createGraph: true }));
    const gradients = differentiate ? grad(value, inputs).map((gradient) => gradient.data()) : [];
    return { value: value.item(), pattern: patternOf(outputs.solution), gradients };
  });
}

/** sum_k <c_k, part k>: no two entries weigh the same, so that errors in different ones cannot cancel. */
function projected(parts: readonly Tensor[]): Tensor {
  return parts
    .filter(({ size }) => size > 0)
    .map((part, k) => {
      const weights = Float64Array.from({ length: part.size }, (_, i) => Math.cos(i + 2.5 * k));
      return part.mul(tensor(weights, { shape: [...part.shape] })).sum();
    })
    .reduce((sum, part) => sum.add(part));
}

/** Which constraints hold a solution, and at which side. */
function patternOf(solution: CheckedOutputs["solution"]): string {
  if (!solution) return "";
  const { status, lambda, s, zeta = [] } = solution;
  const rows = Array.from(lambda, (value, i) => (Math.abs(value) > s[i] ? Math.sign(value) : 0));
  return [...status, ...rows, ...Array.from(zeta, Math.sign)].join();
}

/** The entries that are moved: of a symmetric matrix the upper triangle. */
function freeEntries({ values, shape }: ReadDatum, isSymmetric: boolean): number[] {
  const n = shape.at(-1) ?? 1;
  const all = [...values.keys()];
  return isSymmetric ? all.filter((at) => at % n >= Math.floor(at / n) % n) : all;
}

/** The difference quotient in one entry; null where the active set is another at one of its points. */
function slopeAt<N extends string>(job: Job<N>, pattern: string, name: N, at: number): number | null {
  const { data, symmetric, step } = job;
  const t = step * (maxAbs(data[name].values) || 1);
  const points = [t, -t, 2 * t, -2 * t].map((shift) => {
    return evaluated(job, { ...data, [name]: moved(data[name], at, symmetric.includes(name), shift) }, false);
  });
  if (points.some((point) => point.pattern !== pattern)) return null;
  const [one, back, two, backTwo] = points.map(({ value }) => value);
  return (8 * (one - back) - (two - backTwo)) / (12 * t);
}

/** The datum with one entry moved; of a symmetric matrix half in the entry and half in its mirror image, which share the slope. */
function moved({ values, shape, dtype }: ReadDatum, at: number, isSymmetric: boolean, t: number): ReadDatum {
  const result = values.slice();
  result[at] += t / 2;
  result[mirrored({ shape }, at, isSymmetric)] += t / 2;
  return { values: result, shape, dtype };
}

/** The place of the mirror image of an entry of a symmetric matrix; of any other, its own. */
function mirrored({ shape }: Pick<ReadDatum, "shape">, at: number, isSymmetric: boolean): number {
  if (!isSymmetric) return at;
  const n = shape.at(-1) ?? 1;
  const inItem = at % (n * n);
  return at - inItem + (inItem % n) * n + Math.floor(inItem / n);
}

function distance(gradient: number, slope: number | null): number {
  return slope === null ? 0 : Math.abs(gradient - slope);
}

/** What an error is measured by: the largest slope in the datum, and at least the value over the datum's size. */
function unitOf(
  slopes: readonly (number | null)[],
  gradients: readonly number[],
  value: number,
  datum: ReadDatum,
): number {
  const largest = [...slopes, ...gradients].reduce<number>((most, slope) => Math.max(most, Math.abs(slope ?? 0)), 0);
  return Math.max(largest, Math.abs(value) / (maxAbs(datum.values) || 1)) || 1;
}
