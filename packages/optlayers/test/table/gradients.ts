import { type DType, grad, type Tensor, tensor } from "@solvegrad/autograd";
import { inner, normals } from "../random-programs.ts";
import type { TableClass, TableData, TableDatum } from "./table-class.ts";

/** The gradient of every output's weighted sum in every datum: gradients[output][datum]. */
export type Gradients = readonly Readonly<Record<string, Float64Array>>[];

/** Fixed weights: the loss of output k is their inner product with it. */
function weightsOf(k: number, size: number): Float64Array {
  return Float64Array.from({ length: size }, normals(900 + k));
}

/** By the rule, on Tensors of this dtype. */
export function gradientsBy(entry: TableClass, rule: string, data: TableData, dtype: DType): Gradients {
  const names = Object.keys(data);
  const tensors = names.map((name) => asTensor(data[name], dtype, true));
  const outputs = entry.layer(rule, Object.fromEntries(names.map((name, k) => [name, tensors[k]])));
  return outputs.map((output, k) => {
    if (output.dtype !== dtype) throw new Error(`output ${k} of ${entry.name} is ${output.dtype}, not ${dtype}`);
    const weights = tensor(weightsOf(k, output.size), { shape: [...output.shape] }).to(dtype);
    const gradients = grad(output.mul(weights).sum(), tensors);
    return Object.fromEntries(names.map((name, d) => [name, Float64Array.from(gradients[d].data())]));
  });
}

/** Of the float64 layer, (f(t) - f(-t)) / 2t along every entry of the data: solved to 1e-12, it errs by about 1e-8. */
export function gradientsByDifferences(entry: TableClass, rule: string, data: TableData, step = 4e-5): Gradients {
  const losses = (name: string, moved: Float64Array) => {
    const tensors = Object.entries({ ...data, [name]: { ...data[name], values: moved } });
    const outputs = entry.layer(
      rule,
      Object.fromEntries(tensors.map(([key, datum]) => [key, asTensor(datum, "float64", false)])),
    );
    return outputs.map((output, k) => {
      return inner(output.data(), weightsOf(k, output.size));
    });
  };
  const result: Record<string, Float64Array>[] = [];
  for (const [name, datum] of Object.entries(data)) {
    const { values } = datum;
    for (let at = 0; at < values.length; at++) {
      const [ahead, back] = [1, -1].map((sign) => losses(name, moved(datum, at, sign * step)));
      ahead.forEach((_, k) => {
        result[k] ??= {};
        result[k][name] ??= new Float64Array(values.length);
        result[k][name][at] = (ahead[k] - back[k]) / (2 * step);
      });
    }
  }
  return result;
}

/** The numbers with entry `at` moved by t; of a symmetric matrix, half of that in it and half in its mirror image. */
function moved({ values, shape, symmetric }: TableDatum, at: number, t: number): Float64Array {
  const result = values.slice();
  if (!symmetric) {
    result[at] += t;
    return result;
  }
  const n = shape[shape.length - 1];
  const inItem = at % (n * n);
  result[at] += t / 2;
  result[at - inItem + (inItem % n) * n + Math.floor(inItem / n)] += t / 2;
  return result;
}

function asTensor({ values, shape }: TableDatum, dtype: DType, requiresGrad: boolean): Tensor {
  const own = dtype === "float32" ? Float32Array.from(values) : values.slice();
  return tensor(own, { shape: [...shape], requiresGrad });
}

/** The same data rounded to float32. */
export function rounded(data: TableData): TableData {
  const entries = Object.entries(data).map(([name, datum]) => [
    name,
    { ...datum, values: Float64Array.from(datum.values, Math.fround) },
  ]);
  return Object.fromEntries(entries);
}

/** The largest difference of two gradients over all data, relative to the largest entry of the second, output by output. */
export function distances(found: Gradients, expected: Gradients): number[] {
  return expected.map((own, k) => {
    let difference = 0;
    let size = 0;
    for (const [name, values] of Object.entries(own)) {
      values.forEach((value, at) => {
        const entry = found[k]?.[name]?.[at] ?? Number.NaN;
        difference = Number.isNaN(entry) ? Infinity : Math.max(difference, Math.abs(entry - value));
        size = Math.max(size, Math.abs(value));
      });
    }
    return difference / Math.max(size, 1e-300);
  });
}
