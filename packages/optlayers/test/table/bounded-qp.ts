import { type DatumInput, quadraticLayer, type SparseQuadraticBatchData, sparseDatumNames } from "../../src/index.ts";
import { denseOf, patterns, randomData, rules, solved } from "./sparse-qp.ts";
import type { TableClass } from "./table-class.ts";

/** minimize 1/2 x'Qx + q'x subject to Ax = b, l <= Gx <= u, lower <= x <= upper, by quadraticLayer with dense matrices; in a batch Q and A are shared. */
export const entry: TableClass = {
  name: "bounded qp",
  rules: Object.keys(rules),
  float32: true,
  batched: true,
  data(random, batch) {
    const { A, G, ...rest } = randomData(random, batch);
    const [, n] = patterns.A.shape;
    const dense = (matrix: "A" | "G", values: Float64Array) => denseOf({ ...patterns[matrix], data: values });
    const entries = patterns.G.data.length;
    const items = Array.from({ length: batch ?? 1 }, (_, i) =>
      dense("G", G.values.subarray(i * entries, (i + 1) * entries)),
    );
    return {
      ...rest,
      A: { values: dense("A", A.values), shape: [patterns.A.shape[0], n] },
      G: {
        values: Float64Array.from(items.flatMap((item) => [...item])),
        shape: batch ? [batch, ...patterns.G.shape] : [...patterns.G.shape],
      },
    };
  },
  layer(rule, data) {
    const stated: Partial<Record<string, DatumInput>> = Object.fromEntries(
      sparseDatumNames.map((name) => [name, data[name]]),
    );
    return solved(rule, stated as unknown as SparseQuadraticBatchData, quadraticLayer);
  },
};
