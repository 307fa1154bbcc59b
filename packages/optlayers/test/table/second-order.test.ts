import { readdirSync } from "node:fs";
import { grad, type Tensor, tensor } from "@solvegrad/autograd";
import { describe, expect, it } from "vitest";
import { inner, normals } from "../random-programs.ts";
import { randomFrom, type TableClass, type TableData } from "./table-class.ts";

const files = readdirSync(import.meta.dirname).filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"));
const modules = await Promise.all(
  files.map(async (file): Promise<{ entry?: TableClass }> => import(/* @vite-ignore */ `./${file}`)),
);
const cases = modules.flatMap(({ entry }) => {
  if (!entry) return [];
  const batches = entry.batched ? [null, 2] : [null];
  return batches.map((batch) => ({ title: batch ? `${entry.name}, batched` : entry.name, entry, batch }));
});

/** A direction for every datum; that of a symmetric matrix is symmetric. */
function directionsFor(data: TableData, seed: number): Record<string, Float64Array> {
  const entries = Object.entries(data).map(([name, { values, shape, symmetric }], k) => {
    const d = Float64Array.from({ length: values.length }, normals(seed + k));
    const n = shape.at(-1) ?? 1;
    if (!symmetric) return [name, d];
    return [name, d.map((value, at) => (value + d[at - (at % (n * n)) + (at % n) * n + (Math.floor(at / n) % n)]) / 2)];
  });
  return Object.fromEntries(entries);
}

/** <d, gradient> of a loss that bends in all outputs, to be differentiated again in all data. */
function slope(entry: TableClass, rule: string, data: TableData, d: Record<string, Float64Array>) {
  const names = Object.keys(data);
  const inputs = names.map((name) => tensor(data[name].values, { shape: [...data[name].shape], requiresGrad: true }));
  const outputs = entry.layer(rule, Object.fromEntries(names.map((name, k) => [name, inputs[k]])));
  const weighted = (of: Tensor, weights: Float64Array) => of.mul(tensor(weights, { shape: [...of.shape] })).sum();
  const loss = outputs
    .map((output, k) =>
      weighted(output.square().add(output), Float64Array.from({ length: output.size }, normals(700 + k))),
    )
    .reduce((sum, part) => sum.add(part));
  const value = grad(loss, inputs, { createGraph: true })
    .map((gradient, k) => weighted(gradient, d[names[k]]))
    .reduce((sum, part) => sum.add(part));
  return { value: value.item(), differentiated: () => grad(value, inputs).map((gradient) => gradient.data()) };
}

describe.each(cases)("the second derivatives of $title", ({ entry, batch }) => {
  const data = entry.data(randomFrom(batch ? 7 : 5), batch);

  it.each(entry.rules)("by %s are the differences of the gradient along all data to 1e-6", (rule) => {
    const given = directionsFor(data, 40);
    const along = directionsFor(data, 80);
    const { value, differentiated } = slope(entry, rule, data, given);
    const gradients = differentiated();
    const expected = Object.keys(data).reduce((sum, name, k) => sum + inner(gradients[k], along[name]), 0);
    const at = (t: number) => {
      const moved = Object.entries(data).map(([name, datum]) => {
        return [name, { ...datum, values: datum.values.map((entryValue, i) => entryValue + t * along[name][i]) }];
      });
      return slope(entry, rule, Object.fromEntries(moved), given).value;
    };
    const step = 1e-4;
    const difference = (8 * (at(step) - at(-step)) - (at(2 * step) - at(-2 * step))) / (12 * step);
    expect(Math.abs(expected - difference) / Math.max(Math.abs(difference), Math.abs(value))).toBeLessThan(1e-6);
  });
});
