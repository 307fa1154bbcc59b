import { matmul, type Tensor, tensor } from "@solvegrad/autograd";
import {
  type DatumInput,
  type SparseQuadraticBatchData,
  type SparseRule,
  sparseAdmm,
  sparseAlternating,
  sparseDatumNames,
  sparseImplicit,
  sparseInteriorPoint,
  sparseQuadraticLayer,
  sparseUnrolled,
} from "../../src/index.ts";
import { clearSparse, patternsOf, type RandomMatrix, type RandomSparse } from "../random-sparse.ts";
import type { Random, TableClass, TableData } from "./table-class.ts";

const n = 6;
export const patterns = patternsOf(n, 1, 4);

export const rules: Record<string, SparseRule> = {
  implicit: sparseImplicit(),
  alternating: sparseAlternating({ truncate: 1e-13 }),
  unrolled: sparseUnrolled({ tolerance: 1e-12 }),
};

/** Random data of a clear problem; in a batch, Q and A are shared by all the others, the entries of G among them. */
export function randomData(random: Random, batch: number | null): TableData {
  const shared = clearSparse(random, patterns);
  const items = [shared, ...Array.from({ length: (batch ?? 1) - 1 }, () => clearSparse(random, patterns, shared))];
  const joined = (of: (item: RandomSparse) => Float64Array) => {
    const parts = items.map(of);
    const values = Float64Array.from(parts.flatMap((part) => [...part]));
    return { values, shape: batch ? [batch, parts[0].length] : [parts[0].length] };
  };
  return {
    Q: { values: denseOf(shared.Q), shape: [n, n], symmetric: true },
    q: joined(({ q }) => q),
    A: { values: shared.A.data, shape: [shared.A.data.length] },
    b: joined(({ b }) => b),
    G: joined(({ G }) => G.data),
    l: joined(({ l }) => l),
    u: joined(({ u }) => u),
    lower: joined(({ lower }) => lower),
    upper: joined(({ upper }) => upper),
  };
}

/** Row by row. */
export function denseOf({ shape: [rows, columns], indptr, indices, data }: RandomMatrix): Float64Array {
  const values = new Float64Array(rows * columns);
  for (let j = 0; j < columns; j++)
    for (let k = indptr[j]; k < indptr[j + 1]; k++) values[indices[k] * columns + j] = data[k];
  return values;
}

/** The stored entries of a matrix that is given dense, by a product with zeros and ones. */
function entriesOf({ shape: [, columns], indptr, indices }: RandomMatrix, dense: Tensor): Tensor {
  const chosen = new Float64Array(dense.size * indices.length);
  indices.forEach((i, k) => {
    const column = indptr.findIndex((end) => end > k) - 1;
    chosen[(i * columns + column) * indices.length + k] = 1;
  });
  const selection = tensor(chosen, { shape: [dense.size, indices.length] }).to(dense.dtype);
  return matmul(dense.reshape([1, dense.size]), selection).reshape([indices.length]);
}

export function solved(rule: string, data: SparseQuadraticBatchData, layer = sparseQuadraticLayer): readonly Tensor[] {
  const solver = rule === "implicit" ? sparseInteriorPoint({ tolerance: 1e-12 }) : sparseAdmm({ tolerance: 1e-13 });
  const { x, nu, lambda, zeta } = layer(data, { solver, differentiation: rules[rule] });
  return [x, nu, lambda, zeta];
}

/** minimize 1/2 x'Qx + q'x subject to Ax = b, l <= Gx <= u, lower <= x <= upper, matrices in compressed columns. */
export const entry: TableClass = {
  name: "sparse qp",
  rules: Object.keys(rules),
  float32: true,
  batched: true,
  data: (random, batch) => randomData(random, batch),
  layer(rule, data) {
    const column = (name: "Q" | "A" | "G", values: DatumInput) => ({ ...patterns[name], data: values });
    const vectors = Object.fromEntries(sparseDatumNames.map((name) => [name, data[name]]));
    return solved(rule, {
      ...(vectors as unknown as SparseQuadraticBatchData),
      Q: column("Q", entriesOf(patterns.Q, data.Q)),
      A: column("A", data.A),
      G: column("G", data.G),
    });
  },
};
