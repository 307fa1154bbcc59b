import {
  admm,
  alternating,
  type DifferentiationRule,
  implicit,
  interiorPoint,
  type SparsemaxData,
  sparsemaxLayer,
  unrolled,
} from "../../src/index.ts";
import type { Random, TableClass } from "./table-class.ts";

const rules: Record<string, DifferentiationRule | undefined> = {
  structure: undefined,
  implicit: implicit(),
  alternating: alternating({ truncate: 1e-12 }),
  unrolled: unrolled(),
};

const n = 7;

/** minimize 1/2 |x - y|^2 subject to 1'x = total, 0 <= x <= u; in a batch total is shared. */
export const entry: TableClass = {
  name: "sparsemax",
  rules: Object.keys(rules),
  float32: true,
  batched: true,
  data(random, batch) {
    const items = Array.from({ length: batch ?? 1 }, () => clearItem(random));
    const shape = batch ? [batch, n] : [n];
    return {
      y: { values: Float64Array.from(items.flatMap(({ y }) => y)), shape },
      u: { values: Float64Array.from(items.flatMap(({ u }) => u)), shape },
      total: { values: Float64Array.of(1), shape: [] },
    };
  },
  layer(rule, data) {
    const solver = rule === "implicit" ? interiorPoint({ tolerance: 1e-12 }) : admm({ tolerance: 1e-13 });
    const options = rule === "structure" ? {} : { solver, differentiation: rules[rule] };
    const { x, nu, lambda } = sparsemaxLayer(data as unknown as SparsemaxData, options);
    return [x, nu, lambda];
  },
};

/** Entries at 0, at u and between, none of them near to a change. */
function clearItem({ normal, uniform }: Random): { y: number[]; u: number[] } {
  for (;;) {
    const y = Array.from({ length: n }, () => normal() / 2);
    const u = Array.from({ length: n }, () => 0.15 + 0.3 * uniform());
    const { x, lambda } = sparsemaxLayer({ y, u });
    const slacks = [...x.data(), ...Array.from(x.data(), (value, j) => u[j] - value)];
    const free = slacks.filter((slack) => slack > 0).length - n;
    const isClear = lambda.data().every((dual: number, k: number) => Math.max(dual, slacks[k]) > 0.02);
    if (isClear && free >= 2) return { y, u };
  }
}
